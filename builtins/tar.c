#define _GNU_SOURCE 1 /* scandir()'s friends, O_NOFOLLOW */
#include "builtins/tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interp/buffer.h"

#define BLOCK	   512
#define RULES_MAX  (1024 * 1024)      /* bytes of a .dockerignore */
#define OCTAL_SIZE (INT64_C(1) << 33) /* sizes from here on do not fit the header's 11 octal digits */

/* ---- rules ---- */

struct rule {
	char *pattern; /* cleaned: no empty, "." or ".." parts, no "/" at either end */
	bool back;     /* takes back in */
};

struct tar_rules {
	struct rule *rules;
	size_t count;
	bool any_back;
};

/* The class that begins behind "[" at `pattern`; *end is behind its "]". A class without an end matches
 * nothing. */
static bool class_matches(const char *pattern, char c, const char **end)
{
	bool negated = *pattern == '^' || *pattern == '!', found = false;
	const char *at = pattern + negated;

	do {
		unsigned char from, to;

		if (*at == '\\' && at[1] != '\0')
			at++;
		if (*at == '\0')
			return false;
		from = to = (unsigned char)*at++;
		if (*at == '-' && at[1] != ']' && at[1] != '\0') {
			to = (unsigned char)at[1];
			at += 2;
		}
		found |= (unsigned char)c >= from && (unsigned char)c <= to;
	} while (*at != ']');
	*end = at + 1;
	return found != negated;
}

static bool glob_matches(const char *pattern, const char *path);

/* Behind a double star: here, or behind any "/". */
static bool deep_matches(const char *rest, const char *path)
{
	if (*rest == '/')
		rest++;
	if (*rest == '\0')
		return true;
	for (;;) {
		if (glob_matches(rest, path))
			return true;
		path = strchr(path, '/');
		if (path == NULL)
			return false;
		path++;
	}
}

static bool star_matches(const char *rest, const char *path)
{
	for (;; path++) {
		if (glob_matches(rest, path))
			return true;
		if (*path == '\0' || *path == '/')
			return false;
	}
}

static bool glob_matches(const char *pattern, const char *path)
{
	for (; *pattern != '\0'; path++) {
		if (pattern[0] == '*' && pattern[1] == '*')
			return deep_matches(pattern + 2, path);
		if (*pattern == '*')
			return star_matches(pattern + 1, path);
		if (*path == '\0')
			return false;
		if (*pattern == '[' && *path != '/') {
			if (!class_matches(pattern + 1, *path, &pattern))
				return false;
			continue;
		}
		if (*pattern == '?' ? *path == '/'
				    : (pattern += *pattern == '\\' && pattern[1] != '\0', *pattern != *path))
			return false;
		pattern++;
	}
	return *path == '\0';
}

/* The path itself, or a directory above it. */
static bool rule_matches(const char *pattern, const char *path)
{
	char *above = memory_need(strdup(path));
	bool matches;

	for (;;) {
		char *slash;

		matches = glob_matches(pattern, above);
		slash = strrchr(above, '/');
		if (matches || slash == NULL)
			break;
		*slash = '\0';
	}
	free(above);
	return matches;
}

bool tar_rules_ignore(const struct tar_rules *rules, const char *path)
{
	for (size_t i = rules->count; i-- > 0;)
		if (rule_matches(rules->rules[i].pattern, path))
			return !rules->rules[i].back;
	return false;
}

/* Cleans a path in place: "/a//./b/../c/" becomes "a/c". */
static void path_clean(char *path)
{
	char *to = path, *at = path;

	while (*at != '\0') {
		size_t length = strcspn(at, "/");

		if (length == 2 && at[0] == '.' && at[1] == '.') {
			while (to > path && *--to != '/')
				;
		} else if (length > 0 && !(length == 1 && *at == '.')) {
			if (to > path)
				*to++ = '/';
			memmove(to, at, length);
			to += length;
		}
		at += length + (at[length] == '/');
	}
	*to = '\0';
}

static void rule_add(struct tar_rules *rules, const char *line, size_t length)
{
	struct rule rule = {0};

	while (length > 0 && strchr(" \t\r", line[length - 1]) != NULL)
		length--;
	while (length > 0 && strchr(" \t", *line) != NULL)
		line++, length--;
	if (length == 0 || *line == '#')
		return;
	rule.back = *line == '!';
	line += rule.back;
	length -= rule.back;
	while (length > 0 && strchr(" \t", *line) != NULL)
		line++, length--;
	rule.pattern = memory_need(strndup(line, length));
	path_clean(rule.pattern);
	if (*rule.pattern == '\0') { /* "." and "/" leave nothing out */
		free(rule.pattern);
		return;
	}
	rules->any_back |= rule.back;
	rules->rules = memory_need(realloc(rules->rules, (rules->count + 1) * sizeof rule));
	rules->rules[rules->count++] = rule;
}

