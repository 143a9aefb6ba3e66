/* test_cli.c - the parts of the command line that need no run: options, redaction, lines, params, rows, the
 * sink. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/params.h"
#include "cli/pulse.h"
#include "cli/redact.h"
#include "cli/rows.h"
#include "cli/sink.h"
#include "cli/typing.h"
#include "cli/ui.h"
#include "interp/type.h"

/* ---- options ---- */

#define MOST_WORDS 16

/* Parses a line of words divided by blanks; the printed complaint is in `said`. */
struct parsed {
	struct options options;
	bool ok;
	char said[1024];
	char line[256];
};

static void parse(struct parsed *parsed, const char *line)
{
	const char *argv[MOST_WORDS] = {"runplan"};
	FILE *err = fmemopen(parsed->said, sizeof(parsed->said) - 1, "w");
	char *word;
	int argc = 1;

	memset(parsed->said, 0, sizeof(parsed->said));
	snprintf(parsed->line, sizeof(parsed->line), "%s", line);
	for (word = strtok(parsed->line, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	parsed->ok = options_parse(&parsed->options, argc, argv, err);
	fclose(err);
}

static void test_options_stand_anywhere(void **state)
{
	static const char *const lines[] = {
	    "run plan.plan --env lab --set a=1 --set b=2 --yes",
	    "--env lab run --set a=1 plan.plan --yes --set b=2",
	    "--yes --env=lab plan.plan --set=a=1 -s b=2",
	    "-y -elab plan.plan -sa=1 -s b=2",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct parsed p;
		size_t at = 0;

		parse(&p, lines[i]);
		if (!p.ok)
			fail_msg("%s: %s", lines[i], p.said);
		assert_string_equal(p.options.command->name, "run");
		assert_int_equal(p.options.operand_count, 1);
		assert_string_equal(p.options.operands[0], "plan.plan");
		assert_string_equal(option_value(&p.options, "env"), "lab");
		assert_true(option_given(&p.options, "yes"));
		assert_false(option_given(&p.options, "json"));
		assert_string_equal(option_next(&p.options, "set", &at), "a=1");
		assert_string_equal(option_next(&p.options, "set", &at), "b=2");
		assert_null(option_next(&p.options, "set", &at));
		options_free(&p.options);
	}
}

static void test_options_that_are_wrong(void **state)
{
	static const char *const lines[][2] = {
	    {"run plan.plan --jsno", "unknown option `--jsno`; did you mean `--json`?"},
	    {"run plan.plan --zzzzzzzzz", "unknown option `--zzzzzzzzz`"},
	    {"runn", "neither a command nor a file; did you mean `runplan run`?"},
	    {"run plan.plan --env", "wants a value"},
	    {"run plan.plan --yes=no", "takes no value"},
	    {"run", "wants FILE"},
	    {"run a.plan b.plan", "`b.plan` is one operand too many"},
	    {"check a.plan --yes", "`check` has no option `--yes`"},
	    {"run plan.plan -Z", "unknown option `-Z`"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct parsed p;

		parse(&p, lines[i][0]);
		assert_false(p.ok);
		if (!strstr(p.said, lines[i][1]))
			fail_msg("%s: \"%s\" does not say \"%s\"", lines[i][0], p.said, lines[i][1]);
	}
}

static void test_options_end_at_two_dashes(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "check -- --odd.plan");
	assert_true(p.ok);
	assert_string_equal(p.options.operands[0], "--odd.plan");
	options_free(&p.options);
}

/* What belongs to a later release is known by name, whatever options it is given. */
static void test_later_commands(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		struct parsed p;
		char line[64];

		if (command->run)
			continue;
		assert_false(command_offered(command));
		snprintf(line, sizeof(line), "%s x --past-checkpoints", command->name);
		parse(&p, line);
		if (!p.ok)
			fail_msg("%s: %s", line, p.said);
		assert_ptr_equal(p.options.command, command);
		options_free(&p.options);
	}
}

/* Every option's list of commands names commands that are there. */
static void test_tables_agree(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < option_count; i++) {
		char words[256], *word;

		if (option_table[i].completes == COMPLETES_WORDS || option_table[i].completes == COMPLETES_START)
			assert_non_null(option_table[i].words);
		if (!option_table[i].commands)
			continue;
		snprintf(words, sizeof(words), "%s", option_table[i].commands);
		for (word = strtok(words, " "); word; word = strtok(NULL, " ")) {
			for (k = 0; k < command_count; k++)
				if (strcmp(command_table[k].name, word) == 0 && command_table[k].run)
					break;
			if (k == command_count)
				fail_msg("--%s is an option of `%s`, which is no command",
					 option_table[i].name, word);
		}
	}
}

