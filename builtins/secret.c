/*
 * secret.c - where secrets come from: `secret name = env("X")`, file("p"), credential("n"), prompt("…").
 *
 * The compiler emits these rows. Their answers never reach the journal: a replay asks again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/disk.h"
#include "builtins/live.h"
#include "builtins/tables.h"

#define SECRET_MAX (64 * 1024)

struct secret_file {
	struct effect_call *call;
	char *path;
	struct value text;
	bool ok;
	char error[DISK_ERROR];
};

static void secret_file_free(void *state)
{
	struct secret_file *file = state;

	free(file->path);
	value_release(file->text);
	free(file);
}

/* One newline at the end belongs to the file, not to the secret. `from` says where it came from. */
static void answer_secret(struct effect_call *call, const char *bytes, size_t length, const char *from)
{
	if (length > 0 && bytes[length - 1] == '\n')
		length--;
	if (length > 0 && bytes[length - 1] == '\r')
		length--;
	if (length == 0)
		call_failed(call, "the secret of %s is empty", from);
	else if (length < SECRET_MIN)
		call_failed(call, SECRET_TOO_SHORT, from, SECRET_MIN);
	else if (memchr(bytes, '\0', length))
		call_failed(call, "the secret of %s holds a NUL byte", from);
	else
		call_ok(call, value_mark(value_string_n(bytes, length), VALUE_SECRET));
}

static bool name_ok(struct effect_call *call)
{
	struct value name = call_arg(call, 0);

	if (name.tag == VALUE_STRING && name.string->length > 0 &&
	    strlen(name.string->bytes) == name.string->length)
		return true;
	call_failed(call, "%s: its argument must be a string that is not empty", call->builtin->name);
	return false;
}

static void secret_env(struct effect_call *call)
{
	const char *name, *text;
	char from[300];

	if (!name_ok(call))
		return;
	name = call_text(call, 0);
	text = getenv(name);
	snprintf(from, sizeof(from), "the environment variable %.200s", name);
	if (!text)
		call_failed(call, "%s is not set, and a secret is wanted from it", from);
	else
		answer_secret(call, text, strlen(text), from);
}

static void read_work(void *context)
{
	struct secret_file *file = context;

	file->ok = disk_read(file->path, SECRET_MAX, &file->text, NULL, file->error);
}

static void read_done(void *context)
{
	struct secret_file *file = context;
	char from[300];

	if (!file->ok) {
		call_failed(file->call, "a secret is wanted: %s", file->error);
		return;
	}
	snprintf(from, sizeof(from), "the file %.250s", file->path);
	answer_secret(file->call, file->text.string->bytes, file->text.string->length, from);
	explicit_bzero(file->text.string->bytes, file->text.string->length);
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
	const char *directory = getenv("CREDENTIALS_DIRECTORY"), *name;
	size_t length;
	char *path;

	if (!name_ok(call))
		return;
	name = call_text(call, 0);
	if (!directory || !*directory) {
		call_failed(call,
			    "the credential %s is wanted, and CREDENTIALS_DIRECTORY is not set: no service "
			    "manager gave any",
			    name);
		return;
	}
	if (strchr(name, '/') || name[0] == '.') {
		call_failed(call, "a credential's name holds no / and does not begin with a dot");
		return;
	}
	length = strlen(directory) + strlen(name) + 2;
	path = memory_need(malloc(length));
	snprintf(path, length, "%s/%s", directory, name);
	read_secret(call, path);
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
     .simulate = simulated_secret},
    {.name = "secret.file",
     .signature = "(path: path) -> string",
     .summary = "A secret from a file; one newline at its end is no part of it.",
     .example = "file(\"/run/secrets/password\")",
     .bad_input = SHORT,
     .effect = EFFECT_READ,
     .flags = FLAGS,
     .start = secret_file,
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
