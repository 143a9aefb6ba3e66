#include "grammar/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "grammar/arena.h"

void sources_init(struct sources *sources, struct arena *arena)
{
	*sources = (struct sources){.arena = arena};
}

/* `text` is the arena's. */
static uint32_t keep(struct sources *sources, const char *path, const char *text, size_t length)
{
	sources->list =
	    arena_grow(sources->arena, sources->list, sources->count, &sources->room, sizeof(*sources->list));
	sources->list[sources->count] = (struct source){
	    .path = arena_strdup(sources->arena, path),
	    .text = text,
	    .length = (uint32_t)length,
	};
	return sources->count++;
}

uint32_t source_add(struct sources *sources, const char *path, const char *text, size_t length)
{
	return keep(sources, path, arena_strndup(sources->arena, text, length), length);
}

/* All bytes of `fd`, of which there are probably `expected`, with a NUL byte after them. NULL with errno set;
 * EFBIG: too many. */
static char *read_all(struct arena *arena, int fd, size_t expected, size_t *length)
{
	size_t room = expected + 2, used = 0;
	char *text = arena_alloc(arena, room);

	for (;;) {
		ssize_t got = read(fd, text + used, room - 1 - used);

		if (got == 0)
			break;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return NULL;
		used += (size_t)got;
		if (used > SOURCE_MAX_BYTES) {
			errno = EFBIG;
			return NULL;
		}
		if (used == room - 1) {
			char *more = arena_alloc(arena, room * 2);

			memcpy(more, text, used);
			text = more;
			room *= 2;
		}
	}
	*length = used;
	return text;
}

/* What a pipe or a terminal gives at once, or a file has; a file may change meanwhile. */
static size_t expected_bytes(const struct stat *status)
{
	size_t most = S_ISREG(status->st_mode) ? (size_t)status->st_size : 64 * 1024;

	return most < SOURCE_MAX_BYTES ? most : SOURCE_MAX_BYTES;
}

const char *source_load(struct sources *sources, const char *path, uint32_t *file)
{
	bool is_stdin = strcmp(path, "-") == 0;
	/* Not blocking, or a FIFO without a writer would be waited for for ever; reading it then gives
	 * nothing. */
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status = {0};
	size_t length = 0;
	char *text = NULL;
	int error;

	if (fd < 0)
		return arena_strdup(sources->arena, strerror(errno));
	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		errno = EISDIR;
	} else {
		if (!is_stdin)
			fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
		text = read_all(sources->arena, fd, expected_bytes(&status), &length);
	}
	error = errno;
	if (!is_stdin)
		close(fd);
	if (!text)
		return error == EISDIR	? "is a directory"
		       : error == EFBIG ? "is larger than 64 MiB"
					: arena_strdup(sources->arena, strerror(error));
	if (!length && !is_stdin && S_ISFIFO(status.st_mode))
		return "is a pipe that nobody writes to";
	*file = keep(sources, is_stdin ? "<stdin>" : path, text, length);
	return NULL;
}

const struct source *source_get(const struct sources *sources, uint32_t file)
{
	return &sources->list[file];
}

const char *source_text(const struct sources *sources, struct span span)
{
	return sources->list[span.file].text + span.from;
}

static void find_lines(const struct sources *sources, struct source *source)
{
	uint32_t count = 1;
	uint32_t *starts;

	for (uint32_t i = 0; i < source->length; i++)
		count += source->text[i] == '\n';
	starts = arena_alloc(sources->arena, count * sizeof(*starts));
	source->line_count = 1;
	for (uint32_t i = 0; i < source->length; i++)
		if (source->text[i] == '\n')
			starts[source->line_count++] = i + 1;
	source->line_starts = starts;
}

static const struct source *with_lines(const struct sources *sources, uint32_t file)
{
	struct source *source = &sources->list[file];

	if (!source->line_starts)
		find_lines(sources, source);
	return source;
}

/* 0-based index of the line that holds `offset`. */
static uint32_t line_of(const struct source *source, uint32_t offset)
{
	uint32_t low = 0, high = source->line_count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (source->line_starts[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

struct position source_position(const struct sources *sources, uint32_t file, uint32_t offset)
{
	const struct source *source = with_lines(sources, file);
	uint32_t line = line_of(source, offset);
	uint32_t column = 1;

	for (uint32_t i = source->line_starts[line]; i < offset; i++)
		column += ((unsigned char)source->text[i] & 0xc0) != 0x80;
	return (struct position){line + 1, column};
}

struct span source_line(const struct sources *sources, uint32_t file, uint32_t line)
{
	const struct source *source = with_lines(sources, file);
	uint32_t from = source->line_starts[line - 1];
	uint32_t to = line < source->line_count ? source->line_starts[line] - 1 : source->length;

	if (to > from && line < source->line_count && source->text[to - 1] == '\r')
		to--;
	return (struct span){file, from, to};
}
