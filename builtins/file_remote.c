/*
 * file_remote.c - see file_remote.h.
 *
 * Paths are the words of a program, what is written comes by its standard input. How long that is stands in a
 * variable: an input that ended early, because the connection broke, is never taken for the whole.
 */
#include "builtins/file_remote.h"

#include <stdlib.h>
#include <string.h>

#include "builtins/http_parts.h"
#include "builtins/remote.h"
#include "builtins/words.h"

#define NS_OF_S	 INT64_C(1000000000)
#define LIST_MAX 100000
#define EXCERPT	 300

struct far_file;

struct far_row {
	const char *name, *program;
	size_t paths; /* so many of the first arguments are paths: $1, $2 */
	size_t text;  /* where the text to be written stands; 0: there is none */
	size_t mode;  /* where the mode stands; 0: there is none */
	bool changes; /* when nobody knows its end, the world may be another */
	/* The answer out of what it printed; with *problem set where that is none. Consumed by the caller. */
	struct value (*read)(const struct far_file *far, const struct process_result *result,
			     const char **problem);
};

struct far_file {
	struct effect_call *call;
	const struct far_row *row;
	struct remote *remote;
	struct value input;
	int64_t max;
	void (*done)(struct effect_call *call, struct value answer);
	void (*failed)(struct effect_call *call);
};

/* ---- the programs ---- */

#define REGULAR                                                                                              \
	"[ ! -e \"$1\" ] || [ -f \"$1\" ] || { [ -d \"$1\" ] && echo \"$1: Is a directory\" >&2 || "         \
	"echo \"$1: it is no regular file\" >&2; exit 1; }\n"

/* Says whether there is something at $1: what may not be looked at is no answer. */
#define THERE(options)                                                                                       \
	"e=$(ls -d" options " -- \"$1\" 2>&1 >/dev/null) && there=true || case $e in\n"                      \
	"*': No such file or directory'|*': Not a directory') there=false;;\n"                               \
	"*) printf '%s\\n' \"$e\" >&2; exit 1;; esac\n"

/* Puts standard input into a new file $t beside $p, which is $to where no link leads on, and that in its
 * place. */
#define PLACE                                                                                                \
	"p=$to\n"                                                                                            \
	"if [ -L \"$p\" ]; then p=$(readlink -f -- \"$p\" && printf x) || { echo \"$to: a link that leads "  \
	"nowhere\" >&2; exit 1; }; p=${p%?x}; fi\n"                                                          \
	"[ ! -d \"$p\" ] || { echo \"$to: Is a directory\" >&2; exit 1; }\n"                                 \
	"[ ! -e \"$p\" ] || [ -f \"$p\" ] || { echo \"$to: it is no regular file\" >&2; exit 1; }\n"         \
	"case $p in */*) d=${p%/*}/;; *) d=./;; esac\n"                                                      \
	"t=$(mktemp \"$d.runplan-XXXXXXXXXX\") || exit\n"                                                    \
	"trap 'rm -f -- \"$t\"' EXIT; trap 'exit 1' TERM\n"                                                  \
	"cat >\"$t\" || exit\n"                                                                              \
	"[ -z \"$LENGTH\" ] || [ \"$(wc -c <\"$t\")\" -eq \"$LENGTH\" ] || { echo 'the text did not come "   \
	"whole' >&2; exit 1; }\n"                                                                            \
	"if [ -e \"$p\" ]; then chown --reference=\"$p\" -- \"$t\" 2>/dev/null || :; fi\n"                   \
	"if [ -n \"$MODE\" ]; then chmod \"$MODE\" \"$t\"\n"                                                 \
	"elif [ -e \"$p\" ]; then chmod --reference=\"$p\" -- \"$t\"\n"                                      \
	"elif [ -z \"$SECRET\" ]; then chmod \"$(printf %o $((0666 & ~$(umask))))\" \"$t\"; fi || exit\n"    \
	"sync \"$t\" && mv -fT -- \"$t\" \"$p\" && trap - EXIT && sync \"$d\"\n"

static const char program_read[] = REGULAR "exec head -c \"$MAX\" -- \"$1\"";
static const char program_exists[] = THERE("L") "echo $there";
static const char program_modified[] = "exec stat -L -c %.9Y -- \"$1\"";
static const char program_size[] =
    "[ ! -d \"$1\" ] || { echo \"$1: Is a directory\" >&2; exit 1; }\nexec stat -L -c %s -- \"$1\"";
