/* part.c - see part.h. */
#include "builtins/part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From linux/fs.h, which does not go well with sys/mount.h. */
#define NO_REPLACE 1

void part_init(struct part *part, const char *writer, const char *path)
{
	*part = (struct part){.writer = writer, .path = memory_need(strdup(path)), .fd = -1};
	if (asprintf(&part->name, "%s.part", path) < 0)
		memory_need(NULL);
}

void part_free(struct part *part)
{
	if (part->fd >= 0)
		close(part->fd);
	part->fd = -1;
	free(part->path);
	free(part->name);
}

static bool lock_part(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* Is our .part still the file of that name? */
static bool owns_part(const struct part *part)
{
	struct stat ours, named;

	return fstat(part->fd, &ours) == 0 && lstat(part->name, &named) == 0 && ours.st_ino == named.st_ino &&
	       ours.st_dev == named.st_dev;
}

static bool fail_busy(struct part *part)
{
	snprintf(part->error, sizeof(part->error), "%.300s is being written by another %s", part->name,
		 part->writer);
	return false;
}

/* Removes what a run that died has left; false where one that lives is writing it. */
static bool remove_stale(struct part *part)
{
	int fd = open(part->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool stale;

	if (fd < 0 && errno == ENOENT)
		return true;
	stale = fd < 0 || lock_part(fd);
	if (stale && unlink(part->name) != 0 && errno != ENOENT)
		disk_failed("remove", part->name, errno, part->error);
	else if (!stale)
		fail_busy(part);
	if (fd >= 0)
		close(fd);
	return part->error[0] == '\0';
}

bool part_open(struct part *part)
{
	struct stat status;

	if (lstat(part->path, &status) == 0) {
		snprintf(part->error, sizeof(part->error), "%.300s exists already: %s writes over no file",
			 part->path, part->writer);
		return false;
	}
	if (!remove_stale(part))
		return false;
	part->fd = open(part->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (part->fd < 0)
		return disk_failed("write", part->name, errno, part->error);
	return (lock_part(part->fd) && owns_part(part)) || fail_busy(part);
}

bool part_digest(struct part *part)
{
	struct stat status;

	if (fsync(part->fd) != 0 || fstat(part->fd, &status) != 0)
		return disk_failed("write", part->name, errno, part->error);
	part->size = status.st_size;
	return sha256_file(part->name, part->sha256, part->error, sizeof(part->error));
}

static bool rename_new(const char *from, const char *to)
{
	if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, NO_REPLACE) == 0)
		return true;
	/* Not every file system can promise it; the name was free when the writing began. */
	return (errno == EINVAL || errno == ENOSYS) && access(to, F_OK) != 0 && rename(from, to) == 0;
}

bool part_name(struct part *part)
{
	if (!owns_part(part)) {
		snprintf(part->error, sizeof(part->error), "%.300s was taken away while it was written",
			 part->name);
		return false;
	}
	if (!rename_new(part->name, part->path))
		return disk_failed("write", part->path, errno, part->error);
	return disk_sync_directory_of(part->path, part->error);
}

void part_drop(struct part *part)
{
	if (part->fd >= 0 && owns_part(part))
		unlink(part->name);
}

bool part_path_fits(struct effect_call *call, size_t index)
{
	struct value path = call_arg(call, index);

	if (path.tag == VALUE_STRING && value_length(path) > 0 &&
	    strlen(value_text_peek(path)) == value_length(path) &&
	    value_text_peek(path)[value_length(path) - 1] != '/')
		return true;
	call_failed(call, "%s needs the path of a file", call->builtin->name);
	return false;
}

struct looking {
	struct effect_call *call;
	char *path;
	bool there, known;
};

static void looking_free(void *state)
{
	struct looking *looking = state;

	free(looking->path);
	free(looking);
}

static void look_work(void *context)
{
	struct looking *looking = context;
	struct stat status;

	looking->there = lstat(looking->path, &status) == 0;
	looking->known = looking->there || errno == ENOENT || errno == ENOTDIR;
}

static void look_done(void *context)
{
	struct looking *looking = context;

	call_ok(looking->call, looking->known ? value_bool(looking->there) : value_null());
}

void part_probe(struct effect_call *call, size_t index)
{
	struct looking *looking;

	if (!part_path_fits(call, index))
		return;
	looking = memory_need(calloc(1, sizeof(*looking)));
	looking->call = call;
	looking->path = memory_need(strdup(call_text(call, index)));
	call->state = looking;
	call->free_state = looking_free;
	live_work(call->live, look_work, look_done, looking);
}