/* ---- redaction ---- */

static void expect_redacted(const struct redactor *redactor, const char *text, const char *expected)
{
	struct buffer out = {0};
	struct value got;

	redact(redactor, text, strlen(text), &out);
	got = buffer_finish(&out);
	assert_string_equal(value_text_peek(got), expected);
	value_release(got);
}

static void test_redact_forms(void **state)
{
	static const char secret[] = "it's \"a/secret\" & more";
	struct redactor *redactor = redactor_new();

	(void)state;
	redactor_learn(redactor, secret, strlen(secret));
	expect_redacted(redactor, "x it's \"a/secret\" & more y", "x *** y");
	/* printf "it's ..." | base64; the same behind `user:`, as in a Basic header (its first letters belong
	 * to `user:` too) */
	expect_redacted(redactor, "aXQncyAiYS9zZWNyZXQiICYgbW9yZQ==", "***==");
	expect_redacted(redactor, "Basic dXNlcjppdCdzICJhL3NlY3JldCIgJiBtb3Jl", "Basic dXNlcj***");
	expect_redacted(redactor, "?q=it%27s%20%22a%2Fsecret%22%20%26%20more&x", "?q=***&x");
	expect_redacted(redactor, "?q=it%27s+%22a%2Fsecret%22+%26+more&x", "?q=***&x");
	expect_redacted(redactor, "{\"a\":\"it's \\\"a/secret\\\" & more\"}", "{\"a\":\"***\"}");
	expect_redacted(redactor, "{\"a\":\"it's \\\"a\\/secret\\\" & more\"}", "{\"a\":\"***\"}");
	expect_redacted(redactor, "sh -c 'it'\\''s \"a/secret\" & more'", "sh -c '***'");
	expect_redacted(redactor, "it\\'s\\ \\\"a/secret\\\"\\ \\&\\ more", "***");
	expect_redacted(redactor, "6974277320226122", "6974277320226122"); /* only a part of it */
	redactor_free(redactor);
}

static void test_redact_lines_and_ends(void **state)
{
	static const char key[] = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n";
	struct redactor *redactor = redactor_new();

	(void)state;
	redactor_learn(redactor, key, strlen(key));
	expect_redacted(redactor, "line: MIIEvQIBADANBg.", "line: ***.");
	redactor_learn(redactor, "from-a-file\n", 12); /* the line end of the file is no part of it */
	expect_redacted(redactor, "from-a-file", "***");
	redactor_free(redactor);
}

static void test_redact_short_and_nested(void **state)
{
	struct redactor *redactor = redactor_new();

	(void)state;
	redactor_learn(redactor, "x", 1);
	expect_redacted(redactor, "x exit x=1 _x", "*** exit ***=1 _x");
	redactor_learn(redactor, "", 0);
	expect_redacted(redactor, "", "");
	redactor_learn(redactor, "pass", 4);
	redactor_learn(redactor, "passphrase", 10);
	expect_redacted(redactor, "passphrase and pass", "*** and ***"); /* the longer one first */
	redactor_free(redactor);
}

