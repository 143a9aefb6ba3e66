/* library.c - see library.h. */
#include "interp/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

bool library_load(struct library *library, const char *what, const char *const *sonames,
		  const char *const *names, void *api)
{
	void *handle = NULL, *symbol;

	for (size_t i = 0; sonames[i] != NULL && handle == NULL; i++)
		handle = dlopen(sonames[i], RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL) {
		snprintf(library->error, sizeof library->error, "%s cannot be loaded: %s", what, dlerror());
		return false;
	}
	for (size_t i = 0; names[i] != NULL; i++) {
		symbol = dlsym(handle, names[i]);
		if (symbol == NULL) {
			snprintf(library->error, sizeof library->error,
				 "the installed library is too old: it lacks %s()", names[i]);
			return false;
		}
		memcpy((char *)api + i * sizeof symbol, &symbol, sizeof symbol);
	}
	return true;
}

const void *library_answer(const struct library *library, const void *api, char *error, size_t size)
{
	if (library->loaded)
		return api;
	snprintf(error, size, "%s", library->error);
	return NULL;
}
