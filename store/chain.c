/* chain.c - see chain.h. */
#include "store/chain.h"

/* Their successors take 1.2 ms to find an implementation at their first use: half of a short run. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "interp/library.h"
#include "interp/value.h"

#define CRYPTO_FUNCTIONS(X)                                                                                  \
	X(SHA256_Init)                                                                                       \
	X(SHA256_Update)                                                                                     \
	X(SHA256_Final)

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
	SHA256_CTX hash;
	bool good;

	pthread_once(&library.once, load_once);
	crypto = library_answer(&library, &functions, error, size);
	if (!crypto)
		return false;
	for (int i = 0; i < 8; i++)
		count[i] = (unsigned char)((uint64_t)length >> (56 - 8 * i));
	good = crypto->SHA256_Init(&hash) == 1 && crypto->SHA256_Update(&hash, link, CHAIN_BYTES) == 1 &&
	       crypto->SHA256_Update(&hash, count, sizeof(count)) == 1 &&
	       crypto->SHA256_Update(&hash, text, length) == 1 && crypto->SHA256_Final(link, &hash) == 1;
	if (!good)
		snprintf(error, size, "libcrypto makes no SHA-256");
	return good;
}