static const char program_mode[] = "exec stat -L -c %a -- \"$1\"";
static const char program_sha256[] = REGULAR "sha256sum <\"$1\"";
static const char program_list[] =
    "cd \"$1\" || exit\n[ -r . ] || { echo \"$1: Permission denied\" >&2; exit 1; }\n"
    "for n in * .[!.]* ..?*; do if [ -e \"$n\" ] || [ -L \"$n\" ]; then printf '%s\\0' \"$n\"; fi; done";
static const char program_newest[] =
    "IFS=\nb=\n"
    "if [ -d \"$1\" ]; then [ -r \"$1\" ] || { echo \"$1: Permission denied\" >&2; exit 1; }\n"
    "d=${1%/}; set -- \"$d\"/*; else set -- $1; fi\n"
    "for f; do if [ -f \"$f\" ] && { [ -z \"$b\" ] || [ ! \"$b\" -nt \"$f\" ]; }; then b=$f; fi; done\n"
    "printf %s \"$b\"";
static const char program_write[] = "to=$1\n" PLACE;
static const char program_copy[] =
    REGULAR "MODE=${MODE:-$(stat -L -c %a -- \"$1\")} || exit\nto=$2\nexec <\"$1\" || exit\n" PLACE;
static const char program_append_look[] =
    REGULAR THERE("L") "$there || exit 0\nstat -L -c '%s %i' -- \"$1\" || exit\n"
		       "[ -z \"$BYTES\" ] || { sync \"$1\" && tail -c \"+$FROM\" -- \"$1\" | head -c "
		       "\"$BYTES\" | sha256sum; }";
static const char program_append[] = REGULAR
    "case $1 in */*) d=${1%/*}/;; *) d=./;; esac\n"
    "t=$(mktemp \"$d.runplan-XXXXXXXXXX\") || exit\ntrap 'rm -f -- \"$t\"' EXIT; trap 'exit 1' TERM\n"
    "cat >\"$t\" || exit\n"
    "[ \"$(wc -c <\"$t\")\" -eq \"$LENGTH\" ] || { echo 'the text did not come whole' >&2; exit 1; }\n"
    "[ -z \"$SECRET\" ] || umask 077\n"
    "n=$(stat -L -c %s -- \"$1\" 2>/dev/null || echo 0)\n"
    "cat \"$t\" >>\"$1\" && sync \"$1\" && sync \"$d\" || { truncate -s \"$n\" -- \"$1\"; exit 1; }";
static const char program_remove[] =
    THERE("") "if $there; then if [ -d \"$1\" ] && [ ! -L \"$1\" ]; then rmdir -- \"$1\"; else rm -f -- "
	      "\"$1\"; fi || "
	      "exit\n"
	      "case $1 in */*) d=${1%/*}/;; *) d=./;; esac\nsync \"$d\" || exit; fi\necho $there";
static const char program_mkdir[] =
    "[ -d \"$1\" ] || { mkdir -p -- \"$1\" && { [ -z \"$MODE\" ] || chmod \"$MODE\" \"$1\"; }; }";

/* ---- what they print ---- */

static struct value text_read(const struct far_file *far, const struct process_result *result,
			      const char **problem)
{
	(void)far;
	(void)problem;
	return value_string_n(result->out, result->out_length);
}

static struct value content_read(const struct far_file *far, const struct process_result *result,
				 const char **problem)
{
	if ((int64_t)result->out_length > far->max) {
		*problem = "it is larger than `max`";
		return value_null();
	}
	return text_read(far, result, problem);
}

static struct value truth_read(const struct far_file *far, const struct process_result *result,
			       const char **problem)
{
	(void)far;
	if (strcmp(result->out, "true\n") != 0 && strcmp(result->out, "false\n") != 0)
		*problem = "the machine answered neither true nor false";
	return value_bool(result->out[0] == 't');
}

/* "1700000000.123456789" */
static struct value time_read(const struct far_file *far, const struct process_result *result,
			      const char **problem)
{
	char *end;
	long long seconds = strtoll(result->out, &end, 10);

	(void)far;
	if (end == result->out || *end != '.' || strspn(end + 1, "0123456789") != 9) {
		*problem = "the machine's stat told no time";
		return value_null();
	}
	return value_time(seconds * NS_OF_S + strtoll(end + 1, NULL, 10));
}

