/*
 * chain.h - SHA-256 over what a run has on record, each link over the one before it.
 */
#ifndef RUNPLAN_STORE_CHAIN_H
#define RUNPLAN_STORE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

#define CHAIN_BYTES 32

/* link = SHA-256(link, length of the text as 8 bytes, text). False with a message: libcrypto cannot be
 * loaded. */
bool chain_add(unsigned char link[CHAIN_BYTES], const char *text, size_t length, char *error, size_t size);

#endif
