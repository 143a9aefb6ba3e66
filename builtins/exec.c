/*
 * exec.c - exec, probe and sh: programs of this machine and of others.
 *
 * A secret reaches a program through its environment or its standard input. /proc shows every user the
 * arguments of a process, so one that holds a secret never starts. What a program prints is taken as it
 * comes; where it holds a secret that was given to the call, it is marked secret as a whole.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/live.h"
#include "builtins/remote.h"
#include "builtins/tables.h"
#include "builtins/words.h"
#include "interp/buffer.h"

#define TAIL_LINES    20
#define LAST_LINE_MAX 200 /* bytes of a program's last words that go into the message */

/* Where the arguments stand in the signatures; sh has `reads` behind the command. */
struct places {
	size_t env, directory, input, timeout, ok, host;
};

static const struct places exec_places = {1, 2, 3, 4, 5, 6};
static const struct places sh_places = {2, 3, 4, 5, 6, 7};

struct run {
	struct effect_call *call;
	const struct places *places;
	struct remote *process;
	const char **argv;  /* of lent strings, NULL-terminated */
	char **env;	    /* owned, NULL-terminated */
	struct value input; /* text of the argument, or null */
};

static void run_free(void *state)
{
	struct run *run = state;
	size_t i;

	for (i = 0; run->env && run->env[i]; i++) {
		explicit_bzero(run->env[i], strlen(run->env[i]));
		free(run->env[i]);
	}
	free(run->env);
	free(run->argv);
	value_release(run->input);
	free(run);
}

static void run_cancel(struct effect_call *call)
{
	struct run *run = call->state;

	if (run->process)
		remote_stop(run->process);
}

static bool has_nul(struct value string)
{
	return strlen(string.string->bytes) != string.string->length;
}

/* ---- what it was given ---- */

static bool add_argument(struct run *run, size_t *count, struct value item)
{
	const char *name = run->call->builtin->name;

	if (item.tag != VALUE_STRING) {
		call_failed(run->call, "%s: the command's word %zu is no string but %s", name, *count,
			    value_tag_name((enum value_tag)item.tag));
		return false;
	}
	if (item.flags & VALUE_SECRET) {
		call_failed(run->call,
			    "%s: the command's word %zu is a secret, and arguments can be seen by every "
			    "user; give it by `env` or `input`",
			    name, *count);
		return false;
	}
	if (has_nul(item)) {
		call_failed(run->call, "%s: the command's word %zu holds a NUL byte", name, *count);
		return false;
	}
	run->argv[(*count)++] = item.string->bytes;
	return true;
}

static bool take_words(struct run *run, struct value words, size_t count)
{
	size_t i;

	for (i = 0; i < value_length(words); i++)
		if (!add_argument(run, &count, list_peek(words, i)))
			return false;
	return true;
}

static bool take_command(struct run *run, struct value command)
{
	const char *name = run->call->builtin->name;

	if (command.tag != VALUE_LIST || value_length(command) == 0) {
		call_failed(run->call, "%s: the command must be a list that begins with the program's name",
			    name);
		return false;
	}
	run->argv = memory_need(calloc(value_length(command) + 1, sizeof(*run->argv)));
	if (!take_words(run, command, 0))
		return false;
	if (run->argv[0][0] == '\0') {
		call_failed(run->call, "%s: the program's name is empty", name);
		return false;
	}
	return true;
}

/* interp/embed.h says what a literal in the shell's language arrives as. */
static bool take_script(struct run *run, struct value script)
{
	struct value text = record_peek(script, "text"), args = record_peek(script, "args");
	size_t count = 4;

	run->argv = memory_need(calloc(count + value_length(args) + 1, sizeof(*run->argv)));
	run->argv[0] = "/bin/sh";
	run->argv[1] = "-c";
	run->argv[3] = "sh";
	if (text.tag != VALUE_STRING || (text.flags & VALUE_SECRET) || has_nul(text)) {
		call_failed(run->call, "sh: the command must be a literal");
		return false;
	}
	run->argv[2] = text.string->bytes;
	return take_words(run, args, count);
}

