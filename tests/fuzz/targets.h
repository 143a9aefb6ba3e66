/*
 * targets.h - what the fuzzer feeds with bytes, and what a named input is run through in every test. Each target takes
 * any bytes whatever, and ends the process with abort() where a promise is broken; a sanitizer does so for the rest.
 */
#ifndef RUNPLAN_FUZZ_TARGETS_H
#define RUNPLAN_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_target {
	const char *name;
	void (*run)(const char *text, size_t length);
};

extern const struct fuzz_target fuzz_targets[]; /* ends with a NULL name */

#endif