static void test_redact_learns_from_events(void **state)
{
	struct redactor *redactor = redactor_new();
	struct value data = record_new(3), list = list_new(1);

	(void)state;
	list_push(&list, value_mark(value_string("hunter2"), VALUE_SECRET));
	record_set(&data, "list", list);
	record_set(&data, "open", value_string("not secret"));
	record_set(&data, "number", value_mark(value_int(54321), VALUE_SECRET));
	/* What holds a known secret is marked as a whole; only the secret is hidden of it. */
	record_set(&data, "tail", value_mark(value_string("login as hunter2\nfailed badly"), VALUE_SECRET));
	redactor_learn_value(redactor, data);
	expect_redacted(redactor, "hunter2 not secret 54321", "*** not secret ***");
	expect_redacted(redactor, "login as hunter2\nfailed badly", "login as ***\nfailed badly");
	value_release(data);
	redactor_free(redactor);
}

/* ---- lines ---- */

static void expect_clean(const char *text, const char *expected)
{
	struct buffer out = {0};
	struct value got;

	text_clean(text, strlen(text), &out);
	got = buffer_finish(&out);
	assert_string_equal(value_text_peek(got), expected);
	value_release(got);
}

static void test_clean_text(void **state)
{
	(void)state;
	expect_clean("\033[1;31mred\033[0m", "red");
	expect_clean("a\033]0;title\ab", "ab");
	expect_clean("a\033]8;;http://x\033\\link", "alink");
	expect_clean("a\033", "a");
	expect_clean("a\033[", "a");
	expect_clean("a\r\nb\tc", "a b c");
	expect_clean("a\bb\x7f\x01", "ab");
	expect_clean("\xe2\x80\xae"
		     "evil\xe2\x80\xac",
		     "evil"); /* right-to-left override */
	expect_clean("\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd");
	expect_clean("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
}

static void expect_elapsed(int64_t ns, const char *expected)
{
	char buffer[48];

	assert_string_equal(elapsed_text(ns, buffer), expected);
}

static void test_elapsed(void **state)
{
	(void)state;
	expect_elapsed(0, "0s");
	expect_elapsed(1234567, "1ms");
	expect_elapsed(999400000, "999ms");
	expect_elapsed(4249000000, "4.2s");
	expect_elapsed(4960000000, "5s");
	expect_elapsed(INT64_C(133000000000), "2m13s");
	expect_elapsed(INT64_C(3600000000000), "1h");
}

/* What a page writes, through a file. */
static void page_says(unsigned width, bool color, const char *text, const char *expected)
{
	char path[] = "/tmp/runplan-page-XXXXXX", got[1024];
	int fd = mkstemp(path);
	struct sink *sink = sink_new(fd);
	struct redactor *redactor = redactor_new();
	const struct page page = {.sink = sink, .redactor = redactor, .color = color, .width = width};
	ssize_t length;

	redactor_learn(redactor, "hunter2", 7);
	page_line(&page, "  0:01  ", 2, STYLE_BAD, "FAILED ", text);
	sink_free(sink);
	length = pread(fd, got, sizeof(got) - 1, 0);
	assert_true(length >= 0);
	got[length] = '\0';
	assert_string_equal(got, expected);
	redactor_free(redactor);
	close(fd);
	unlink(path);
}

static void test_page(void **state)
{
	(void)state;
	page_says(80, false, "short", "  0:01    FAILED short\n");
	page_says(40, false, "one two three four five six",
		  "  0:01    FAILED one two three four five\n                 six\n");
	page_says(40, false, "an/unbroken/path/that/is/longer/than/a/line x",
		  "  0:01    FAILED an/unbroken/path/that/is/longer/than/a/line\n                 x\n");
	page_says(80, false, "pw hunter2 \033[2J", "  0:01    FAILED pw ***\n");
	page_says(80, false, "pw hun\033[0mter2",
		  "  0:01    FAILED pw ***\n"); /* hidden by a control sequence */
	page_says(80, true, "x", "\033[2m  0:01  \033[0m  \033[1;31mFAILED \033[0mx\n");
}

/* ---- params ---- */

static void expect_param(enum type_kind kind, const char *text, const char *expected)
{
	char error[512] = "";
	struct value v, shown;
	bool ok = param_read(type_simple(kind), text, &v, error, sizeof(error));

	if (!expected) {
		assert_false(ok);
		assert_non_null(strstr(error, text));
		return;
	}
	if (!ok)
		fail_msg("%s", error);
	shown = value_show(v, 0);
	assert_string_equal(value_text_peek(shown), expected);
	value_release(shown);
	value_release(v);
}

static void test_param_values(void **state)
{
	(void)state;
	expect_param(TYPE_STRING, "5%", "\"5%\""); /* a string is taken as it is */
	expect_param(TYPE_STRING, "", "\"\"");
	expect_param(TYPE_STRING, "\"quoted\" ${x}", "\"\\\"quoted\\\" ${x}\"");
	expect_param(TYPE_INT, "-3", "-3");
	expect_param(TYPE_INT, "1_000", "1000");
	expect_param(TYPE_INT, "3.5", NULL);
	expect_param(TYPE_INT, "3 + 4", NULL);
	expect_param(TYPE_FLOAT, "3", "3.0");
	expect_param(TYPE_PERCENT, "5%", "5%");
	expect_param(TYPE_PERCENT, "0.05", NULL);
	expect_param(TYPE_DURATION, "1h30m", "1h30m");
	expect_param(TYPE_DURATION, "90", NULL);
	expect_param(TYPE_SIZE, "512MB", "512MB");
	expect_param(TYPE_BOOL, "true", "true");
	expect_param(TYPE_BOOL, "yes", NULL);
	expect_param(TYPE_TIME, "2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z");
	expect_param(TYPE_TIME, "2026-01-31", "2026-01-31T00:00:00Z");
	expect_param(TYPE_TIME, "tomorrow", NULL);
	expect_param(TYPE_RANGE, "1..3", "1..3");
	expect_param(TYPE_ANY, "[1, \"a\", { b: 2s }]", "[1, \"a\", { b: 2s }]");
	expect_param(TYPE_ANY, "free text", "\"free text\"");
}

/* ---- rows ---- */

static void test_rows(void **state)
{
	char path[] = "/tmp/runplan-rows-XXXXXX", error[256] = "";
	int fd = mkstemp(path);
	struct redactor *redactor = redactor_new();
	struct store *rows;
	struct stat status;
	const char *row;
	size_t length;

	(void)state;
	redactor_learn(redactor, "hunter2", 7);
	rows = rows_create(path, redactor, error, sizeof(error));
	assert_non_null(rows);
	assert_true(rows->ops->append(rows, "{\"a\":\"hunter2\"}", 15));
	assert_true(rows->ops->append(rows, "{\"b\":1}", 7));
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_size, 0); /* kept back until sync */
	assert_true(rows->ops->sync(rows));
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_size, 12 + 8);
	rows->ops->free(rows);
	assert_null(
	    rows_create(path, redactor, error, sizeof(error))); /* another run's record is not written over */
	assert_non_null(strstr(error, "holds another run"));

	assert_int_equal(lseek(fd, 0, SEEK_END), 20);
	assert_int_equal(write(fd, "{\"c\":", 5), 5); /* cut off while it was written */
	rows = rows_read(path, error, sizeof(error));
	assert_non_null(rows);
	assert_int_equal(rows->ops->count(rows), 2);
	row = rows->ops->row_peek(rows, 0, &length);
	assert_int_equal(length, 11);
	assert_memory_equal(row, "{\"a\":\"***\"}", 11);
	rows->ops->free(rows);
	redactor_free(redactor);
	close(fd);
	unlink(path);
	assert_null(rows_read(path, error, sizeof(error)));
	assert_non_null(strstr(error, "No such file"));
}