static bool take_env(struct run *run, struct value env)
{
	const char *name = run->call->builtin->name;
	size_t i, count = 0;

	if (env.tag != VALUE_RECORD)
		return true;
	run->env = memory_need(calloc(value_length(env) + 1, sizeof(*run->env)));
	for (i = 0; i < value_length(env); i++) {
		const struct value_string *key = env.record->fields[i].key;
		struct value text;
		bool nul;

		if (record_value_peek(env, i).tag == VALUE_NULL)
			continue;
		if (key->length == 0 || strlen(key->bytes) != key->length || strchr(key->bytes, '=')) {
			call_failed(run->call, "%s: a variable's name is empty, or holds = or a NUL byte",
				    name);
			return false;
		}
		text = value_to_text(record_value_peek(env, i));
		nul = has_nul(text);
		if (nul) {
			call_failed(run->call, "%s: the variable %s holds a NUL byte", name, key->bytes);
		} else {
			run->env[count] = memory_need(malloc(key->length + text.string->length + 2));
			sprintf(run->env[count++], "%s=%s", key->bytes, text.string->bytes);
		}
		value_release(text);
		if (nul)
			return false;
	}
	return true;
}

/* `ok` is an exit code, a list of them, or a range. */
static bool is_ok(struct value ok, int code)
{
	size_t i;

	switch ((enum value_tag)ok.tag) {
	case VALUE_INT:
		return ok.i == code;
	case VALUE_RANGE:
		return ok.range->from <= code && code <= ok.range->to;
	case VALUE_LIST:
		for (i = 0; i < value_length(ok); i++)
			if (is_ok(list_peek(ok, i), code))
				return true;
		return false;
	default:
		return code == 0;
	}
}

static bool take_ok(struct run *run, struct value ok)
{
	size_t i;
	bool good =
	    ok.tag == VALUE_NULL || ok.tag == VALUE_INT || ok.tag == VALUE_RANGE || ok.tag == VALUE_LIST;

	for (i = 0; good && ok.tag == VALUE_LIST && i < value_length(ok); i++)
		good = list_peek(ok, i).tag == VALUE_INT || list_peek(ok, i).tag == VALUE_RANGE;
	if (!good)
		call_failed(run->call, "%s: `ok` must be an exit code, a list of exit codes, or a range",
			    run->call->builtin->name);
	return good;
}

/* ---- what came of it ---- */

/* Does a text hold one of the secrets that the call was given? */
static bool holds_secret(const struct run *run, const char *text, size_t length)
{
	struct value env = call_arg(run->call, run->places->env);
	size_t i;

	if ((run->input.flags & VALUE_SECRET) && value_length(run->input) > 0 &&
	    memmem(text, length, run->input.string->bytes, run->input.string->length))
		return true;
	for (i = 0; env.tag == VALUE_RECORD && i < value_length(env); i++) {
		struct value secret = record_value_peek(env, i), piece;
		bool found;

		if (!value_is_secret(secret))
			continue;
		piece = value_to_text(secret);
		found = value_length(piece) > 0 &&
			memmem(text, length, piece.string->bytes, piece.string->length) != NULL;
		value_release(piece);
		if (found)
			return true;
	}
	return false;
}

static struct value output(const struct run *run, const char *text, size_t length)
{
	return value_mark(value_string_n(text, length), holds_secret(run, text, length) ? VALUE_SECRET : 0);
}

/* Lines of a text without the newlines at its end. */
static int lines_of(struct value text)
{
	const char *at = text.string->bytes, *end = at + text.string->length;
	int lines = 1;

	while (end > at && end[-1] == '\n')
		end--;
	if (end == at)
		return 0;
	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		lines++;
	}
	return lines;
}

static void lines_add(struct buffer *lines, struct value text, size_t count)
{
	struct value last = text_tail(text.string->bytes, text.string->length, count);

	if (lines->length > 0)
		buffer_add_byte(lines, '\n');
	buffer_add(lines, value_text_peek(last), value_length(last));
	value_release(last);
}

/*
 * The last lines of what it said: of standard output, then of standard error. The pipes do not tell which
 * line came first. Where both said much, each has half.
 */
static struct value tail_of(struct value out, struct value err)
{
	int of_out = lines_of(out), of_err = lines_of(err), half = TAIL_LINES / 2;
	int shown_err = of_out < half ? TAIL_LINES - of_out : half;
	int shown_out = of_err < half ? TAIL_LINES - of_err : half;
	struct buffer both = {0};

