/* chain.c - see chain.h. */
#include "store/chain.h"

#include <endian.h>

void chain_add(unsigned char link[CHAIN_BYTES], const char *text, size_t length)
{
	uint64_t count = htobe64((uint64_t)length);
	struct sha256 hash;

	sha256_start(&hash);
	sha256_add(&hash, link, CHAIN_BYTES);
	sha256_add(&hash, &count, sizeof(count));
	sha256_add(&hash, text, length);
	sha256_end(&hash, link);
}
