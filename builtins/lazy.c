/*
 * lazy.c - loads libraries at their first use.
 *
 * The loaded tables are the one thing here that outlives a call: they are written once, under pthread_once(),
 * and constant from then on. Nothing is ever unloaded (OpenSSL registers handlers of its own for the end of
 * the process).
 */
#include "builtins/lazy.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "builtins/lazy_ws.h"
#include "builtins/live.h"
#include "interp/library.h"

#define CRYPTO_FUNCTIONS(X)                                                                                  \
	X(EVP_MD_CTX_new)                                                                                    \
	X(EVP_MD_CTX_free)                                                                                   \
	X(EVP_sha256)                                                                                        \
	X(EVP_md5)                                                                                           \
	X(EVP_DigestInit_ex)                                                                                 \
	X(EVP_DigestUpdate)                                                                                  \
	X(EVP_DigestFinal_ex)

struct crypto_api {
#define X(name) __typeof__(name) *name;
	CRYPTO_FUNCTIONS(X)
#undef X
};

static struct library curl_library = {.once = PTHREAD_ONCE_INIT};
static struct curl_api curl_functions;

static void curl_load_once(void)
{
	static const char *const sonames[] = {"libcurl.so.4", "libcurl.so", NULL};
#define X(name) "curl_" #name,
	static const char *const names[] = {CURL_FUNCTIONS(X) NULL};
#undef X

	if (!library_load(&curl_library, "libcurl", sonames, names, &curl_functions))
		return;
	if (curl_functions.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		snprintf(curl_library.error, sizeof curl_library.error, "libcurl cannot be initialised");
		return;
	}
	curl_library.loaded = true;
}

const struct curl_api *curl_load(char *error, size_t size)
{
	pthread_once(&curl_library.once, curl_load_once);
	return library_answer(&curl_library, &curl_functions, error, size);
}

static struct library pq_library = {.once = PTHREAD_ONCE_INIT};
static struct pq_api pq_functions;

static void pq_load_once(void)
{
	static const char *const sonames[] = {"libpq.so.5", "libpq.so", NULL};
#define X(name) #name,
	static const char *const names[] = {PQ_FUNCTIONS(X) NULL};
#undef X

	pq_library.loaded = library_load(&pq_library, "libpq", sonames, names, &pq_functions);
}

const struct pq_api *pq_load(char *error, size_t size)
{
	pthread_once(&pq_library.once, pq_load_once);
	return library_answer(&pq_library, &pq_functions, error, size);
}

static struct library tls_library = {.once = PTHREAD_ONCE_INIT};
static struct tls_api tls_functions;

static void tls_load_once(void)
{
	static const char *const sonames[] = {"libssl.so.3", "libssl.so", NULL};
#define X(name) #name,
	static const char *const names[] = {TLS_FUNCTIONS(X) NULL};
#undef X

	tls_library.loaded = library_load(&tls_library, "libssl", sonames, names, &tls_functions);
}

const struct tls_api *tls_load(char *error, size_t size)
{
	pthread_once(&tls_library.once, tls_load_once);
	return library_answer(&tls_library, &tls_functions, error, size);
}

static struct library hiredis_library = {.once = PTHREAD_ONCE_INIT};
static struct hiredis_api hiredis_functions;

/* The layout of its reader goes with the headers that this was built with. */
#define SONAME_TEXT(version)  SONAME_TEXT_(version)
#define SONAME_TEXT_(version) #version

static void hiredis_load_once(void)
{
	static const char *const sonames[] = {"libhiredis.so." SONAME_TEXT(HIREDIS_SONAME), NULL};
#define X(name) #name,
	static const char *const names[] = {HIREDIS_FUNCTIONS(X) NULL};
#undef X

	hiredis_library.loaded =
	    library_load(&hiredis_library, "libhiredis", sonames, names, &hiredis_functions);
}

const struct hiredis_api *hiredis_load(char *error, size_t size)
{
	pthread_once(&hiredis_library.once, hiredis_load_once);
	return library_answer(&hiredis_library, &hiredis_functions, error, size);
}

static struct library ws_library = {.once = PTHREAD_ONCE_INIT};
static struct ws_api ws_functions;

static void ws_load_once(void)
{
	static const char *const sonames[] = {"libwebsockets.so.17", "libwebsockets.so", NULL};
#define X(name) #name,
	static const char *const names[] = {WS_FUNCTIONS(X) NULL};
#undef X

	ws_library.loaded = library_load(&ws_library, "libwebsockets", sonames, names, &ws_functions);
}

const struct ws_api *ws_load(char *error, size_t size)
{
	pthread_once(&ws_library.once, ws_load_once);
	return library_answer(&ws_library, &ws_functions, error, size);
}

static struct library expat_library = {.once = PTHREAD_ONCE_INIT};
static struct expat_api expat_functions;