	if (of_out > 0)
		lines_add(&both, out, (size_t)shown_out);
	if (of_err > 0)
		lines_add(&both, err, (size_t)shown_err);
	return value_mark(buffer_finish(&both),
			  ((of_out > 0 ? out.flags : 0) | (of_err > 0 ? err.flags : 0)) & VALUE_SECRET);
}

static struct value exec_result(const struct run *run, const struct process_result *result)
{
	struct value record = record_new(6);

	record_set(&record, "code", value_int(result->code));
	record_set(&record, "stdout", output(run, result->out, result->out_length));
	record_set(&record, "stderr", output(run, result->err, result->err_length));
	record_set(&record, "time", value_duration(result->elapsed_ns));
	record_set(&record, "truncated", value_bool(result->truncated));
	return record;
}

/* ": " and the program's last line, for the message; nothing where it said nothing, or said a secret. */
static void last_words(struct value tail, struct buffer *text)
{
	const char *line, *bytes = value_text_peek(tail);
	size_t length = value_length(tail);

	if (length == 0 || (tail.flags & VALUE_SECRET))
		return;
	line = memrchr(bytes, '\n', length);
	line = line ? line + 1 : bytes;
	length -= (size_t)(line - bytes);
	buffer_add_text(text, ": ");
	buffer_add(text, line, length > LAST_LINE_MAX ? LAST_LINE_MAX : length);
	if (length > LAST_LINE_MAX)
		buffer_add_text(text, "\u2026");
}

/* The program as a person knows it: of sh it is what the author wrote. */
static const char *program(const struct run *run)
{
	return run->places == &sh_places ? "the command" : run->argv[0];
}

static void fail(struct run *run, const struct process_result *result, struct value details)
{
	const char *name = run->call->builtin->name;
	char duration[48];
	struct buffer message = {0};
	struct value text;

	if (result->timed_out)
		buffer_printf(&message, "%s: %s did not end within %s", name, program(run),
			      duration_text(call_int(run->call, run->places->timeout, 0), duration));
	else if (result->signal != 0)
		buffer_printf(&message, "%s: %s was killed by signal %d (%s)", name, program(run),
			      result->signal, strsignal(result->signal));
	else
		buffer_printf(&message, "%s: %s exited with %d", name, program(run), result->code);
	last_words(record_peek(details, "tail"), &message);
	text = buffer_finish(&message);
	call_failed_with(run->call, details, "%s", value_text_peek(text));
	value_release(text);
}

static void run_done(void *context, const struct process_result *result)
{
	struct run *run = context;
	struct effect_call *call = run->call;
	const char *name = call->builtin->name;
	struct value answer;

	run->process = NULL;
	if (!result->started) {
		call_failed(call, "%s: %s", name, result->error);
		return;
	}
	if (result->lost && call->builtin->effect == EFFECT_READ) {
		call_failed(call, "%s: %s while %s ran", name, result->error, program(run));
		return;
	}
	if (result->lost) {
		call_unknown(call, "%s: %s while %s ran; it may go on all the same", name, result->error,
			     program(run));
		return;
	}
	if (result->cancelled && result->signal != 0) {
		call_unknown(call, "%s: %s was stopped while it ran", name, program(run));
		return;
	}
	answer = exec_result(run, result);
	if (!result->timed_out && result->signal == 0 &&
	    is_ok(call_arg(call, run->places->ok), result->code)) {
		call_ok(call, answer);
		return;
	}
	record_set(&answer, "tail", tail_of(record_peek(answer, "stdout"), record_peek(answer, "stderr")));
	fail(run, result, answer);
}

/* ---- starting ---- */