/* ---- the sink ---- */

/* A reader that has gone ends only the output. */
static void test_sink_of_a_broken_pipe(void **state)
{
	int ends[2];
	struct sink *sink;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	sink = sink_new(ends[1]);
	sink_write(sink, "one\n", 4);
	sink_flush(sink);
	close(ends[0]);
	sink_write(sink, "two\n", 4);
	sink_flush(sink);
	sink_write(sink, "three\n", 6);
	sink_free(sink);
	close(ends[1]);
}

/* A reader that has stopped does not hold up the writer; when it reads again it gets all, in order. */
static void test_sink_of_a_stopped_reader(void **state)
{
	static char block[64 * 1024], got[64 * 1024];
	int ends[2];
	struct sink *sink;
	size_t total = 0;
	int i;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	sink = sink_new(ends[1]);
	for (i = 0; i < 20; i++) { /* twenty times what a pipe holds */
		memset(block, 'a' + i, sizeof(block));
		sink_write(sink, block, sizeof(block));
	}
	while (total < 20 * sizeof(block)) {
		ssize_t length = read(ends[0], got, sizeof(got));

		assert_true(length > 0);
		assert_int_equal(got[0], 'a' + (int)(total / sizeof(block)));
		total += (size_t)length;
	}
	sink_free(sink);
	close(ends[0]);
	close(ends[1]);
}

