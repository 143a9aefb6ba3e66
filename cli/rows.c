/* rows.c - see rows.h. */
#define _GNU_SOURCE
#include "cli/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/memory.h"

struct rows {
	struct store base;
	const struct redactor *redactor;
	struct buffer unsynced;
	size_t count;
	int fd;
};

static struct rows *rows_of(struct store *store)
{
	return (struct rows *)store; /* base comes first */
}

static bool rows_append(struct store *store, const char *row, size_t length)
{
	struct rows *rows = rows_of(store);

	redact_row(rows->redactor, row, length, &rows->unsynced);
	buffer_add_byte(&rows->unsynced, '\n');
	rows->count++;
	return true;
}

static bool write_whole(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

static bool rows_sync(struct store *store)
{
	struct rows *rows = rows_of(store);

	if (rows->unsynced.length == 0)
		return true;
	if (!write_whole(rows->fd, rows->unsynced.string->bytes, rows->unsynced.length))
		return false;
	buffer_cut(&rows->unsynced, 0);
	return fdatasync(rows->fd) == 0 || errno == EINVAL || errno == EROFS; /* a pipe has no disk */
}

static size_t rows_count(struct store *store)
{
	return rows_of(store)->count;
}

/* What was written is not kept here: rows_read() gives it back. */
static const char *rows_peek(struct store *store, size_t index, size_t *length)
{
	(void)store;
	(void)index;
	*length = 0;
	return NULL;
}

static void rows_free(struct store *store)
{
	struct rows *rows = rows_of(store);

	rows_sync(store);
	close(rows->fd);
	buffer_free(&rows->unsynced);
	free(rows);
}

static const struct store_ops rows_ops = {
    .append = rows_append,
    .sync = rows_sync,
    .count = rows_count,
    .row_peek = rows_peek,
    .free = rows_free,
};

struct store *rows_create(const char *path, const struct redactor *redactor, char *error, size_t size)
{
	struct rows *rows;
	struct stat status;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
		snprintf(error, size, "%s: holds another run already", path);
		close(fd);
		return NULL;
	}
	rows = memory_need(calloc(1, sizeof(*rows)));
	rows->base.ops = &rows_ops;
	rows->redactor = redactor;
	rows->fd = fd;
	return &rows->base;
}

struct store *rows_read(const char *path, char *error, size_t size)
{
	FILE *file = fopen(path, "re");
	struct store *rows;
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	bool whole = true;

	if (!file) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		return NULL;
	}
	rows = store_memory_new();
	while ((length = getline(&line, &room, file)) >= 0) {
		whole = length > 0 && line[length - 1] == '\n';
		if (whole)
			length--;
		if (!whole)
			break; /* the last row was cut off while it was written: it says nothing */
		if (length > 0)
			rows->ops->append(rows, line, (size_t)length);
	}
	if (ferror(file)) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		rows->ops->free(rows);
		rows = NULL;
	} else if (rows->ops->count(rows) == 0) {
		snprintf(error, size, "%s: holds no row", path);
		rows->ops->free(rows);
		rows = NULL;
	}
	free(line);
	fclose(file);
	return rows;
}