static void run_start(struct effect_call *call, const struct places *places)
{
	struct run *run = memory_need(calloc(1, sizeof(*run)));
	struct process_options options = {0};
	bool taken;

	run->call = call;
	run->places = places;
	call->state = run;
	call->free_state = run_free;
	taken =
	    places == &sh_places ? take_script(run, call_arg(call, 0)) : take_command(run, call_arg(call, 0));
	if (!taken || !take_env(run, call_arg(call, places->env)) ||
	    !take_ok(run, call_arg(call, places->ok)))
		return;
	if (call_arg(call, places->input).tag != VALUE_NULL)
		run->input = value_to_text(call_arg(call, places->input));
	options.argv = run->argv;
	options.env = (const char *const *)run->env;
	options.directory = call_text(call, places->directory);
	if (run->input.tag == VALUE_STRING) {
		options.input = run->input.string->bytes;
		options.input_length = run->input.string->length;
	}
	options.timeout_ns = call_int(call, places->timeout, 0);
	options.on_done = run_done;
	options.context = run;
	call->cancel = run_cancel;
	run->process = remote_start(call->live, call_text(call, places->host), &options);
}

static void exec_start(struct effect_call *call)
{
	run_start(call, &exec_places);
}

static void sh_start(struct effect_call *call)
{
	run_start(call, &sh_places);
}

static struct value exec_simulate(const struct effect_request *request)
{
	struct value record = record_new(5);

	(void)request;
	record_set(&record, "code", value_int(0));
	record_set(&record, "stdout", value_unknown());
	record_set(&record, "stderr", value_unknown());
	record_set(&record, "time", value_duration(0));
	record_set(&record, "truncated", value_bool(false));
	return record;
}

/* ---- preview: the command as one would type it ---- */

static struct value with_name(const struct effect_request *request, struct buffer *line,
			      const struct places *places)
{
	struct value directory = request->args[places->directory], host = request->args[places->host];
	struct buffer text = {0};

	buffer_printf(&text, "%s: ", request->builtin->name);
	if (line->length > 0)
		buffer_add(&text, line->string->bytes, line->length);
	buffer_free(line);
	if (directory.tag == VALUE_STRING) {
		struct value shown = value_show(directory, 200);

		buffer_printf(&text, "  (in %s)", value_text_peek(shown));
		value_release(shown);
	}
	words_add_host(&text, host);
	return buffer_finish(&text);
}

static struct value exec_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add_env(&line, NULL, request->args[exec_places.env]);
	words_add_list(&line, request->args[0]);
	return with_name(request, &line, &exec_places);
}

/* The author's text on one line, and what stands for its arguments behind it. */
static struct value sh_describe(const struct effect_request *request)
{
	struct value text = record_peek(request->args[0], "text"),
		     args = record_peek(request->args[0], "args");
	struct buffer line = {0};
	const char *at;
	size_t i;

	words_add_env(&line, NULL, request->args[sh_places.env]);
	if (line.length > 0)
		buffer_add_byte(&line, ' ');
	for (at = value_text_peek(text); *at; at++) {
		if (*at == '\n')
			buffer_add_text(&line, " \u23ce ");
		else
			buffer_add_byte(&line, *at);
	}
	for (i = 0; i < value_length(args); i++) {
		struct buffer word = {0};

		words_add_value(&word, list_peek(args, i));
		buffer_printf(&line, "%s$%zu=", i > 0 ? " " : "  # ", i + 1);
		if (word.length > 0)
			buffer_add(&line, word.string->bytes, word.length);
		buffer_free(&word);
	}
	return with_name(request, &line, &sh_places);
}

#define EXEC_ARGUMENTS                                                                                       \
	"env: secret record = null, directory: path = null, input: secret string = null, timeout: duration " \
	"= null, "                                                                                           \
	"ok: any = null, host: string = null) -> exec_result"

#define EXEC_HOST                                                                                            \
	"With `host: \"web1\"` it runs there, through the OpenSSH client and your `~/.ssh/config`, on one "  \
	"connection that is kept for the run. The words, the environment, the directory and the input "      \
	"arrive "                                                                                            \
	"byte by byte as they are here and no shell reads them. Nobody is asked for a password, and a host " \
	"key "                                                                                               \
	"that is unknown or has changed is a failure. What is behind `env` is then all that is added to "    \
	"the far "                                                                                           \
	"login's environment; a variable's name must be letters, digits and `_`. A program that a signal "   \
	"killed "                                                                                            \
	"there has the code 128 + signal. If the connection breaks while it runs, what `exec` and `sh` did " \
	"is "                                                                                                \
	"unknown."

