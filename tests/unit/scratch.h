/*
 * scratch.h - for tests of builtins: a folder of the test's own with files in it, and a server in it that says
 * when it is ready. Ports and the end of a server: servers.h.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/servers.h"

static char directory[64];

static inline void directory_make(const char *name)
{
	snprintf(directory, sizeof directory, "/tmp/%s.XXXXXX", name);
	if (mkdtemp(directory) == NULL)
		abort();
}

static inline int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

static inline void directory_remove(void)
{
	nftw(directory, remove_one, 20, FTW_DEPTH | FTW_PHYS);
}

/* A path in it, as the caller's string; few at a time. */
static inline const char *in_directory(const char *name)
{
	static char paths[8][200];
	static int next;

	next = (next + 1) % 8;
	snprintf(paths[next], sizeof paths[next], "%s/%s", directory, name);
	return paths[next];
}

/* Its standard error goes to the file `log` of the folder; *out, where it is wanted, reads its standard
 * output. */
static inline pid_t server_start(const char *const *argv, int *out)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		abort();
	pid = fork();
	if (pid == 0) {
		int log = open(in_directory("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(ends[1], 1);
		dup2(log, 2);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(ends[1]);
	if (out != NULL)
		*out = ends[0];
	else
		close(ends[0]);
	return pid;
}

/* Until it has printed `line`; false where it ended before. */
static inline bool server_said(int out, const char *line)
{
	char text[200];
	size_t length = 0;

	while (length + 1 < sizeof text && read(out, text + length, 1) == 1) {
		text[++length] = '\0';
		if (strstr(text, line) != NULL)
			return true;
	}
	return false;
}

static inline void file_make(const char *path, const char *bytes, size_t length)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fwrite(bytes, 1, length, file) != length || fclose(file) != 0)
		abort();
}

static inline bool file_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* The most memory that this process ever had, in MiB. */
static inline long memory_peak(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss / 1024;
}

#endif
