/*
 * secret.c - where secrets come from: `secret name = env("X")`, file("p"), credential("n"), prompt("…").
 *
 * The compiler emits these rows. Their answers never reach the journal: a replay asks again.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/disk.h"
#include "builtins/live.h"
#include "builtins/tables.h"

#define SECRET_MAX (64 * 1024)

struct reason {
	char text[DISK_ERROR + 100];
};

static bool lacks(struct reason *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool lacks(struct reason *why, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(why->text, sizeof(why->text), format, list);
	va_end(list);
	return false;
}

/* ---- is it there, and will it do? ---- */

/* One newline at the end belongs to the file, not to the secret. `from` says where it came from. */
static bool will_do(const char *bytes, size_t *length, const char *from, struct reason *why)
{
	if (*length > 0 && bytes[*length - 1] == '\n')
		--*length;
	if (*length > 0 && bytes[*length - 1] == '\r')
		--*length;
	if (*length == 0)
		return lacks(why, "the secret of %.300s is empty", from);
	if (*length < SECRET_MIN)
		return lacks(why, SECRET_TOO_SHORT, from, SECRET_MIN);
	if (memchr(bytes, '\0', *length))
		return lacks(why, "the secret of %.300s holds a NUL byte", from);
	return true;
}

static bool is_name(struct value name, const char *row, struct reason *why)
{
	if (name.tag == VALUE_STRING && name.string->length > 0 &&
	    strlen(name.string->bytes) == name.string->length)
		return true;
	return lacks(why, "%s: its argument must be a string that is not empty", row);
}

/* Lent, *length of it. */
static const char *from_env(struct value name, size_t *length, struct reason *why)
{
	const char *text = getenv(value_text_peek(name));
	char from[300];

	snprintf(from, sizeof(from), "the environment variable %.200s", value_text_peek(name));
	if (!text) {
		lacks(why, "%s is not set: export it with the secret", from);
		return NULL;
	}
	*length = strlen(text);
	return will_do(text, length, from, why) ? text : NULL;
}

static bool from_file(const char *path, struct value *text, size_t *length, struct reason *why)
{
	char from[300], error[DISK_ERROR];

	if (!disk_read(path, SECRET_MAX, text, NULL, error))
		return lacks(why, "%s; the secret belongs there", error);
	*length = value_length(*text);
	snprintf(from, sizeof(from), "the file %.250s", path);
	return will_do(text->string->bytes, length, from, why);
}

/* The credential's file; the caller frees it. NULL: there is none. */
static char *path_of_credential(struct value name, struct reason *why)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY"), *text = value_text_peek(name);
	size_t length;
	char *path;

	if (!directory || !*directory) {
		lacks(why,
		      "there is no credential %.200s, as CREDENTIALS_DIRECTORY is not set: have the service "
		      "manager "
		      "hand it over (LoadCredential=)",
		      text);
		return NULL;
	}
	if (strchr(text, '/') || text[0] == '.') {
		lacks(why, "a credential's name holds no / and does not begin with a dot");
		return NULL;
	}
	length = strlen(directory) + strlen(text) + 2;
	path = memory_need(malloc(length));
	snprintf(path, length, "%s/%s", directory, text);
	return path;
}

/* ---- before the run ---- */

static bool told(const struct reason *reason, char *why, size_t size)
{
	snprintf(why, size, "%s", reason->text);
	return false;
}

static bool foresee_env(const struct effect_request *request, bool *mendable, char *why, size_t size)
{
	struct reason reason;
	size_t length;

	*mendable = false;
	return (is_name(request->args[0], request->builtin->name, &reason) &&
		from_env(request->args[0], &length, &reason)) ||
	       told(&reason, why, size);
}

static bool foresee_path(const char *path, char *why, size_t size)
{
	struct value text = value_null();
	struct reason reason;
	size_t length;
	bool there = from_file(path, &text, &length, &reason);

	if (text.tag == VALUE_STRING)
		explicit_bzero(text.string->bytes, text.string->length);
	value_release(text);
	return there || told(&reason, why, size);
}

static bool foresee_file(const struct effect_request *request, bool *mendable, char *why, size_t size)
{
	struct reason reason;

	*mendable = true;
	return is_name(request->args[0], request->builtin->name, &reason)
		   ? foresee_path(value_text_peek(request->args[0]), why, size)
		   : told(&reason, why, size);
}

static bool foresee_credential(const struct effect_request *request, bool *mendable, char *why, size_t size)
{
	struct reason reason;
	char *path = is_name(request->args[0], request->builtin->name, &reason)
			 ? path_of_credential(request->args[0], &reason)
			 : NULL;
	bool there = path ? foresee_path(path, why, size) : told(&reason, why, size);

	*mendable = false;
	free(path);
	return there;
}

/* ---- in the run ---- */

struct secret_file {
	struct effect_call *call;
	char *path;
	struct value text;
	size_t length;
	bool ok;
	struct reason why;
};

