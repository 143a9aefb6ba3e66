/* disk.c - see disk.h. */
#include "builtins/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "interp/buffer.h"

bool disk_failed(const char *what, const char *path, int number, char *error)
{
	char text[100];

	snprintf(error, DISK_ERROR, "cannot %s %.240s: %s", what, path,
		 strerror_r(number, text, sizeof(text)));
	return false;
}

static bool read_rest(int fd, int64_t max, struct buffer *bytes, int *number)
{
	for (;;) {
		size_t room = 64 * 1024;
		ssize_t got;

		/* One byte more than allowed tells a file that is too long. */
		if ((int64_t)(bytes->length + room) > max + 1)
			room = (size_t)(max + 1) - bytes->length;
		if (room == 0)
			return true;
		got = read(fd, buffer_reserve(bytes, room), room);
		if (got == 0)
			return true;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			*number = errno;
			return false;
		}
		bytes->length += (size_t)got;
	}
}

/* A regular file, open to be read; -1 and the error where it is none. */
static int open_regular(const char *path, struct stat *status, char *error)
{
	/* O_NONBLOCK: opening a FIFO would wait for who writes to it. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), number = 0;

	if (fd < 0 || fstat(fd, status) != 0)
		number = errno;
	else if (S_ISDIR(status->st_mode))
		number = EISDIR;
	if (number == 0 && S_ISREG(status->st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	if (number != 0)
		disk_failed("read", path, number, error);
	else
		snprintf(error, DISK_ERROR, "cannot read %.300s: it is no regular file", path);
	return -1;
}

bool disk_read(const char *path, int64_t max, struct value *out, struct stat *status, char *error)
{
	struct buffer bytes = {0};
	struct stat st;
	int fd = open_regular(path, &st, error), number = 0;

	if (fd < 0)
		return false;
	read_rest(fd, max, &bytes, &number);
	close(fd);
	if (number == 0 && (int64_t)bytes.length > max) {
		char size[48];

		buffer_free(&bytes);
		snprintf(error, DISK_ERROR, "cannot read %.300s: it is larger than %s", path,
			 size_text(max, size));
		return false;
	}
	if (number != 0) {
		buffer_free(&bytes);
		return disk_failed("read", path, number, error);
	}
	if (status)
		*status = st;
	*out = buffer_finish(&bytes);
	return true;
}

bool disk_write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

/* Where the file stands, links followed; also of one that isn't there yet. malloc'ed, NULL with errno. */
static char *real_target(const char *path)
{
	char *real = realpath(path, NULL);
	struct stat st;

	if (real || errno != ENOENT)
		return real;
	/* A link that leads nowhere is hardly what was meant. */
	if (lstat(path, &st) == 0) {
		errno = ENOENT;
		return NULL;
	}
	return strdup(path);
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return memory_need(strdup("."));
	return memory_need(strndup(path, slash == path ? 1 : (size_t)(slash - path)));
}

bool disk_sync_directory_of(const char *path, char *error)
{
	char *directory = directory_of(path);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Some file systems can't sync a directory and say EINVAL. */
	bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);

	if (!ok)
		disk_failed("sync", directory, errno, error);
	if (fd >= 0)
		close(fd);
	free(directory);
	return ok;
}

/* A new file beside `target`; its name, malloc'ed, in *name. -1 with errno. */
static int open_part(const char *target, mode_t mode, char **name)
{
	char *directory = directory_of(target);
	int tries, fd = -1;

	*name = memory_need(malloc(strlen(directory) + 48));
	for (tries = 0; tries < 100 && fd < 0; tries++) {
		uint64_t random = 0;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			break;
		sprintf(*name, "%s/.runplan-%016llx.part", directory, (unsigned long long)random);
		fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	free(directory);
	return fd;
}

/* What a file is to hold: these bytes, or all that can be read from `from` where that is no NULL. */
struct content {
	const char *bytes;
	size_t length;
	const int *from;
};

static bool pour(int from, int to)
{
	char block[64 * 1024];

	for (;;) {
		ssize_t got = read(from, block, sizeof(block));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		if (!disk_write_all(to, block, (size_t)got))
			return false;
	}
}

/* Fills the part and gives it the mode and owner it shall have. Closes fd. */
static bool fill_part(int fd, const struct content *content, int mode, const struct stat *old)
{
	bool ok = content->from ? pour(*content->from, fd) :
				  disk_write_all(fd, content->bytes, content->length);
	int number;

	/* Only root may give files away: another's file that a group may write changes hands. */
	if (ok && old && fchown(fd, old->st_uid, old->st_gid) != 0 && errno != EPERM)
		ok = false;
	if (ok && (mode >= 0 || old))
		ok = fchmod(fd, mode >= 0 ? (mode_t)mode : old->st_mode & 07777) == 0;
	if (ok)
		ok = fsync(fd) == 0;
	number = errno;
	if (close(fd) != 0 && ok)
		return false;
	errno = number;
	return ok;
}

static bool write_target(const char *target, const char *path, const struct content *content, int mode,
			 bool secret, char *error)
{
	struct stat st;
	bool there = stat(target, &st) == 0, ok;
	char *part = NULL;
	int fd, number;

	if (there && S_ISDIR(st.st_mode))
		return disk_failed("write", path, EISDIR, error);
	if (there && !S_ISREG(st.st_mode)) {
		snprintf(error, DISK_ERROR, "cannot write %.300s: it is no regular file", path);
		return false;
	}
	fd = open_part(target, secret ? 0600 : 0666, &part);
	ok = fd >= 0 && fill_part(fd, content, mode, there ? &st : NULL) && rename(part, target) == 0;
	if (!ok) {
		number = errno;
		if (fd >= 0)
			unlink(part);
		disk_failed("write", path, number, error);
	}
	free(part);
	return ok && disk_sync_directory_of(target, error);
}

static bool write_content(const char *path, const struct content *content, int mode, bool secret, char *error)
{
	char *target = real_target(path);
	bool ok;

	if (!target)
		return disk_failed("write", path, errno, error);
	ok = write_target(target, path, content, mode, secret, error);
	free(target);
	return ok;
}

bool disk_write(const char *path, const char *bytes, size_t length, int mode, bool secret, char *error)
{
	struct content content = {.bytes = bytes, .length = length};

	return write_content(path, &content, mode, secret, error);
}

bool disk_copy(const char *from, const char *to, int mode, char *error)
{
	struct stat st;
	int fd = open_regular(from, &st, error);
	struct content content = {.from = &fd};
	bool ok;

	if (fd < 0)
		return false;
	/* Nobody may read the copy before it has its mode. */
	ok = write_content(to, &content, mode >= 0 ? mode : (int)(st.st_mode & 07777), true, error);
	close(fd);
	return ok;
}
