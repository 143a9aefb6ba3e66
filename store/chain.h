/*
 * chain.h - SHA-256 over what a run has on record, each link over the one before it.
 */
#ifndef RUNPLAN_STORE_CHAIN_H
#define RUNPLAN_STORE_CHAIN_H

#include "store/sha256.h"

#define CHAIN_BYTES SHA256_BYTES

/* link = SHA-256(link, length of the text as 8 bytes, text) */
void chain_add(unsigned char link[CHAIN_BYTES], const char *text, size_t length);

#endif
