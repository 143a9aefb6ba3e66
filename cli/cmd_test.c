/* cmd_test.c - runplan test: the plans' own tests, in simulation. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "interp/json.h"
#include "interp/plan_test.h"

#define CALLS_SHOWN 40 /* of a test that failed: the first ones */
#define INSIDE	    10 /* columns before what belongs to a test */

struct tally {
	size_t passed, failed;
	bool unsound; /* a file that does not check */
};

struct reporter {
	struct session *session;
	struct ui *view; /* -v, or NULL */
	const struct node *test;
	double milliseconds;
};

/* ---- text ---- */

static const struct sources *sources_of(const struct reporter *reporter)
{
	return reporter->session->compilation->sources;
}

static void print_place(const struct reporter *reporter, struct span at, const char *text, size_t length)
{
	struct position where = source_position(sources_of(reporter), at.file, at.from);

	page_printf(&reporter->session->out, "%*s%s:%u: %.*s\n", INSIDE, "",
		    source_get(sources_of(reporter), at.file)->path, where.line, (int)length, text);
}

static void print_miss(const struct reporter *reporter, const struct test_miss *miss)
{
	const struct page *page = &reporter->session->out;
	struct value line = value_length(miss->message) > 0
				? value_copy(miss->message)
				: value_string_printf("`%s` does not hold", value_text_peek(miss->condition));
	size_t i;

	if (strstr(value_text_peek(line), value_text_peek(miss->condition)) == NULL) {
		struct value both =
		    value_string_printf("`%s`: %s", value_text_peek(miss->condition), value_text_peek(line));

		value_put(&line, both);
	}
	print_place(reporter, miss->at, value_text_peek(line), value_length(line));
	value_release(line);
	for (i = 0; i < value_length(miss->parts); i++) {
		struct value part = list_peek(miss->parts, i);

		if (value_equal(record_peek(part, "text"), miss->condition))
			continue;
		page_printf(page, "%*s%s is %s\n", INSIDE + 2, "", value_text_peek(record_peek(part, "text")),
			    value_text_peek(record_peek(part, "value")));
	}
}

static void print_unused(const struct reporter *reporter, const struct node *given)
{
	const char *text = source_text(sources_of(reporter), given->span);
	size_t length = given->span.to - given->span.from;
	const char *end = memchr(text, '\n', length);
	struct value line =
	    value_string_printf("nothing asked for `%.*s`", (int)(end ? (size_t)(end - text) : length), text);

	print_place(reporter, given->span, value_text_peek(line), value_length(line));
	value_release(line);
}

static void print_end(const struct reporter *reporter, const struct test_result *result)
{
	const struct page *page = &reporter->session->out;
	struct value step = record_peek(result->failure, "step");

	if (result->failure.tag != VALUE_RECORD)
		return;
	page_printf(page, "%*sthe run: %s%s%s\n", INSIDE, "",
		    value_length(step) > 0 ? value_text_peek(step) : "", value_length(step) > 0 ? ": " : "",
		    value_text_peek(record_peek(result->failure, "message")));
}

/* Reads are left out: there are many, and what is asked about is mostly what was done. */
static bool is_worth_showing(const struct call_made *call)
{
	return !call->builtin || call->builtin->effect == EFFECT_CHANGE;
}

static void print_calls(const struct reporter *reporter, const struct calls *calls)
{
	const struct page *page = &reporter->session->out;
	size_t i, shown = 0, left = 0;
	char text[48];

	for (i = 0; i < calls->count; i++) {
		if (!is_worth_showing(&calls->items[i]))
			continue;
		if (shown == CALLS_SHOWN) {
			left++;
			continue;
		}
		if (shown++ == 0)
			page_printf(page, "%*schanges and tasks, in order:\n", INSIDE, "");
		page_printf(page, "%*s%8s  %s\n", INSIDE, "", elapsed_text(calls->items[i].now, text),
			    value_text_peek(calls->items[i].shown));
	}
	if (left > 0)
		page_printf(page, "%*sand %zu more\n", INSIDE + 10, "", left);
	if (shown == 0)
		page_printf(page, "%*snothing was changed\n", INSIDE, "");
}