static void secret_file_free(void *state)
{
	struct secret_file *file = state;

	free(file->path);
	if (file->text.tag == VALUE_STRING)
		explicit_bzero(file->text.string->bytes, file->text.string->length);
	value_release(file->text);
	free(file);
}

static bool name_ok(struct effect_call *call)
{
	struct reason why;

	if (is_name(call_arg(call, 0), call->builtin->name, &why))
		return true;
	call_failed(call, "%s", why.text);
	return false;
}

static struct value secret_of(const char *bytes, size_t length)
{
	return value_mark(value_string_n(bytes, length), VALUE_SECRET);
}

static void secret_env(struct effect_call *call)
{
	struct reason why;
	const char *text;
	size_t length;

	if (!name_ok(call))
		return;
	text = from_env(call_arg(call, 0), &length, &why);
	if (text)
		call_ok(call, secret_of(text, length));
	else
		call_failed(call, "%s", why.text);
}

static void read_work(void *context)
{
	struct secret_file *file = context;

	file->ok = from_file(file->path, &file->text, &file->length, &file->why);
}

static void read_done(void *context)
{
	struct secret_file *file = context;
	struct value text = file->text;

	if (file->ok)
		call_ok(file->call, secret_of(text.string->bytes, file->length));
	else
		call_failed(file->call, "%s", file->why.text);
}

/* Takes path. */
static void read_secret(struct effect_call *call, char *path)
{
	struct secret_file *file = memory_need(calloc(1, sizeof(*file)));

	file->call = call;
	file->path = path;
	call->state = file;
	call->free_state = secret_file_free;
	live_work(call->live, read_work, read_done, file);
}

static void secret_file(struct effect_call *call)
{
	if (name_ok(call))
		read_secret(call, memory_need(strdup(call_text(call, 0))));
}

static void secret_credential(struct effect_call *call)
{
	struct reason why;
	char *path;

	if (!name_ok(call))
		return;
	path = path_of_credential(call_arg(call, 0), &why);
	if (path)
		read_secret(call, path);
	else
		call_failed(call, "%s", why.text);
}

static void prompt_cancel(struct effect_call *call)
{
	const struct live_options *options = live_options(call->live);

	if (options->ask_cancel)
		options->ask_cancel(options->context, call);
}

static void secret_prompt(struct effect_call *call)
{
	const struct live_options *options = live_options(call->live);
	struct live_person_request request = {.kind = "ask", .choices = value_null(), .secret = true};

	if (!name_ok(call))
		return;
	if (!options->ask) {
		call_refused(call, "a secret is wanted from the operator, and nobody is there to type it");
		return;
	}
	request.text = call_text(call, 0);
	call->cancel = prompt_cancel;
	options->ask(options->context, call, &request);
}

/* Under simulation a secret is a text that no command can take for a real one. */
static struct value simulated_secret(const struct effect_request *request)
{
	(void)request;
	return value_mark(value_string("simulated-secret"), VALUE_SECRET);
}

#define FLAGS (BUILTIN_INTERNAL | BUILTIN_SECRET_ANSWER | BUILTIN_RENEW | BUILTIN_GUARD)
#define SHORT "A source that is missing, empty, or has fewer than 8 bytes is refused with the reason."

static const struct builtin secret_rows[] = {
    {.name = "secret.env",
     .signature = "(name: string) -> string",
     .summary = "A secret from an environment variable: `secret password = env(\"PGPASSWORD\")`.",
     .example = "env(\"PGPASSWORD\")",
     .bad_input = SHORT,
     .effect = EFFECT_READ,
     .flags = FLAGS,
     .start = secret_env,
     .foresee = foresee_env,
     .simulate = simulated_secret},
    {.name = "secret.file",
     .signature = "(path: path) -> string",
     .summary = "A secret from a file; one newline at its end is no part of it.",
     .example = "file(\"/run/secrets/password\")",
     .bad_input = SHORT,
     .effect = EFFECT_READ,
     .flags = FLAGS,
     .start = secret_file,
     .foresee = foresee_file,
     .simulate = simulated_secret},
    {.name = "secret.credential",
     .signature = "(name: string) -> string",
     .summary = "A secret that the service manager hands over in $CREDENTIALS_DIRECTORY (systemd's "
		"LoadCredential=).",
     .example = "credential(\"password\")",
     .bad_input = SHORT,
     .effect = EFFECT_READ,
     .flags = FLAGS,
     .start = secret_credential,
     .foresee = foresee_credential,
     .simulate = simulated_secret},
    {.name = "secret.prompt",
     .signature = "(question: string) -> string",
     .summary = "A secret that the operator types; it is not echoed.",
     .example = "prompt(\"Password of the registry\")",
     .bad_input = "Where nobody is at a terminal the run is refused.",
     .effect = EFFECT_READ,
     .flags = FLAGS | BUILTIN_PERSON,
     .start = secret_prompt,
     .simulate = simulated_secret},
};

const struct builtin_table secret_table = {
    .name = "secret",
    .summary = "Where secrets come from.",
    .rows = secret_rows,
    .row_count = sizeof(secret_rows) / sizeof(*secret_rows),
};
