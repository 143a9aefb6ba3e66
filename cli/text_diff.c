/* text_diff.c - see text_diff.h. */
#define _GNU_SOURCE
#include "cli/text_diff.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* A file without a name that holds the text, read from its beginning. */
static int text_file(const char *text, size_t length)
{
	int fd = memfd_create("plan", 0);
	size_t at = 0;

	while (fd >= 0 && at < length) {
		ssize_t wrote = write(fd, text + at, length - at);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0) {
			close(fd);
			return -1;
		}
		at += (size_t)wrote;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static bool run_diff(const char *path, int old, int new, bool color)
{
	char left[32], right[32];
	char *arguments[] = {"diff",
			     "-u",
			     "--label",
			     (char *)path,
			     "--label",
			     (char *)path,
			     color ? "--color=always" : "--color=never",
			     left,
			     right,
			     NULL};
	posix_spawnattr_t attributes;
	int status, error;
	sigset_t pipe;
	pid_t child;

	snprintf(left, sizeof(left), "/dev/fd/%d", old);
	snprintf(right, sizeof(right), "/dev/fd/%d", new);
	fflush(stdout);
	/* This process ignores SIGPIPE; diff shall end when nobody reads on. */
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &pipe);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	error = posix_spawnp(&child, "diff", NULL, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	if (error) {
		errno = error;
		return false;
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	errno = EIO;
	/* 1: they differ. */
	return (WIFEXITED(status) && WEXITSTATUS(status) <= 1) || WIFSIGNALED(status);
}

bool text_diff(const char *path, const char *old, size_t old_length, const char *new, size_t new_length,
	       bool color)
{
	int left = text_file(old, old_length), right = text_file(new, new_length);
	bool made = left >= 0 && right >= 0 && run_diff(path, left, right, color);
	int error = errno;

	if (left >= 0)
		close(left);
	if (right >= 0)
		close(right);
	errno = error;
	return made;
}
