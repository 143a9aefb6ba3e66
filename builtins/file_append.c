/* file_append.c - see file_append.h. */
#include "builtins/file_append.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builtins/disk.h"
#include "builtins/file_remote.h"

struct append {
	struct effect_call *call;
	struct append *next; /* in the order of their turns */
	bool begun;
	const char *host;
	struct far_file *far;
	int fd; /* of the file that was looked at; -1: there is none yet */
	/* What a look found: a record as file_remote.h tells of "file.append look". */
	struct value found;
	bool same; /* probe: the text stands at the noted place */
	bool ok;
	char error[DISK_ERROR];
};

static const char *path_of(const struct append *append)
{
	return call_text(append->call, 0);
}

static struct value text_of(const struct append *append)
{
	return call_arg(append->call, 1);
}

/* ---- turns ---- */

struct turns {
	struct append *first;
};

static void *turns_make(struct live *live)
{
	(void)live;
	return memory_need(calloc(1, sizeof(struct turns)));
}

static struct turns *turns_of(const struct append *append)
{
	return live_keep(append->call->live, "file.append", turns_make, free);
}

static bool same_machine(const struct append *a, const struct append *b)
{
	return a->host && b->host ? strcmp(a->host, b->host) == 0 : a->host == b->host;
}

static struct append *turn_first(const struct append *append)
{
	struct append *first = turns_of(append)->first;

	while (first && !same_machine(first, append))
		first = first->next;
	return first;
}

static void append_begin(struct append *append);

static void turn_wait(struct append *append)
{
	struct append **at = &turns_of(append)->first;

	while (*at)
		at = &(*at)->next;
	*at = append;
	if (turn_first(append) == append)
		append_begin(append);
}

static void turn_leave(const struct append *append)
{
	struct append **at = &turns_of(append)->first, *next;

	while (*at && *at != append)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = append->next;
	next = turn_first(append);
	if (next && !next->begun)
		append_begin(next);
}

/* ---- a call ---- */

static void append_free(void *state)
{
	struct append *append = state;

	turn_leave(append);
	file_remote_free(append->far);
	value_release(append->found);
	if (append->fd >= 0)
		close(append->fd);
	free(append);
}

static void append_cancel(struct effect_call *call)
{
	struct append *append = call->state;

	if (append->begun) {
		file_remote_stop(append->far);
		return;
	}
	turn_leave(append);
	call_failed(call, "file.append: cancelled before it wrote");
}

static struct append *append_new(struct effect_call *call, const char *host)
{
	struct append *append = memory_need(calloc(1, sizeof(*append)));

	append->call = call;
	append->host = host;
	append->fd = -1;
	call->state = append;
	call->free_state = append_free;
	call->cancel = append_cancel;
	return append;
}

static void append_failed(struct append *append)
{
	call_failed(append->call, "file.append: %s", append->error);
}

/* Runs the program of that row there, in place of the one before. */
static void append_there(struct append *append, const struct file_remote *what)
{
	file_remote_free(append->far);
	append->far = file_remote_begin(append->call, what);
}

/* ---- the look before ---- */

static bool failed_at(struct append *append, const char *what)
{
	return disk_failed(what, path_of(append), errno, append->error);
}

static struct value found_nothing(void)
{
	struct value found = record_new(2);

	record_set(&found, "size", value_int(0));
	record_set(&found, "file", value_null());
	return found;
}

/* False, with the error number or 0, where it cannot be opened, or is none that bytes stay in. */
static bool look_open(struct append *append, const char *what, int flags, struct stat *st, int *number)
{
	*number = 0;
	append->fd = open(path_of(append), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
			  text_of(append).flags & VALUE_SECRET ? 0600 : 0666);
	if (append->fd < 0) {
		*number = errno;
		return failed_at(append, what);
	}
	if (fstat(append->fd, st) == 0 && S_ISREG(st->st_mode))
		return true;
	snprintf(append->error, sizeof(append->error), "cannot %s %.300s: it is no regular file", what,
		 path_of(append));
	return false;
}

static bool look(struct append *append, const char *what, int flags, struct stat *st)
{
	int number;

	append->found = found_nothing();
	if (!look_open(append, what, flags, st, &number))
		return number == ENOENT;
	record_set(&append->found, "size", value_int(st->st_size));
	record_set(&append->found, "file", value_string_printf("%" PRIuMAX, (uintmax_t)st->st_ino));
	return true;
}

static void look_work(void *context)
{
	struct append *append = context;
	struct stat st;

	append->ok = look(append, "write", O_WRONLY | O_APPEND, &st);
}

static void append_noted(struct effect_call *call);

static void looked(void *context)
{
	struct append *append = context;

	if (append->ok)
		call_note(append->call, value_copy(append->found), append_noted);
	else
		append_failed(append);
}

static void looked_there(struct effect_call *call, struct value found)
{
	call_note(call, found, append_noted);
}

