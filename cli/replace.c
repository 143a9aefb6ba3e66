/* replace.c - see replace.h. */
#define _GNU_SOURCE
#include "cli/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t wrote = write(fd, text, length);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return false;
		text += wrote;
		length -= (size_t)wrote;
	}
	return true;
}

/* Whether the file still holds what was read from it. */
static bool holds(const char *path, const char *was, size_t length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char part[16 * 1024];
	size_t at = 0;
	ssize_t got = 0;

	while (fd >= 0 && (got = read(fd, part, sizeof(part))) > 0) {
		if ((size_t)got > length - at || memcmp(part, was + at, (size_t)got) != 0)
			break;
		at += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	return fd >= 0 && got == 0 && at == length;
}

/* A directory's entries are durable only when it is synchronized itself; where that cannot be, the file is
 * whole all the same. */
static void sync_folder(const char *path, const char *slash)
{
	char folder[PATH_MAX];
	int fd;

	snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

static bool fill(int fd, const struct stat *like, const char *text, size_t length)
{
	struct stat own;

	if (fstat(fd, &own) != 0)
		return false;
	/* Only the superuser may give a file away; the mode comes after, because a new owner clears bits of
	 * it. */
	if ((own.st_uid != like->st_uid || own.st_gid != like->st_gid) &&
	    fchown(fd, like->st_uid, like->st_gid) != 0 && errno != EPERM)
		return false;
	return fchmod(fd, like->st_mode & 07777) == 0 && write_all(fd, text, length) && fsync(fd) == 0;
}

/* `path` is the file itself, absolute. 0 or an errno. */
static int replace(const char *path, const struct stat *status, const char *text, size_t length)
{
	char beside[PATH_MAX + 16];
	const char *slash = strrchr(path, '/');
	int fd, error = 0;

	snprintf(beside, sizeof(beside), "%.*s/.%s.XXXXXX", (int)(slash - path), path, slash + 1);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (!fill(fd, status, text, length))
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	if (!error && rename(beside, path) != 0)
		error = errno;
	if (error)
		unlink(beside);
	else
		sync_folder(path, slash);
	return error;
}

const char *replace_file(const char *path, const char *was, size_t was_length, const char *text,
			 size_t length)
{
	char real[PATH_MAX];
	struct stat status;
	int error;

	if (!realpath(path, real) || stat(real, &status) != 0)
		return strerror(errno);
	if (!S_ISREG(status.st_mode))
		return "is not a regular file";
	/* The folder alone decides whether a name may be replaced; that the file is not to be written counts
	 * too. */
	if (faccessat(AT_FDCWD, real, W_OK, AT_EACCESS) != 0)
		return strerror(errno);
	if (!holds(real, was, was_length))
		return "was changed by someone else meanwhile";
	error = replace(real, &status, text, length);
	return error ? strerror(error) : NULL;
}
