/* state_place.c - see state_place.h. */
#define _GNU_SOURCE
#include "cli/state_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interp/value.h"

#define DATABASE "runs.db"

static char *printed(const char *format, const char *a, const char *b)
{
	size_t size = strlen(format) + strlen(a) + strlen(b) + 1;
	char *text = memory_need(malloc(size));

	snprintf(text, size, format, a, b);
	return text;
}

static char *default_directory(void)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (geteuid() == 0)
		return memory_need(strdup("/var/lib/runplan"));
	if (xdg && *xdg == '/')
		return printed("%s%s", xdg, "/runplan");
	return printed("%s%s", home && *home ? home : "/tmp", "/.local/state/runplan");
}

static bool is_file(const char *path)
{
	size_t length = strlen(path);
	struct stat status;

	if (stat(path, &status) == 0)
		return S_ISREG(status.st_mode);
	return length > 3 && strcmp(path + length - 3, ".db") == 0;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? memory_need(strndup(path, slash == path ? 1 : (size_t)(slash - path)))
		     : memory_need(strdup("."));
}

static bool is_url(const char *text)
{
	return strncmp(text, "postgres://", 11) == 0 || strncmp(text, "postgresql://", 13) == 0;
}

/* Where locks stand while the runs are in a database elsewhere. */
static char *directory_of_locks(void)
{
	const char *named = getenv("RUNPLAN_STATE");

	if (!named || !*named || is_url(named) || is_file(named) || strcmp(named, "none") == 0)
		return default_directory();
	return memory_need(strdup(named));
}

/* A run goes on in the folder in which it was started: the locks are where they were all the same. */
static char *absolute(char *directory)
{
	char *here = directory[0] == '/' ? NULL : getcwd(NULL, 0), *whole;

	if (!here)
		return directory;
	whole = printed("%s/%s", here, directory);
	free(here);
	free(directory);
	return whole;
}

static struct state_place place_of(const struct options *options)
{
	const char *chosen = option_value(options, "state");

	if (!chosen)
		chosen = getenv("RUNPLAN_STATE");
	if (!chosen || !*chosen) {
		char *directory = default_directory();

		return (struct state_place){directory, printed("%s/%s", directory, DATABASE)};
	}
	if (strcmp(chosen, "none") == 0)
		return (struct state_place){default_directory(), NULL};
	if (is_url(chosen))
		return (struct state_place){directory_of_locks(), memory_need(strdup(chosen))};
	if (is_file(chosen))
		return (struct state_place){folder_of(chosen), memory_need(strdup(chosen))};
	return (struct state_place){memory_need(strdup(chosen)), printed("%s/%s", chosen, DATABASE)};
}

struct state_place state_place_of(const struct options *options)
{
	struct state_place place = place_of(options);

	place.directory = absolute(place.directory);
	return place;
}

void state_place_free(struct state_place *place)
{
	free(place->directory);
	free(place->database);
}

static void make_directories(char *path)
{
	char *slash;

	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	mkdir(path, 0700); /* what fails here is said by whoever needs the directory */
}

bool state_place_open(const struct state_place *place, struct state **state)
{
	char error[700];

	*state = NULL;
	make_directories(place->directory);
	if (!place->database)
		return true;
	*state = state_open(place->database, error, sizeof(error));
	if (*state)
		return true;
	fprintf(stderr,
		"runplan: runs cannot be kept: %s\n"
		"  nothing was run; --state PLACE names another place, --state none keeps no record (such a "
		"run can "
		"neither be resumed nor undone later)\n",
		error);
	return false;
}

struct state *state_place_records(const struct options *options)
{
	struct state_place place = state_place_of(options);
	struct state *state = NULL;
	char error[700];

	if (!place.database)
		fprintf(stderr, "runplan: --state none keeps no runs on record\n");
	else if (!is_url(place.database) && access(place.database, F_OK) != 0)
		fprintf(stderr, "runplan: there are no runs on record: %s is not there\n", place.database);
	else if (!(state = state_open(place.database, error, sizeof(error))))
		fprintf(stderr, "runplan: %s\n", error);
	state_place_free(&place);
	return state;
}