static void print_result(const struct reporter *reporter, const struct test_result *result)
{
	const struct page *page = &reporter->session->out;
	char text[48];
	size_t i;

	page_line(page, NULL, 2, result->passed ? STYLE_GOOD : STYLE_BAD,
		  result->passed ? "ok      " : "FAILED  ", plan_test_title(reporter->test));
	if (result->passed)
		return;
	for (i = 0; i < result->missed_count; i++)
		print_miss(reporter, &result->missed[i]);
	for (i = 0; i < result->unused_count; i++)
		print_unused(reporter, result->unused[i]);
	if (result->problem.tag != VALUE_NULL)
		page_printf(page, "%*s%s\n", INSIDE, "", value_text_peek(result->problem));
	if (result->outcome.tag == VALUE_STRING)
		page_printf(page, "%*soutcome: %s after %s\n", INSIDE, "", value_text_peek(result->outcome),
			    elapsed_text(result->elapsed, text));
	print_end(reporter, result);
	print_calls(reporter, &result->calls);
}

/* ---- JSON ---- */

static struct value place_of(const struct reporter *reporter, struct span at, struct value record)
{
	struct position where = source_position(sources_of(reporter), at.file, at.from);

	record_set(&record, "file", value_string(source_get(sources_of(reporter), at.file)->path));
	record_set(&record, "line", value_int(where.line));
	record_set(&record, "column", value_int(where.column));
	return record;
}

static struct value misses_of(const struct reporter *reporter, const struct test_result *result)
{
	struct value list = list_new(result->missed_count);
	size_t i;

	for (i = 0; i < result->missed_count; i++) {
		const struct test_miss *miss = &result->missed[i];
		struct value record = place_of(reporter, miss->at, record_new(7));

		record_set(&record, "condition", value_copy(miss->condition));
		record_set(&record, "message", value_copy(miss->message));
		record_set(&record, "parts", value_copy(miss->parts));
		list_push(&list, record);
	}
	return list;
}

static struct value unused_of(const struct reporter *reporter, const struct test_result *result)
{
	struct value list = list_new(result->unused_count);
	size_t i;

	for (i = 0; i < result->unused_count; i++) {
		struct span at = result->unused[i]->span;
		struct value record = place_of(reporter, at, record_new(4));

		record_set(&record, "given",
			   value_string_n(source_text(sources_of(reporter), at), at.to - at.from));
		list_push(&list, record);
	}
	return list;
}

static struct value calls_of(const struct calls *calls)
{
	struct value list = list_new(calls->count);
	size_t i;

	for (i = 0; i < calls->count; i++) {
		struct value record = record_new(2);

		record_set(&record, "after", value_float((double)calls->items[i].now / 1e9));
		record_set(&record, "call", value_copy(calls->items[i].shown));
		list_push(&list, record);
	}
	return list;
}

static void write_result(const struct reporter *reporter, const struct test_result *result)
{
	struct value record = place_of(reporter, reporter->test->span, record_new(13));
	struct buffer line = {0};
	struct value clean;

	record_set(&record, "type", value_string("test"));
	record_set(&record, "test", value_string(plan_test_title(reporter->test)));
	record_set(&record, "passed", value_bool(result->passed));
	record_set(&record, "outcome", value_copy(result->outcome));
	record_set(&record, "exit", value_int(result->exit));
	record_set(&record, "elapsed", value_float((double)result->elapsed / 1e9));
	record_set(&record, "milliseconds", value_float(reporter->milliseconds));
	record_set(&record, "failure", value_copy(result->failure));
	record_set(&record, "problem", value_copy(result->problem));
	record_set(&record, "missed", misses_of(reporter, result));
	record_set(&record, "unused", unused_of(reporter, result));
	record_set(&record, "calls", calls_of(&result->calls));
	clean = redact_value(reporter->session->redactor, record);
	json_write(&line, clean, JSON_PLAIN);
	buffer_add_byte(&line, '\n');
	page_redacted(&reporter->session->out, line.string->bytes, line.length);
	buffer_free(&line);
	value_release(clean);
	value_release(record);
}

