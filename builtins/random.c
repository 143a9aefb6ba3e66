/* random.c - random.secret: a new secret, put where a resumed run finds it again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "builtins/disk.h"
#include "builtins/live.h"
#include "builtins/tables.h"

#define LENGTH_MIN     16
#define LENGTH_MAX     1024
#define LENGTH_DEFAULT 43 /* of 64 letters: 258 bits */

struct making {
	struct effect_call *call;
	size_t length;
	struct value secret;
	bool ok;
	char error[DISK_ERROR];
};

static void making_free(void *state)
{
	struct making *making = state;

	value_release(making->secret);
	free(making);
}

/* Letters that no shell, URL or configuration file gives a meaning to. */
static bool fill(char *text, size_t length)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char random[LENGTH_MAX];
	size_t got = 0, i;

	while (got < length) {
		ssize_t more = getrandom(random + got, length - got, 0);

		if (more < 0 && errno != EINTR)
			return false;
		got += more > 0 ? (size_t)more : 0;
	}
	for (i = 0; i < length; i++)
		text[i] = letters[random[i] % 64];
	explicit_bzero(random, sizeof(random));
	return true;
}

/* The one that is there is the one that an interrupted call has made, or an earlier run. */
static bool take_present(struct making *making, const char *path)
{
	size_t length;

	if (!disk_read(path, LENGTH_MAX + 2, &making->secret, NULL, making->error))
		return false;
	length = making->secret.string->length;
	while (length > 0 && making->secret.string->bytes[length - 1] == '\n')
		length--;
	making->secret.string->bytes[length] = '\0';
	making->secret.string->length = length;
	if (length >= LENGTH_MIN && !memchr(making->secret.string->bytes, '\0', length))
		return true;
	snprintf(making->error, sizeof(making->error),
		 "%.300s is there, and holds no secret of at least %d bytes", path, LENGTH_MIN);
	return false;
}

static bool make_new(struct making *making, const char *path)
{
	char text[LENGTH_MAX + 1];
	bool ok = fill(text, making->length);

	if (!ok)
		return disk_failed("make a secret for", path, errno, making->error);
	ok = disk_write(path, text, making->length, 0600, true, making->error);
	if (ok)
		making->secret = value_string_n(text, making->length);
	explicit_bzero(text, sizeof(text));
	return ok;
}

static void make_work(void *context)
{
	struct making *making = context;
	const char *path = call_text(making->call, 0);
	struct stat st;

	if (lstat(path, &st) == 0)
		making->ok = take_present(making, path);
	else if (errno == ENOENT)
		making->ok = make_new(making, path);
	else
		making->ok = disk_failed("look at", path, errno, making->error);
}

static void make_done(void *context)
{
	struct making *making = context;
	struct value secret = making->secret;

	if (!making->ok) {
		call_failed(making->call, "random.secret: %s", making->error);
		return;
	}
	making->secret = value_null();
	call_ok(making->call, value_mark(secret, VALUE_SECRET));
}

static void random_secret(struct effect_call *call)
{
	int64_t length = call_int(call, 1, LENGTH_DEFAULT);
	struct value path = call_arg(call, 0);
	struct making *making;

	if (path.tag != VALUE_STRING || path.string->length == 0 ||
	    strlen(path.string->bytes) != path.string->length) {
		call_failed(call, "random.secret: `to` must be a path");
		return;
	}
	if (length < LENGTH_MIN || length > LENGTH_MAX) {
		call_failed(call, "random.secret: `length` must be between %d and %d", LENGTH_MIN,
			    LENGTH_MAX);
		return;
	}
	making = memory_need(calloc(1, sizeof(*making)));
	making->call = call;
	making->length = (size_t)length;
	call->state = making;
	call->free_state = making_free;
	live_work(call->live, make_work, make_done, making);
}

static struct value secret_simulate(const struct effect_request *request)
{
	(void)request;
	return value_mark(value_string("simulated-secret"), VALUE_SECRET);
}

static const struct builtin random_rows[] = {
    {.name = "random.secret",
     .signature = "(to: path, length: int = 43) -> string",
     .summary = "A new secret, kept in a file that only its owner may read; the answer is the secret.",
     .details =
	 "The secret is of letters, digits, `-` and `_`, from the system's random numbers. It is never in "
	 "the journal: where the file is there already, its content is the answer, so a resumed run goes on "
	 "with the same secret. A new one comes by another path, or after `file.remove`.",
     .example = "random.secret(to: \"/etc/thebot/token\")",
     .bad_input = "A file that is there and holds fewer than 16 bytes, a missing directory, no permission "
		  "and a full disk are failures.",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_SECRET_ANSWER | BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = random_secret,
     .simulate = secret_simulate},
};

const struct builtin_table random_table = {
    .name = "random",
    .summary = "What nobody can guess.",
    .rows = random_rows,
    .row_count = sizeof(random_rows) / sizeof(*random_rows),
};