static void expat_load_once(void)
{
	static const char *const sonames[] = {"libexpat.so.1", "libexpat.so", NULL};
#define X(name) #name,
	static const char *const names[] = {EXPAT_FUNCTIONS(X) NULL};
#undef X

	expat_library.loaded = library_load(&expat_library, "libexpat", sonames, names, &expat_functions);
}

const struct expat_api *expat_load(char *error, size_t size)
{
	pthread_once(&expat_library.once, expat_load_once);
	return library_answer(&expat_library, &expat_functions, error, size);
}

static struct library sqlite_library = {.once = PTHREAD_ONCE_INIT};
static struct sqlite_api sqlite_functions;

static void sqlite_load_once(void)
{
	static const char *const sonames[] = {"libsqlite3.so.0", "libsqlite3.so", NULL};
#define X(name) "sqlite3_" #name,
	static const char *const names[] = {SQLITE_FUNCTIONS(X) NULL};
#undef X

	sqlite_library.loaded =
	    library_load(&sqlite_library, "libsqlite3", sonames, names, &sqlite_functions);
}

const struct sqlite_api *sqlite_load(char *error, size_t size)
{
	pthread_once(&sqlite_library.once, sqlite_load_once);
	return library_answer(&sqlite_library, &sqlite_functions, error, size);
}

static struct library crypto_library = {.once = PTHREAD_ONCE_INIT};
static struct crypto_api crypto_functions;

static void crypto_load_once(void)
{
	static const char *const sonames[] = {"libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so", NULL};
#define X(name) #name,
	static const char *const names[] = {CRYPTO_FUNCTIONS(X) NULL};
#undef X

	crypto_library.loaded = library_load(&crypto_library, "libcrypto", sonames, names, &crypto_functions);
}

static const struct crypto_api *crypto_load(char *error, size_t size)
{
	pthread_once(&crypto_library.once, crypto_load_once);
	return library_answer(&crypto_library, &crypto_functions, error, size);
}

/* Ends a digest: its hexadecimal text, and the context's memory. */
static bool digest_finish(const struct crypto_api *crypto, EVP_MD_CTX *context, bool good, char *hex)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	good = good && crypto->EVP_DigestFinal_ex(context, digest, &length) == 1;
	for (unsigned i = 0; good && i < length; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	crypto->EVP_MD_CTX_free(context);
	return good;
}

static EVP_MD_CTX *digest_begin(const struct crypto_api *crypto, const EVP_MD *kind)
{
	EVP_MD_CTX *context = memory_need(crypto->EVP_MD_CTX_new());

	if (kind != NULL && crypto->EVP_DigestInit_ex(context, kind, NULL) == 1)
		return context;
	crypto->EVP_MD_CTX_free(context);
	return NULL;
}

bool sha256_bytes(const char *bytes, size_t length, char hex[65])
{
	char error[200];
	const struct crypto_api *crypto = crypto_load(error, sizeof error);
	EVP_MD_CTX *context = crypto == NULL ? NULL : digest_begin(crypto, crypto->EVP_sha256());

	if (context == NULL)
		return false;
	return digest_finish(crypto, context, crypto->EVP_DigestUpdate(context, bytes, length) == 1, hex);
}

/* Feeds the whole of `fd` to the digests; the second may be NULL. 0, or the errno of the read that failed. */
static int digest_read(const struct crypto_api *crypto, EVP_MD_CTX *one, EVP_MD_CTX *two, int fd)
{
	char buffer[64 * 1024];

	for (;;) {
		ssize_t got = read(fd, buffer, sizeof buffer);

		if (got == 0)
			return 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (crypto->EVP_DigestUpdate(one, buffer, (size_t)got) != 1 ||
		    (two != NULL && crypto->EVP_DigestUpdate(two, buffer, (size_t)got) != 1))
			return EIO;
	}
}

bool digest_fd(int fd, char sha256[65], char md5[33], char *error, size_t size)
{
	const struct crypto_api *crypto = crypto_load(error, size);
	EVP_MD_CTX *one, *two = NULL;
	bool good;
	int code;

	if (crypto == NULL)
		return false;
	one = digest_begin(crypto, crypto->EVP_sha256());
	if (md5 != NULL)
		two = digest_begin(crypto, crypto->EVP_md5());
	good = one != NULL && (md5 == NULL || two != NULL);
	code = good ? digest_read(crypto, one, two, fd) : EIO;
	good = good && code == 0;
	if (one != NULL)
		good = digest_finish(crypto, one, good, sha256) && good;
	if (two != NULL)
		good = digest_finish(crypto, two, good, md5) && good;
	if (!good)
		snprintf(error, size, "%s", strerror(code != 0 ? code : EIO));
	return good;
}

bool sha256_file(const char *path, char hex[65], char *error, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char why[200];
	bool good;

	if (fd < 0) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		return false;
	}
	good = digest_fd(fd, hex, NULL, why, sizeof why);
	if (!good)
		snprintf(error, size, "%s: %s", path, why);
	close(fd);
	return good;
}