static struct value size_read(const struct far_file *far, const struct process_result *result,
			      const char **problem)
{
	char *end;
	long long size = strtoll(result->out, &end, 10);

	(void)far;
	if (end == result->out || *end != '\n')
		*problem = "the machine's stat told no size";
	return value_size(size);
}

static struct value mode_read(const struct far_file *far, const struct process_result *result,
			      const char **problem)
{
	char *end;
	long mode = strtol(result->out, &end, 8);

	(void)far;
	if (end == result->out || *end != '\n')
		*problem = "the machine's stat told no mode";
	return value_string_printf("%04lo", mode & 07777);
}

static struct value digest_read(const struct far_file *far, const struct process_result *result,
				const char **problem)
{
	(void)far;
	if (strspn(result->out, "0123456789abcdef") != 64) {
		*problem = "the machine's sha256sum told no digest";
		return value_null();
	}
	return value_string_n(result->out, 64);
}

static int compare_names(const void *a, const void *b)
{
	const struct value *left = a, *right = b;

	return value_compare(*left, *right, NULL);
}

static struct value names_read(const struct far_file *far, const struct process_result *result,
			       const char **problem)
{
	const char *at = result->out, *end = at + result->out_length;
	struct value list = list_new(0);

	(void)far;
	for (; at < end && value_length(list) <= LIST_MAX; at += strlen(at) + 1)
		list_push(&list, value_string(at));
	if (value_length(list) > LIST_MAX || result->truncated)
		*problem = "it has too many entries";
	if (value_length(list) > 1)
		qsort(list.list->items, value_length(list), sizeof(struct value), compare_names);
	return list;
}

/* The path, or null where no file is there. */
static struct value newest_read(const struct far_file *far, const struct process_result *result,
				const char **problem)
{
	return result->out_length == 0 ? value_null() : text_read(far, result, problem);
}

static struct value nothing_read(const struct far_file *far, const struct process_result *result,
				 const char **problem)
{
	(void)far;
	(void)result;
	(void)problem;
	return value_null();
}

/* "SIZE INODE", and behind it a digest where one was asked for; nothing where there is no file. */
static struct value look_read(const struct far_file *far, const struct process_result *result,
			      const char **problem)
{
	struct value found = record_new(3);
	char file[24] = "", hex[65] = "";
	long long size = 0;

	(void)far;
	if (result->out_length > 0 && sscanf(result->out, "%lld %20[0-9]\n%64[0-9a-f]", &size, file, hex) < 2)
		*problem = "the machine's stat told no size and inode";
	record_set(&found, "size", value_int(size));
	record_set(&found, "file", *file ? value_string(file) : value_null());
	record_set(&found, "sha256", *hex ? value_string(hex) : value_null());
	return found;
}

static const struct far_row rows[] = {
    {"file.read", program_read, 1, 0, 0, false, content_read},
    {"file.exists", program_exists, 1, 0, 0, false, truth_read},
    {"file.newest", program_newest, 1, 0, 0, false, newest_read},
    {"file.modified", program_modified, 1, 0, 0, false, time_read},
    {"file.size", program_size, 1, 0, 0, false, size_read},
    {"file.mode", program_mode, 1, 0, 0, false, mode_read},
    {"file.sha256", program_sha256, 1, 0, 0, false, digest_read},
    {"file.list", program_list, 1, 0, 0, false, names_read},
    {"file.write", program_write, 1, 1, 2, true, nothing_read},
    {"file.copy", program_copy, 2, 0, 2, true, nothing_read},
    {"file.append look", program_append_look, 1, 0, 0, false, look_read},
    {"file.append", program_append, 1, 1, 0, true, nothing_read},
    {"file.remove", program_remove, 1, 0, 0, true, truth_read},
    {"file.mkdir", program_mkdir, 1, 0, 1, true, nothing_read},
};

/* ---- a call ---- */

static void far_free(void *state)
{
	file_remote_free(state);
}

static void far_cancel(struct effect_call *call)
{
	file_remote_stop(call->state);
}