/* ---- running ---- */

static void see(void *context, const struct event *event)
{
	struct reporter *reporter = context;

	redactor_learn_value(reporter->session->redactor, event->data);
	if (reporter->view)
		reporter->view->ops->event(reporter->view, event);
}

static double now_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The run comes before its verdict: it is what the verdict is about. */
static void open_view(struct reporter *reporter)
{
	struct session *session = reporter->session;

	if (!option_given(session->options, "verbose") || option_given(session->options, "json"))
		return;
	page_line(&session->out, NULL, 2, STYLE_STRONG, "running ", plan_test_title(reporter->test));
	reporter->view = ui_plain_new(&session->out, session->compilation->sources, VERBOSITY_NORMAL);
}

static void run_program(struct reporter *reporter, const struct program *program, struct test_result *result)
{
	struct params params;
	struct test_run run = {.program = program, .test = reporter->test, .see = see, .context = reporter};
	double started = now_milliseconds();

	params_of_test(&params, program, reporter->test);
	run.params = params.values;
	run.param_count = params.count;
	run.environment = params.environment;
	open_view(reporter);
	plan_test_run(&run, result);
	if (reporter->view && reporter->view->ops->finish)
		reporter->view->ops->finish(reporter->view, result->exit);
	if (reporter->view)
		reporter->view->ops->free(reporter->view);
	params_free(&params);
	reporter->milliseconds = now_milliseconds() - started;
}

static void run_test(struct session *session, const struct node *test, struct tally *tally)
{
	struct reporter reporter = {.session = session, .test = test};
	struct program *program = compile_test(session->compilation, test);
	struct test_result result;

	if (!program) {
		diag_print(stderr, session->compilation->diags, session->compilation->sources,
			   session->err.color);
		tally->unsound = true;
		return;
	}
	run_program(&reporter, program, &result);
	if (option_given(session->options, "json"))
		write_result(&reporter, &result);
	else if (!result.passed || !option_given(session->options, "quiet"))
		print_result(&reporter, &result);
	*(result.passed ? &tally->passed : &tally->failed) += 1;
	test_result_free(&result);
	program_free(program);
}

static bool is_wanted(const struct options *options, const struct node *test)
{
	const char *only = option_value(options, "only");

	return !only || strcasestr(plan_test_title(test), only) != NULL;
}

static void test_file(const struct options *options, const char *path, struct tally *tally)
{
	struct session session;
	const struct node *test = NULL;
	bool titled = option_given(options, "json");

	if (session_open(&session, options, path) != EXIT_DONE) {
		tally->unsound = true;
	} else {
		while ((test = plan_test_next(session.compilation, test))) {
			if (!is_wanted(options, test))
				continue;
			if (!titled)
				page_printf(&session.out, "%s\n", path);
			titled = true;
			run_test(&session, test, tally);
		}
	}
	session_close(&session);
}

static void print_tally(const struct options *options, const struct tally *tally)
{
	if (option_given(options, "json"))
		printf("{\"type\":\"end\",\"passed\":%zu,\"failed\":%zu}\n", tally->passed, tally->failed);
	else
		printf("%zu passed, %zu failed\n", tally->passed, tally->failed);
}

int cmd_test(const struct options *options)
{
	struct tally tally = {0};
	size_t i;

	for (i = 0; i < options->operand_count; i++)
		test_file(options, options->operands[i], &tally);
	if (tally.passed + tally.failed == 0 && !tally.unsound)
		fprintf(stderr, "runplan: there is no test%s%s%s\n",
			option_given(options, "only") ? " whose name holds `" : " in these plans",
			option_given(options, "only") ? option_value(options, "only") : "",
			option_given(options, "only") ? "`" : "");
	print_tally(options, &tally);
	if (tally.unsound || tally.passed + tally.failed == 0)
		return EXIT_USAGE;
	return tally.failed > 0 ? EXIT_FAILED : EXIT_DONE;
}
