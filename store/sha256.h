/*
 * sha256.h - SHA-256 (FIPS 180-4). Of our own, because loading libcrypto for it takes as long as a short run.
 */
#ifndef RUNPLAN_SHA256_H
#define RUNPLAN_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

struct sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes so far */
	unsigned char block[64];
};

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t length);
void sha256_end(struct sha256 *hash, unsigned char out[SHA256_BYTES]);

#endif