/* ---- the pulse ---- */

struct quiet_driver {
	struct driver driver;
	int64_t now, answer_at;
};

static bool quiet_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct quiet_driver *quiet = (struct quiet_driver *)driver;

	*out = (struct delivery){.kind = DELIVERY_TIME, .now = deadline};
	if (quiet->answer_at <= deadline)
		*out = (struct delivery){.kind = DELIVERY_SIGNAL, .now = quiet->answer_at};
	quiet->now = out->now;
	return true;
}

static void quiet_free(struct driver *driver)
{
	(void)driver;
}

static int64_t quiet_start_wall(struct driver *driver)
{
	(void)driver;
	return 1000;
}

static void quiet_start(struct driver *driver, const struct effect_request *request)
{
	(void)driver;
	(void)request;
}

static const struct driver_ops quiet_ops = {.name = "quiet",
					    .start = quiet_start,
					    .next = quiet_next,
					    .start_wall = quiet_start_wall,
					    .free = quiet_free};

static int64_t count_beat(void *context, int64_t now)
{
	int64_t *beats = context;

	beats[0]++;
	beats[1] = now;
	return now / 30 * 30 + 30;
}

static void test_pulse(void **state)
{
	struct quiet_driver quiet = {.driver = {.ops = &quiet_ops}, .answer_at = 100};
	int64_t beats[2] = {0, 0};
	struct driver *pulse = pulse_driver_new(&quiet.driver, count_beat, NULL, beats);
	struct delivery out;

	(void)state;
	/* A deadline that comes before the beat is the machine's. */
	assert_true(pulse->ops->next(pulse, 20, &out));
	assert_int_equal(out.now, 20);
	assert_int_equal(beats[0], 1);
	assert_true(pulse->ops->next(pulse, 40, &out)); /* a beat on the way is not */
	assert_int_equal(out.now, 40);
	assert_int_equal(out.kind, DELIVERY_TIME);
	assert_int_equal(beats[0], 3); /* before the wait at 20, and at 30 */
	assert_int_equal(beats[1], 30);
	assert_true(pulse->ops->next(pulse, INT64_MAX, &out));
	assert_int_equal(out.kind, DELIVERY_SIGNAL);
	assert_int_equal(out.now, 100);
	assert_int_equal(beats[0], 6); /* before the wait at 40, at 60 and 90 */
	assert_int_equal(beats[1], 90);
	pulse->ops->free(pulse);
}

static bool tell_when_idle(void *context, enum pulse_moment moment, struct delivery *out)
{
	(void)context;
	if (moment == PULSE_IDLE)
		*out = (struct delivery){.kind = DELIVERY_NOBODY};
	return moment == PULSE_IDLE;
}

