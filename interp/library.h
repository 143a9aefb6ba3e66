/*
 * library.h - shared libraries that are loaded at their first use.
 *
 * A record of function pointers is filled with the functions named, in their order. What was loaded stays.
 * The users (builtins/lazy.c, store/) wrap each library in a function that answers its constant record:
 *
 *     static struct library sqlite_library = {.once = PTHREAD_ONCE_INIT};
 */
#ifndef RUNPLAN_LIBRARY_H
#define RUNPLAN_LIBRARY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct library {
	pthread_once_t once;
	bool loaded;
	char error[200];
};

/*
 * Opens the first of `sonames` that is there, and fills `api`, which is nothing but function pointers, with
 * the functions named: in the library itself and in what it depends on. False, with library->error: it or one
 * of them is missing.
 */
bool library_load(struct library *library, const char *what, const char *const *sonames,
		  const char *const *names, void *api);
/* `api`, or NULL with the reason in `error`. */
const void *library_answer(const struct library *library, const void *api, char *error, size_t size);

#endif