#define EXEC_DETAILS                                                                                         \
	"`env` adds variables to those of runplan itself (a null leaves one out), `directory` is where the " \
	"program runs, "                                                                                     \
	"`input` is its standard input, which is empty otherwise. A secret goes by `env` or `input`; one "   \
	"among the "                                                                                         \
	"arguments is refused, because every user of the machine could read it there. An exit code other "   \
	"than 0 is a "                                                                                       \
	"failure unless `ok` lists it: `ok: [0, 255]`, `ok: 1`, `ok: 0..3`. After `timeout` the program "    \
	"and all it "                                                                                        \
	"started get TERM, and KILL five seconds later. Of each output 4MiB are kept; `truncated` says "     \
	"when there was "                                                                                    \
	"more. A failure has the details code, stdout, stderr, and in `tail` the last 20 lines, those of "   \
	"stdout first. " EXEC_HOST

#define EXEC_BAD                                                                                             \
	"A program that does not exist or may not be run, an exit code that is not `ok`, a signal and a "    \
	"timeout are "                                                                                       \
	"failures; the message ends with the program's last line. So are a host that is down, refuses the "  \
	"key, is not known or does not answer (10 s for each connection)."

#define SH_SIGNATURE "(command: sh, reads: bool = false, " EXEC_ARGUMENTS
#define SH_SUMMARY   "Run a line of shell."

/* What `sh(…, reads: true)` is. */
static const struct builtin sh_reads = {
    .name = "sh",
    .signature = SH_SIGNATURE,
    .summary = SH_SUMMARY,
    .example = "sh(\"df -P / | tail -n 1\", reads: true)",
    .bad_input = EXEC_BAD,
    .effect = EFFECT_READ,
    .start = sh_start,
    .describe = sh_describe,
};

static const struct builtin exec_rows[] = {
    {.name = "exec",
     .signature = "(command: list(string), " EXEC_ARGUMENTS,
     .summary = "Run a program and wait for its end.",
     .details = "The command is the program and its arguments, word by word: no shell reads them, so nothing "
		"in them needs quoting. " EXEC_DETAILS,
     .example = "exec([\"systemctl\", \"restart\", \"thebot\"], timeout: 30s)",
     .bad_input = EXEC_BAD,
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_ASK,
     .start = exec_start,
     .simulate = exec_simulate,
     .describe = exec_describe},
    {.name = "probe",
     .signature = "(command: list(string), " EXEC_ARGUMENTS,
     .summary = "Run a program which, the author promises, only looks and changes nothing.",
     .details = "Like `exec`, but a read: it needs no way back, may be repeated, and may run in a "
		"guard. " EXEC_DETAILS,
     .example = "text.trim(probe([\"hostname\"]).stdout)",
     .bad_input = EXEC_BAD,
     .effect = EFFECT_READ,
     .start = exec_start,
     .describe = exec_describe},
    {.name = "sh",
     .signature = SH_SIGNATURE,
     .summary = SH_SUMMARY,
     .details =
	 "The command is a literal; a value that is interpolated into it arrives as a positional argument "
	 "and is never read as code: `sh(\"grep -c x ${path}\")` runs `grep -c x \"$1\"`. With `reads: true` "
	 "it is the author's promise that the command changes nothing, and the call is a read. " EXEC_DETAILS,
     .example = "sh(\"ln -sfn ${\"releases/v2\"} /srv/current\")",
     .bad_input = EXEC_BAD,
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_ASK,
     .start = sh_start,
     .simulate = exec_simulate,
     .describe = sh_describe,
     .reads = &sh_reads},
};

static const struct builtin_type exec_types[] = {
    {.name = "exec_result",
     .definition = "{ code: int, stdout: string, stderr: string, time: duration, truncated: bool }",
     .summary = "What a program answered: its exit code, what it printed, how long it ran, and whether more "
		"was printed than is kept."},
};

const struct builtin_table exec_table = {
    .name = "exec",
    .summary = "Programs of this machine, and by ssh of others.",
    .rows = exec_rows,
    .row_count = sizeof(exec_rows) / sizeof(*exec_rows),
    .types = exec_types,
    .type_count = sizeof(exec_types) / sizeof(*exec_types),
};