/* Only people are waited for: not while another effect is under way, nor where something else is due. */
static void test_pulse_is_idle(void **state)
{
	static const struct builtin person = {.name = "p", .flags = BUILTIN_PERSON}, other = {.name = "o"};
	struct quiet_driver quiet = {.driver = {.ops = &quiet_ops}, .answer_at = 100};
	int64_t beats[2] = {0, 0};
	struct driver *pulse = pulse_driver_new(&quiet.driver, count_beat, tell_when_idle, beats);
	struct delivery out;

	(void)state;
	pulse->ops->start(pulse, &(struct effect_request){.id = "1", .builtin = &person});
	assert_true(pulse->ops->next(pulse, 20, &out));
	assert_int_equal(out.kind, DELIVERY_TIME);
	assert_true(pulse->ops->next(pulse, INT64_MAX, &out));
	assert_int_equal(out.kind, DELIVERY_NOBODY);
	assert_int_equal(out.now, 20);
	pulse->for_people = true; /* the deadline is the question's own */
	assert_true(pulse->ops->next(pulse, 30, &out));
	assert_int_equal(out.kind, DELIVERY_NOBODY);
	pulse->ops->start(pulse, &(struct effect_request){.id = "2", .builtin = &other});
	assert_true(pulse->ops->next(pulse, 30, &out));
	assert_int_equal(out.kind, DELIVERY_TIME);
	assert_true(pulse->ops->next(pulse, INT64_MAX, &out));
	assert_int_equal(out.kind, DELIVERY_SIGNAL);
	pulse->ops->free(pulse);
}

/* ---- terminals ---- */

static void test_columns(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
	} rows[] = {
	    {"", 0},	       {"plain", 5},  {"\u65e5\u672c\u8a9e", 6}, /* wide */
	    {"e\u0301", 1},						 /* with a combining accent */
	    {"\U0001f680", 2}, {"\u2705", 2}, {"\xff", 1},		 /* no character at all */
	};
	size_t i;

	(void)state;
	columns_prepare();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(columns_of(rows[i].text, strlen(rows[i].text)), rows[i].columns);
	assert_int_equal(columns_fit("\u65e5\u672c\u8a9e", 9, 5),
			 6);				    /* half of a wide character never fits */
	assert_int_equal(columns_fit("e\u0301x", 4, 1), 3); /* an accent stays with its letter */
}

static enum typed_what type(struct typed *typed, const char *keys)
{
	enum typed_what what = TYPED_MORE;

	for (; *keys && what == TYPED_MORE; keys++)
		what = typed_add(typed, *keys);
	return what;
}

static void test_typed(void **state)
{
	static struct typed typed;
	unsigned i;

	(void)state;
	assert_int_equal(type(&typed, "y\u65e5\177es\r"), TYPED_LINE);
	assert_string_equal(typed.line, "yes");
	typed_forget(&typed);
	assert_int_equal(type(&typed, "one two\027\b three\033[D\033OP\033[1;5C!\n"), TYPED_LINE);
	assert_string_equal(typed.line, "one three!");
	typed_forget(&typed);
	assert_int_equal(type(&typed, "\177\b\027no\025\004"), TYPED_CLOSED);
	assert_int_equal(type(&typed, "x\004"), TYPED_MORE);
	for (i = 0; i < 2 * TYPED_MAX; i++)
		typed_add(&typed, 'a');
	assert_int_equal(typed.length, TYPED_MAX - 1);
	assert_int_equal(strlen(typed.line), TYPED_MAX - 1);
	typed_forget(&typed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_options_stand_anywhere),
	    cmocka_unit_test(test_options_that_are_wrong),
	    cmocka_unit_test(test_options_end_at_two_dashes),
	    cmocka_unit_test(test_later_commands),
	    cmocka_unit_test(test_tables_agree),
	    cmocka_unit_test(test_redact_forms),
	    cmocka_unit_test(test_redact_lines_and_ends),
	    cmocka_unit_test(test_redact_short_and_nested),
	    cmocka_unit_test(test_redact_learns_from_events),
	    cmocka_unit_test(test_clean_text),
	    cmocka_unit_test(test_elapsed),
	    cmocka_unit_test(test_page),
	    cmocka_unit_test(test_param_values),
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_sink_of_a_broken_pipe),
	    cmocka_unit_test(test_sink_of_a_stopped_reader),
	    cmocka_unit_test(test_columns),
	    cmocka_unit_test(test_typed),
	    cmocka_unit_test(test_pulse),
	    cmocka_unit_test(test_pulse_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