/* Nobody knows its end, or it did not do what it should. */
static void far_end(struct far_file *far, const struct process_result *result, const char *problem)
{
	struct effect_call *call = far->call;
	const char *name = call->builtin->name, *host = call_text(call, call->arg_count - 1);
	struct value last, said;

	if (far->failed != NULL) {
		far->failed(call);
	} else if (!result->started) {
		call_failed(call, "%s: %s", name, result->error);
	} else if (result->lost || (result->cancelled && result->code != 0)) {
		const char *why = result->lost ? result->error : "cancelled while it was under way";

		if (far->row->changes)
			call_unknown(call, "%s: %s", name, why);
		else
			call_failed(call, "%s: %s", name, why);
	} else if (problem != NULL) {
		call_failed(call, "%s: on %s: %s", name, host, problem);
	} else {
		last = text_tail(result->err, result->err_length, 1);
		said = text_excerpt(value_text_peek(last), value_length(last), EXCERPT);
		call_failed(call, "%s: on %s: %s", name, host,
			    value_length(said) > 0 ? value_text_peek(said) : "the machine's shell failed");
		value_release(last);
		value_release(said);
	}
}

static void far_done(void *context, const struct process_result *result)
{
	struct far_file *far = context;
	const char *problem = NULL;
	struct value answer = value_null();

	far->remote = NULL;
	if (!result->started || result->lost || result->code != 0) {
		far_end(far, result, NULL);
		return;
	}
	answer = far->row->read(far, result, &problem);
	if (problem == NULL) {
		far->done(far->call, answer);
		return;
	}
	value_release(answer);
	far_end(far, result, problem);
}

static const struct far_row *row_of(const char *name)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* No option of a program begins so. */
static struct value path_word(const char *path)
{
	return value_string_printf("%s%s", *path == '-' ? "./" : "", path);
}

struct far_file *file_remote_begin(struct effect_call *call, const struct file_remote *what)
{
	struct far_file *far = memory_need(calloc(1, sizeof *far));
	const struct far_row *row = row_of(what->row);
	struct value words[2] = {value_null(), value_null()};
	const char *argv[8] = {"/bin/sh", "-c", row->program, "sh"}, *env[8] = {"LC_ALL=C"};
	char length[40], max[40], mode[24], from[40], bytes[40];
	struct process_options options = {.argv = argv, .env = env, .on_done = far_done, .context = far};
	size_t variables = 1;

	far->call = call;
	far->row = row;
	far->input = value_copy(what->text);
	far->max = what->max;
	far->done = what->done;
	far->failed = what->failed;
	for (size_t i = 0; i < row->paths; i++) {
		words[i] = path_word(what->paths[i]);
		argv[4 + i] = value_text_peek(words[i]);
	}
	if (row->text != 0) {
		options.input = value_text_peek(far->input);
		options.input_length = value_length(far->input);
		snprintf(length, sizeof length, "LENGTH=%zu", options.input_length);
		env[variables++] = length;
	} else {
		env[variables++] = "LENGTH=";
	}
	snprintf(mode, sizeof mode, "MODE=%.8s", what->mode != NULL ? what->mode : "");
	env[variables++] = mode;
	env[variables++] = far->input.flags & VALUE_SECRET ? "SECRET=1" : "SECRET=";
	if (row->read == content_read) {
		snprintf(max, sizeof max, "MAX=%lld", (long long)far->max + 1);
		env[variables++] = max;
		options.output_max = (size_t)far->max + 1;
	} else if (row->read == names_read) {
		options.output_max = (size_t)LIST_MAX * 256;
	}
	if (row->read == look_read) {
		snprintf(from, sizeof from, "FROM=%lld", (long long)what->from + 1);
		snprintf(bytes, sizeof bytes,
			 what->length > 0 ? "BYTES=%lld" : "BYTES=", (long long)what->length);
		env[variables++] = from;
		env[variables++] = bytes;
	}
	far->remote = remote_start(call->live, call_text(call, call->arg_count - 1), &options);
	value_release(words[0]);
	value_release(words[1]);
	return far;
}

void file_remote_stop(struct far_file *far)
{
	if (far != NULL && far->remote != NULL)
		remote_stop(far->remote);
}

void file_remote_free(struct far_file *far)
{
	if (far == NULL)
		return;
	value_release(far->input);
	free(far);
}

void file_remote_start(struct effect_call *call)
{
	const struct far_row *row = row_of(call->builtin->name);
	struct file_remote what = {.row = row->name, .done = call_ok};

	for (size_t i = 0; i < row->paths; i++)
		what.paths[i] = call_text(call, i);
	if (row->text != 0)
		what.text = call_arg(call, row->text);
	if (row->mode != 0)
		what.mode = call_text(call, row->mode);
	if (row->read == content_read)
		what.max = call_int(call, 1, LIVE_BODY_MAX);
	call->free_state = far_free;
	call->cancel = far_cancel;
	call->state = file_remote_begin(call, &what);
}