struct tar_rules *tar_rules_parse(const char *text, size_t length)
{
	struct tar_rules *rules = memory_need(calloc(1, sizeof *rules));
	const char *end = text + length;

	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((newline != NULL ? newline : end) - text);

		rule_add(rules, text, line);
		text += line + 1;
	}
	return rules;
}

static bool fail(char *error, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool fail(char *error, size_t size, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(error, size, format, list);
	va_end(list);
	return false;
}

struct tar_rules *tar_rules_read(const char *directory, char *error, size_t size)
{
	struct value path = value_string_printf("%s/.dockerignore", directory);
	FILE *file = fopen(value_text_peek(path), "re");
	struct tar_rules *rules = NULL;
	char *text = memory_need(malloc(RULES_MAX));

	if (file == NULL && errno == ENOENT) {
		rules = tar_rules_parse("", 0);
	} else if (file != NULL) {
		size_t length = fread(text, 1, RULES_MAX, file);

		if (!ferror(file) && length < RULES_MAX)
			rules = tar_rules_parse(text, length);
		else
			errno = length == RULES_MAX ? EFBIG : EIO;
	}
	if (rules == NULL)
		fail(error, size, "cannot read %s: %s", value_text_peek(path), strerror(errno));
	if (file != NULL)
		fclose(file);
	free(text);
	value_release(path);
	return rules;
}

void tar_rules_free(struct tar_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free(rules->rules[i].pattern);
	free(rules->rules);
	free(rules);
}

/* ---- the archive ---- */

/* GNU's header; numbers are octal text. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], time[12], sum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

struct archive {
	FILE *out;
	const struct tar_rules *rules;
	const char *const *always;
	char *error;
	size_t error_size;
};

static bool put(struct archive *archive, const void *bytes, size_t length)
{
	if (length == 0 || fwrite(bytes, length, 1, archive->out) == 1)
		return true;
	return fail(archive->error, archive->error_size, "cannot write the archive: %s", strerror(errno));
}

static bool put_padding(struct archive *archive, uint64_t length)
{
	static const char zeros[BLOCK];

	return put(archive, zeros, (BLOCK - length % BLOCK) % BLOCK);
}

/* Sizes beyond the octal digits are big-endian binary behind 0x80, as GNU and Go's tar read them. */
static void size_set(struct header *header, int64_t size)
{
	if (size < OCTAL_SIZE) {
		snprintf(header->size, sizeof header->size, "%011llo", (unsigned long long)size);
		return;
	}
	header->size[0] = (char)0x80;
	for (int i = 0; i < 8; i++)
		header->size[11 - i] = (char)((uint64_t)size >> 8 * i & 0xff);
}

static bool put_header(struct archive *archive, char type, const char *name, const char *link, mode_t mode,
		       int64_t size, int64_t time)
{
	struct header header = {.magic = {'u', 's', 't', 'a', 'r', ' '}, .version = " "};
	unsigned sum = 0;

	memcpy(header.name, name, strnlen(name, sizeof header.name));
	memcpy(header.link, link, strnlen(link, sizeof header.link));
	snprintf(header.mode, sizeof header.mode, "%07o", (unsigned)mode & 07777);
	snprintf(header.uid, sizeof header.uid, "%07o", 0);
	snprintf(header.gid, sizeof header.gid, "%07o", 0);
	snprintf(header.time, sizeof header.time, "%011llo",
		 (unsigned long long)(time < 0		  ? 0
				      : time < OCTAL_SIZE ? time
							  : OCTAL_SIZE - 1));
	size_set(&header, size);
	header.type = type;
	memset(header.sum, ' ', sizeof header.sum);
	for (size_t i = 0; i < sizeof header; i++)
		sum += ((const unsigned char *)&header)[i];
	snprintf(header.sum, sizeof header.sum, "%06o", sum & 0777777);
	header.sum[7] = ' ';
	return put(archive, &header, sizeof header);
}

/* GNU's way for names that do not fit: an entry of type L or K that holds the name, in front. */
static bool put_long(struct archive *archive, char type, const char *name)
{
	size_t length = strlen(name) + 1;

	if (length <= 100)
		return true;
	return put_header(archive, type, "././@LongLink", "", 0, (int64_t)length, 0) &&
	       put(archive, name, length) && put_padding(archive, length);
}

static bool put_entry(struct archive *archive, char type, const char *name, const char *link,
		      const struct stat *stat)
{
	return put_long(archive, 'K', link) && put_long(archive, 'L', name) &&
	       put_header(archive, type, name, link, stat->st_mode, type == '0' ? (int64_t)stat->st_size : 0,
			  (int64_t)stat->st_mtim.tv_sec);
}

static bool put_bytes(struct archive *archive, int fd, const char *path, int64_t size)
{
	char bytes[64 * 1024];
	int64_t left = size;

	while (left > 0) {
		ssize_t got = read(fd, bytes, left < (int64_t)sizeof bytes ? (size_t)left : sizeof bytes);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(archive->error, archive->error_size, "cannot read %s: %s", path,
				    strerror(errno));
		if (got == 0)
			return fail(archive->error, archive->error_size,
				    "%s became shorter while it was read", path);
		if (!put(archive, bytes, (size_t)got))
			return false;
		left -= got;
	}
	return put_padding(archive, (uint64_t)size);
}

static bool put_file(struct archive *archive, const char *path, const char *name)
{
	/* What was a file a moment ago may be a pipe or a link now: neither waited for nor followed. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat stat;
	bool good;

	if (fd < 0 || fstat(fd, &stat) != 0) {
		fail(archive->error, archive->error_size, "cannot read %s: %s", path, strerror(errno));
		good = false;
	} else {
		good = put_entry(archive, '0', name, "", &stat) &&
		       put_bytes(archive, fd, path, (int64_t)stat.st_size);
	}
	if (fd >= 0)
		close(fd);
	return good;
}

static bool put_link(struct archive *archive, const char *path, const char *name, const struct stat *stat)
{
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof target - 1);

	if (length < 0)
		return fail(archive->error, archive->error_size, "cannot read %s: %s", path, strerror(errno));
	target[length] = '\0';
	return put_entry(archive, '2', name, target, stat);
}

static bool put_directory(struct archive *archive, const char *path, const char *name);

static bool is_always(const struct archive *archive, const char *name)
{
	for (size_t i = 0; archive->always != NULL && archive->always[i] != NULL; i++)
		if (strcmp(archive->always[i], name) == 0)
			return true;
	return false;
}

/* Is something below the ignored directory `name` wanted nevertheless? */
static bool must_descend(const struct archive *archive, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; archive->always != NULL && archive->always[i] != NULL; i++)
		if (strncmp(archive->always[i], name, length) == 0 && archive->always[i][length] == '/')
			return true;
	return archive->rules->any_back;
}

static bool put_found(struct archive *archive, const char *path, const char *name)
{
	bool wanted = is_always(archive, name) || !tar_rules_ignore(archive->rules, name);
	struct value directory;
	struct stat stat;
	bool good;

	if (lstat(path, &stat) != 0)
		return fail(archive->error, archive->error_size, "cannot read %s: %s", path, strerror(errno));
	if (S_ISDIR(stat.st_mode)) {
		directory = value_string_printf("%s/", name);
		good = (!wanted || put_entry(archive, '5', value_text_peek(directory), "", &stat)) &&
		       (!(wanted || must_descend(archive, name)) || put_directory(archive, path, name));
		value_release(directory);
		return good;
	}
	if (!wanted)
		return true;
	if (S_ISLNK(stat.st_mode))
		return put_link(archive, path, name, &stat);
	if (S_ISFIFO(stat.st_mode))
		return put_entry(archive, '6', name, "", &stat);
	return !S_ISREG(stat.st_mode) || put_file(archive, path, name);
}

static int not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool put_directory(struct archive *archive, const char *path, const char *name)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, not_dots, by_bytes);
	bool good = true;

	if (count < 0)
		return fail(archive->error, archive->error_size, "cannot read %s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		struct value below = value_string_printf("%s/%s", path, entries[i]->d_name);
		struct value inside =
		    value_string_printf("%s%s%s", name, *name == '\0' ? "" : "/", entries[i]->d_name);

		good = good && put_found(archive, value_text_peek(below), value_text_peek(inside));
		value_release(below);
		value_release(inside);
		free(entries[i]);
	}
	free(entries);
	return good;
}

bool tar_write(const char *directory, const struct tar_rules *rules, const char *const *always, FILE *out,
	       char *error, size_t size)
{
	static const char end[2 * BLOCK];
	struct archive archive = {
	    .out = out,
	    .rules = rules,
	    .always = always,
	    .error = error,
	    .error_size = size,
	};

	if (!put_directory(&archive, directory, "") || !put(&archive, end, sizeof end))
		return false;
	if (fflush(out) != 0)
		return fail(error, size, "cannot write the archive: %s", strerror(errno));
	return true;
}
