/* pg_program.c - PostgreSQL's own programs as child processes: one deadline for all of a call's, messages,
 * the password. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builtins/pg_inner.h"
#include "builtins/pg_target.h"
#include "builtins/pg_types.h"
#include "builtins/scrub.h"

/* The end of what a program wrote to its standard error is enough of it for a message. */
#define STDERR_SHOWN 600

bool pg_program_init(struct pg_program *program, struct effect_call *call, struct value url,
		     const char *database, int64_t timeout_ns)
{
	struct value message;

	*program = (struct pg_program){.call = call, .began = live_now(call->live), .timeout_ns = timeout_ns};
	program->deadline = timeout_ns > 0 ? program->began + timeout_ns : 0;
	if (pg_child_target(url, database, &program->conninfo, &program->passfile, &message))
		return true;
	call_failed(call, "%s", value_text_peek(message));
	value_release(message);
	return false;
}

void pg_program_free(struct pg_program *program)
{
	value_clear(&program->conninfo);
	value_clear(&program->passfile);
}

int64_t pg_program_elapsed(const struct pg_program *program)
{
	return live_now(program->call->live) - program->began;
}

static void program_done(void *context, const struct process_result *result)
{
	struct pg_program *program = context;

	program->process = NULL;
	program->done(program->context, result);
}

void pg_program_run(struct pg_program *program, const char *const *argv, int input_fd, int output_fd,
		    size_t output_max, void (*done)(void *context, const struct process_result *result),
		    void *context)
{
	/* An empty PGPASSWORD counts as none: the password file, which libpq looks at last, then has its
	 * turn. */
	static const char *const with_passfile[] = {"LC_ALL=C", "TZ=UTC", "PGPASSWORD=", NULL};
	static const char *const without_passfile[] = {"LC_ALL=C", "TZ=UTC", NULL};
	bool passfile = program->passfile.tag == VALUE_STRING;
	int64_t left = program->deadline > 0 ? program->deadline - live_now(program->call->live) : 0;
	struct process_options options = {.argv = argv,
					  .env = passfile ? with_passfile : without_passfile,
					  .input_fd = input_fd,
					  .output_fd = output_fd,
					  .secret = passfile ? value_text_peek(program->passfile) : NULL,
					  .timeout_ns = program->deadline > 0 && left < 1 ? 1 : left,
					  .output_max = output_max,
					  .on_done = program_done,
					  .context = program};

	program->done = done;
	program->context = context;
	program->process = process_start(program->call->live, &options);
	if (program->call->cancelled)
		process_stop(program->process);
}

void pg_program_stop(struct pg_program *program)
{
	if (program->process)
		process_stop(program->process);
}

/* The password itself, as it stands in the line: "*:*:*:*:PASSWORD\\n", with escapes. Both spellings are
 * scrubbed. */
static struct value secrets_of(const struct pg_program *program)
{
	const char *line = value_text_peek(program->passfile);
	struct value secrets = list_new(2);
	struct buffer plain = {0};
	size_t i, length = value_length(program->passfile);

	if (length <= 9)
		return secrets;
	list_push(&secrets, value_string_n(line + 8, length - 9));
	for (i = 8; i + 1 < length; i++) {
		i += line[i] == '\\';
		buffer_add_byte(&plain, line[i]);
	}
	list_push(&secrets, buffer_finish(&plain));
	return secrets;
}

static struct value stderr_shown(const struct pg_program *program, const struct process_result *result)
{
	size_t skip;
	struct value secrets = secrets_of(program),
		     whole = scrub(value_string_n(result->err, result->err_length), secrets);
	struct value shown;

	skip = value_length(whole) > STDERR_SHOWN ? value_length(whole) - STDERR_SHOWN : 0;
	shown = value_string(value_text_peek(whole) + skip);
	value_release(whole);
	value_release(secrets);
	return shown;
}

bool pg_program_ok(const struct pg_program *program, const char *name, const struct process_result *result,
		   struct value *message, struct value *details)
{
	struct value shown;
	char text[48];

	*message = *details = value_null();
	if (result->started && result->code == 0)
		return true;
	if (!result->started && !result->cancelled) {
		*message = value_string_printf("%s cannot be run (install PostgreSQL's client programs): %s",
					       name, result->error ? result->error : "it did not start");
		return false;
	}
	shown = stderr_shown(program, result);
	*details = record_new(2);
	record_set(details, "code", value_int(result->code));
	record_set(details, "stderr", value_copy(shown));
	if (result->timed_out)
		*message = value_string_printf("%s timed out after %s", name,
					       duration_text(program->timeout_ns, text));
	else if (result->cancelled)
		*message = value_string_printf("%s was cancelled", name);
	else if (value_length(shown) > 0)
		*message = value_string_printf("%s failed: %s", name, value_text_peek(shown));
	else
		*message = value_string_printf("%s failed with exit code %d", name, result->code);
	value_release(shown);
	return false;
}