static void append_begin(struct append *append)
{
	append->begun = true;
	if (append->host)
		append_there(append, &(struct file_remote){.row = "file.append look",
							   .paths = {path_of(append)},
							   .done = looked_there});
	else
		live_work(append->call->live, look_work, looked, append);
}

/* ---- the write ---- */

/* What a full disk cut off is taken back: the file has the whole text more, or nothing. */
static void write_work(void *context)
{
	struct append *append = context;
	struct value text = text_of(append);
	struct stat st;
	int number;

	append->ok = append->fd >= 0
			 ? fstat(append->fd, &st) == 0 || failed_at(append, "write")
			 : look_open(append, "write", O_WRONLY | O_APPEND | O_CREAT, &st, &number);
	if (!append->ok)
		return;
	append->ok =
	    disk_write_all(append->fd, text.string->bytes, text.string->length) && fsync(append->fd) == 0;
	if (append->ok) {
		append->ok = st.st_size > 0 || disk_sync_directory_of(path_of(append), append->error);
		return;
	}
	failed_at(append, "write");
	if (ftruncate(append->fd, st.st_size) != 0)
		snprintf(append->error + strlen(append->error), sizeof(append->error) - strlen(append->error),
			 ", and a part of the text stays in it");
}

static void written(void *context)
{
	struct append *append = context;

	if (append->ok)
		call_ok(append->call, value_null());
	else
		append_failed(append);
}

static void append_noted(struct effect_call *call)
{
	struct append *append = call->state;

	if (call->cancelled)
		call_failed(call, "file.append: cancelled before it wrote");
	else if (append->host)
		append_there(append, &(struct file_remote){.row = "file.append",
							   .paths = {path_of(append)},
							   .text = text_of(append),
							   .done = call_ok});
	else
		live_work(call->live, write_work, written, append);
}

void file_append_start(struct effect_call *call, const char *host)
{
	turn_wait(append_new(call, host));
}

/* ---- did it happen? ---- */

/* By what is found now and what was then. Lines of others behind the text are none of its business. */
static void tell(struct append *append, struct value found)
{
	struct effect_call *call = append->call;
	struct value file = record_peek(call->intent, "file");
	int64_t then = record_peek(call->intent, "size").i, now = record_peek(found, "size").i;
	bool another = file.tag == VALUE_STRING && !value_equal(file, record_peek(found, "file"));

	if (!another && now == then)
		call_ok(call, value_bool(false));
	else if (!another && append->same)
		call_ok(call, value_bool(true));
	else if (another || now < then)
		call_unknown(call, "%s is not the file any more that it was, or was cut", path_of(append));
	else
		call_unknown(call,
			     "%s has grown since it had %" PRId64
			     " bytes, but does not go on with the text there",
			     path_of(append), then);
}

/* Whether the file goes on with the text at the noted place, and on disk: what is told as done stays. */
static bool goes_on(struct append *append, int64_t at, int64_t size)
{
	struct value text = text_of(append);
	size_t length = text.string->length, got = 0;
	char block[64 * 1024];

	if (size - at < (int64_t)length || fsync(append->fd) != 0)
		return false;
	while (got < length) {
		size_t wanted = length - got < sizeof(block) ? length - got : sizeof(block);
		ssize_t count = pread(append->fd, block, wanted, at + (int64_t)got);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0 || memcmp(block, text.string->bytes + got, (size_t)count) != 0)
			return false;
		got += (size_t)count;
	}
	return true;
}

static void probe_work(void *context)
{
	struct append *append = context;
	struct stat st;

	append->ok = look(append, "read", O_RDONLY, &st);
	append->same = append->ok && append->fd >= 0 &&
		       goes_on(append, record_peek(append->call->intent, "size").i, st.st_size);
}

static void probed(void *context)
{
	struct append *append = context;

	if (append->ok)
		tell(append, append->found);
	else
		call_unknown(append->call, "%s", append->error);
}

static void probed_there(struct effect_call *call, struct value found)
{
	struct append *append = call->state;
	struct value text = text_of(append), told = record_peek(found, "sha256");
	char hex[65];

	append->same = told.tag == VALUE_STRING &&
		       sha256_bytes(value_text_peek(text), value_length(text), hex) &&
		       strcmp(value_text_peek(told), hex) == 0;
	tell(append, found);
	value_release(found);
}

/* Without a note nothing was written. */
void file_append_probe(struct effect_call *call, const char *host)
{
	struct append *append = append_new(call, host);
	struct value size = record_peek(call->intent, "size");

	append->begun = true;
	if (size.tag != VALUE_INT)
		call_ok(call, value_bool(false));
	else if (host)
		append_there(append, &(struct file_remote){.row = "file.append look",
							   .paths = {path_of(append)},
							   .from = size.i,
							   .length = (int64_t)value_length(text_of(append)),
							   .done = probed_there});
	else
		live_work(call->live, probe_work, probed, append);
}
