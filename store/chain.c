/* chain.c - see chain.h. */
#include "store/chain.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "interp/library.h"
#include "interp/value.h"

#define CRYPTO_FUNCTIONS(X)                                                                                  \
	X(EVP_MD_CTX_new)                                                                                    \
	X(EVP_MD_CTX_free)                                                                                   \
	X(EVP_sha256)                                                                                        \
	X(EVP_DigestInit_ex)                                                                                 \
	X(EVP_DigestUpdate)                                                                                  \
	X(EVP_DigestFinal_ex)

struct crypto_functions {
#define X(name) __typeof__(name) *name;
	CRYPTO_FUNCTIONS(X)
#undef X
};

static struct library library = {.once = PTHREAD_ONCE_INIT};
static struct crypto_functions functions;

static void load_once(void)
{
	static const char *const sonames[] = {"libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so", NULL};
#define X(name) #name,
	static const char *const names[] = {CRYPTO_FUNCTIONS(X) NULL};
#undef X

	library.loaded = library_load(&library, "libcrypto", sonames, names, &functions);
}

bool chain_add(unsigned char link[CHAIN_BYTES], const char *text, size_t length, char *error, size_t size)
{
	const struct crypto_functions *crypto;
	unsigned char count[8];
	EVP_MD_CTX *context;
	bool good;

	pthread_once(&library.once, load_once);
	crypto = library_answer(&library, &functions, error, size);
	if (!crypto)
		return false;
	for (int i = 0; i < 8; i++)
		count[i] = (unsigned char)((uint64_t)length >> (56 - 8 * i));
	context = memory_need(crypto->EVP_MD_CTX_new());
	good = crypto->EVP_DigestInit_ex(context, crypto->EVP_sha256(), NULL) == 1 &&
	       crypto->EVP_DigestUpdate(context, link, CHAIN_BYTES) == 1 &&
	       crypto->EVP_DigestUpdate(context, count, sizeof(count)) == 1 &&
	       crypto->EVP_DigestUpdate(context, text, length) == 1 &&
	       crypto->EVP_DigestFinal_ex(context, link, NULL) == 1;
	crypto->EVP_MD_CTX_free(context);
	if (!good)
		snprintf(error, size, "libcrypto makes no SHA-256");
	return good;
}
