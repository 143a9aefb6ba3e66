/* prom_rules.c - see prom_rules.h. */
#include "builtins/prom_rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interp/buffer.h"
#include "interp/check.h"
#include "interp/drivers.h"
#include "interp/json.h"

/* A threshold with one set of arguments. */
struct rule {
	const struct threshold_code *code;
	struct value arguments, settings, places; /* lists; places: where it is watched, "FILE:LINE" */
	struct value query;			  /* as it was asked; unknown where that is not known */
	char *fiber;
	const char *name;
	struct span span; /* of the first place */
	bool asked, asks_at;
	const char *refused; /* why it is none, or NULL */
	int unit;	     /* enum unit, or -1 */
};

struct rules {
	struct driver driver;
	struct driver_ops ops;
	struct driver *preview;
	const struct program *program;
	struct rule *items;
	size_t count, room;
	size_t first;  /* of those that the exploration under way has found */
	bool defaults; /* the rest: what nothing watches */
	bool failed;   /* the plan does not come to its end */
	struct value failure;
	FILE *err;
};

/* ---- what is watched ---- */

static struct value list_of(const struct value *values, size_t count)
{
	struct value list = list_new(count);
	size_t i;

	for (i = 0; i < count; i++)
		list_push(&list, value_copy(values[i]));
	return list;
}

static struct value place_of(const struct rules *rules, struct span span)
{
	const struct sources *sources = rules->program->compilation->sources;

	return value_string_printf("%s:%u", source_get(sources, span.file)->path,
				   source_position(sources, span.file, span.from).line);
}

static bool span_equal(struct span a, struct span b)
{
	return a.file == b.file && a.from == b.from && a.to == b.to;
}

static bool is_same_threshold(const struct rule *rule, const struct threshold_code *code)
{
	return rule->code->node == code->node;
}

static bool is_known(struct value arguments)
{
	size_t i;

	for (i = 0; i < value_length(arguments); i++)
		if (list_peek(arguments, i).tag == VALUE_UNKNOWN)
			return false;
	return true;
}

/* Two arguments that are not known may differ. */
static struct rule *rule_find(struct rules *rules, const struct watched *watched, struct value arguments)
{
	bool known = is_known(arguments);
	size_t i;

	for (i = 0; i < rules->count; i++) {
		struct rule *rule = &rules->items[i];

		if (is_same_threshold(rule, watched->code) && value_equal(rule->arguments, arguments) &&
		    (known || span_equal(rule->span, watched->use->span)))
			return rule;
	}
	return NULL;
}

static bool is_watched(const struct rules *rules, const struct threshold_code *code)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		if (is_same_threshold(&rules->items[i], code) && value_length(rules->items[i].places))
			return true;
	return false;
}

static void note_place(struct rules *rules, struct rule *rule, struct span span)
{
	struct value place = place_of(rules, span);
	bool known = false;
	size_t i;

	for (i = 0; i < value_length(rule->places); i++)
		known |= value_equal(list_peek(rule->places, i), place);
	if (known || rules->defaults)
		value_release(place);
	else
		list_push(&rule->places, place);
}

static void note_watched(void *context, const struct watched *watched)
{
	struct rules *rules = context;
	struct value arguments = list_of(watched->arguments, watched->argument_count);
	struct rule *rule = rule_find(rules, watched, arguments);

	if (rules->defaults && is_watched(rules, watched->code)) {
		value_release(arguments);
		return;
	}
	if (rule) {
		value_release(arguments);
	} else {
		if (rules->count == rules->room) {
			rules->room = rules->room ? 2 * rules->room : 16;
			rules->items =
			    memory_need(realloc(rules->items, rules->room * sizeof(*rules->items)));
		}
		rule = &rules->items[rules->count++];
		*rule = (struct rule){
		    .code = watched->code,
		    .arguments = arguments,
		    .settings = list_of(watched->settings, THRESHOLD_REGISTERS),
		    .places = list_new(1),
		    .query = value_unknown(),
		    .fiber = memory_need(strdup(watched->fiber)),
		    .name = watched->use->name,
		    .span = watched->use->span,
		    .unit = -1,
		};
	}
	note_place(rules, rule, watched->use->span);
}

/* The query as it would be asked; where the same was watched before, it is known already. */
static void note_query(struct rules *rules, const struct effect_request *request)
{
	const struct signature *signature;
	struct rule *rule;
	size_t i, length;

	for (i = rules->first; i < rules->count; i++) {
		length = strlen(rules->items[i].fiber);
		if (strncmp(request->id, rules->items[i].fiber, length) == 0 && request->id[length] == ':')
			break;
	}
	if (i == rules->count)
		return;
	rule = &rules->items[i];
	if (rule->asked)
		return;
	rule->asked = true;
	signature = signature_of_builtin(rules->program->compilation, request->builtin);
	for (i = 0; i < request->arg_count; i++) {
		if (strcmp(signature->parameters[i].name, "query") == 0)
			value_put(&rule->query, value_copy(request->args[i]));
		if (strcmp(signature->parameters[i].name, "at") == 0)
			rule->asks_at = request->args[i].tag != VALUE_NULL;
	}
}

static void rules_start(struct driver *driver, const struct effect_request *request)
{
	struct rules *rules = (struct rules *)driver;

	if (strcmp(request->builtin->name, "prom.query") == 0)
		note_query(rules, request);
	rules->preview->ops->start(rules->preview, request);
}

static void rules_cancel(struct driver *driver, const char *id)
{
	struct rules *rules = (struct rules *)driver;

	rules->preview->ops->cancel(rules->preview, id);
}

static bool rules_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct rules *rules = (struct rules *)driver;

	return rules->preview->ops->next(rules->preview, deadline, out);
}

static int64_t rules_start_wall(struct driver *driver)
{
	struct rules *rules = (struct rules *)driver;

	return rules->preview->ops->start_wall(rules->preview);
}

static void note_end(void *context, const struct event *event)
{
	struct rules *rules = context;

	if (event->kind == EVENT_FAILED && rules->failure.tag == VALUE_NULL) {
		struct value place = place_of(rules, event->at);

		rules->failure = value_string_printf("%s: %s", value_text_peek(place), event->text);
		value_release(place);
	}
}

static void explore(struct rules *rules, const struct program *program, const struct param_value *params,
		    size_t param_count, const char *environment)
{
	struct journal *journal = journal_new(NULL);
	struct machine_options options = {
	    .program = program,
	    .driver = &rules->driver,
	    .journal = journal,
	    .run_id = "export",
	    .environment = environment,
	    .params = params,
	    .param_count = param_count,
	    .watched = note_watched,
	    .context = rules,
	};
	struct machine *machine;

	rules->program = program;
	rules->first = rules->count;
	rules->preview = preview_driver_new(NULL);
	rules->ops = (struct driver_ops){.name = "preview",
					 .start = rules_start,
					 .cancel = rules_cancel,
					 .next = rules_next,
					 .start_wall = rules_start_wall};
	rules->driver = (struct driver){.ops = &rules->ops, .explores = true};
	journal_observe(journal, note_end, rules);
	machine = machine_new(&options);
	rules->failed = machine_run(machine) != EXIT_DONE;
	machine_free(machine);
	journal_free(journal);
	rules->preview->ops->free(rules->preview);
}

/* ---- what cannot be a rule ---- */

static bool is_query(const struct node *node)
{
	return node->kind == NODE_CALL && node->builtin && strcmp(node->builtin->name, "prom.query") == 0;
}

/* Is it one prom.query, perhaps with a unit? */
static bool measures_query(struct rule *rule)
{
	const struct node *clause = rule->code->node->callable.body, *value;

	while (clause->kind != NODE_MEASURE)
		clause = clause->next;
	value = clause->value;
	if (value->kind == NODE_AS) {
		rule->unit = unit_find(value->as.unit.text);
		value = value->as.operand;
	}
	return is_query(value);
}

static struct value setting(const struct rule *rule, enum threshold_register which)
{
	return list_peek(rule->settings, which);
}

/* As Prometheus counts it: seconds, unless the measure is in milliseconds; bytes; ratios. NaN: no number. */
static double number_of(const struct rule *rule, struct value v)
{
	switch (v.tag) {
	case VALUE_INT:
	case VALUE_SIZE:
		return (double)v.i;
	case VALUE_DURATION:
		return (double)v.i / (rule->unit == UNIT_MILLISECONDS ? 1e6 : 1e9);
	case VALUE_FLOAT:
	case VALUE_PERCENT:
		return v.f;
	default:
		return NAN;
	}
}

static bool lacks_number(const struct rule *rule, enum threshold_register which)
{
	return !isfinite(number_of(rule, setting(rule, which)));
}

static const char *why_not(struct rule *rule)
{
	enum bound bound = rule->code->bound;
	enum threshold_register i;

	if (!measures_query(rule))
		return "its `measure` is not one prom.query";
	if (rule->query.tag == VALUE_UNKNOWN)
		return "its query is known only at run time";
	if (rule->query.tag != VALUE_STRING || value_is_secret(rule->query) ||
	    value_is_secret(rule->arguments))
		return "its query or an argument holds a secret";
	if (rule->asks_at)
		return "its query asks for another time than now";
	for (i = 0; i < THRESHOLD_REGISTERS; i++)
		if (setting(rule, i).tag == VALUE_UNKNOWN)
			return i <= THRESHOLD_HIGH
				   ? "its bound is known only at run time"
				   : "its `every`, `breach` or `no data` is known only at run time";
	if (lacks_number(rule, THRESHOLD_LOW) ||
	    ((bound == BOUND_BETWEEN || bound == BOUND_WITHIN) && lacks_number(rule, THRESHOLD_HIGH)))
		return "its bound is no number";
	return NULL;
}

static void say_refused(struct rules *rules, const struct rule *rule)
{
	struct value place = place_of(rules, rule->span);

	fprintf(rules->err, "%s: `%s` is not exported: %s\n", value_text_peek(place), rule->name,
		rule->refused);
	value_release(place);
}

/* ---- texts ---- */

/* What stands in labels and annotations is a template: braces of the plan's own text are text. */
static void add_plain(struct buffer *text, const char *plain)
{
	for (; *plain; plain++)
		if (plain[0] == '{' && plain[1] == '{') {
			buffer_add_text(text, "{{ \"{{\" }}");
			plain++;
		} else {
			buffer_add_byte(text, *plain);
		}
}

static void write_quoted(FILE *out, struct buffer *text)
{
	struct buffer line = {0};

	json_write_string(&line, buffer_text(text), text->length);
	fwrite(buffer_text(&line), 1, line.length, out);
	fputc('\n', out);
	buffer_free(&line);
	buffer_free(text);
}

static void write_field(FILE *out, const char *indent, const char *name, const char *plain)
{
	struct buffer text = {0};

	fprintf(out, "%s%s: ", indent, name);
	add_plain(&text, plain);
	write_quoted(out, &text);
}

/* A block of lines, as the author wrote it; where YAML could not keep that, a quoted string. */
static void write_block(FILE *out, const char *indent, const char *name, struct buffer *text)
{
	const char *at;

	fprintf(out, "%s%s: ", indent, name);
	for (at = buffer_text(text); *at; at++)
		if (((unsigned char)*at < ' ' && *at != '\n') || *at == 0x7f) {
			write_quoted(out, text);
			return;
		}
	fprintf(out, "|-\n%s  ", indent);
	for (at = buffer_text(text); *at; at++) {
		fputc(*at, out);
		if (*at == '\n' && at[1] != '\n')
			fprintf(out, "%s  ", indent);
	}
	fputc('\n', out);
	buffer_free(text);
}

static void add_number(struct buffer *text, double number)
{
	if (number == floor(number) && fabs(number) < 1e15)
		buffer_add_int(text, (int64_t)number);
	else
		buffer_add_float(text, number);
}

/* "1h30m"; less than a millisecond is one. */
static void add_duration(struct buffer *text, int64_t ns)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {{3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	int64_t ms = ns <= 1000000 ? 1 : ns / 1000000;
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ms >= units[i].ms)
			buffer_printf(text, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
		ms %= units[i].ms;
	}
}

/* ---- a rule ---- */

/* On lines of its own where it has several, or a comment that would swallow what follows. */
static void add_query(struct buffer *text, const struct rule *rule)
{
	const char *query = value_text_peek(rule->query);
	bool alone = strpbrk(query, "\n#") != NULL;

	buffer_add_text(text, alone ? "(\n" : "(");
	buffer_add_text(text, query);
	buffer_add_text(text, alone ? "\n)" : ")");
}

static void add_breach(struct buffer *text, const struct rule *rule, const char *sign, double bound)
{
	add_query(text, rule);
	buffer_printf(text, " %s ", sign);
	add_number(text, bound);
}

static void add_either(struct buffer *text, const struct rule *rule, double low, double high)
{
	add_breach(text, rule, "<", low);
	buffer_add_text(text, strchr(buffer_text(text), '\n') ? "\nor\n" : " or ");
	add_breach(text, rule, ">", high);
}

/* What is outside of the bound. */
static struct buffer breach_of(const struct rule *rule)
{
	static const char *const outside[] = {[BOUND_LESS] = ">=",
					      [BOUND_LESS_EQUAL] = ">",
					      [BOUND_GREATER] = "<=",
					      [BOUND_GREATER_EQUAL] = "<",
					      [BOUND_EQUAL] = "!="};
	double low = number_of(rule, setting(rule, THRESHOLD_LOW));
	double high = number_of(rule, setting(rule, THRESHOLD_HIGH));
	struct buffer text = {0};

	switch (rule->code->bound) {
	case BOUND_BETWEEN:
		add_either(&text, rule, low, high);
		break;
	case BOUND_WITHIN:
		add_either(&text, rule, high - low * fabs(high), high + low * fabs(high));
		break;
	default:
		add_breach(&text, rule, outside[rule->code->bound], low);
		break;
	}
	return text;
}

static int64_t every_of(const struct rule *rule)
{
	struct value every = setting(rule, THRESHOLD_EVERY);

	return every.tag == VALUE_DURATION && every.i > 0 ? every.i : INT64_C(1000000000);
}

static int64_t times_every(const struct rule *rule, int64_t times)
{
	int64_t ns;

	return __builtin_mul_overflow(times, every_of(rule), &ns) ? INT64_MAX : ns;
}

/* How long it must be so: N samples in a row take N - 1 times `every`. */
static int64_t breach_time(const struct rule *rule)
{
	struct value length = setting(rule, THRESHOLD_FOR), count = setting(rule, THRESHOLD_BREACHES);

	if (length.tag == VALUE_DURATION)
		return length.i;
	return count.tag == VALUE_INT && count.i > 1 ? times_every(rule, count.i - 1) : 0;
}

static int64_t no_data_time(const struct rule *rule)
{
	struct value count = setting(rule, THRESHOLD_TOLERATE);

	return rule->code->no_data == NO_DATA_TOLERATE && count.tag == VALUE_INT ? times_every(rule, count.i)
										 : 0;
}

static const char *severity_of(const struct rule *rule)
{
	return rule->code->on_breach == BREACH_WARN ? "warning" : "critical";
}

static void add_arguments(struct buffer *text, const struct rule *rule)
{
	const struct node *param = rule->code->node->callable.params;
	size_t i;

	for (i = 0; i < value_length(rule->arguments) && param; i++, param = param->next) {
		struct value shown = value_to_text(list_peek(rule->arguments, i));

		buffer_printf(text, "%s%s: %s", i ? ", " : "", param->param.name.text,
			      value_text_peek(shown));
		value_release(shown);
	}
}

static bool asks_same(const struct rule *a, const struct rule *b)
{
	return is_same_threshold(a, b->code) && !a->refused && !b->refused && value_equal(a->query, b->query);
}

/* Of rules that differ in their bounds alone, one says that there is no data. */
static bool says_no_data(const struct rules *rules, const struct rule *rule)
{
	const struct rule *before;

	if (rule->code->no_data == NO_DATA_OK)
		return false;
	for (before = rules->items; before < rule; before++)
		if (asks_same(before, rule) && every_of(before) == every_of(rule) &&
		    no_data_time(before) == no_data_time(rule))
			return false;
	return true;
}

/* Do the arguments of its threshold say what is asked? */
static bool asks_by_arguments(const struct rules *rules, const struct rule *rule)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		if (is_same_threshold(rule, rules->items[i].code) && !rules->items[i].refused &&
		    !asks_same(rule, &rules->items[i]))
			return true;
	return false;
}

static void write_labels(const struct rules *rules, const struct rule *rule, FILE *out, bool no_data)
{
	struct buffer arguments = {0};

	fprintf(out, "        labels:\n");
	write_field(out, "          ", "severity", severity_of(rule));
	if (*rules->program->plans->title)
		write_field(out, "          ", "plan", rules->program->plans->title);
	if (!no_data || asks_by_arguments(rules, rule))
		add_arguments(&arguments, rule);
	if (arguments.length)
		write_field(out, "          ", "arguments", buffer_text(&arguments));
	buffer_free(&arguments);
}

static const char *value_template(const struct rule *rule)
{
	switch (rule->unit) {
	case UNIT_RATIO:
		return "{{ $value | humanizePercentage }}";
	case UNIT_SECONDS:
		return "{{ $value | humanizeDuration }}";
	case UNIT_MILLISECONDS:
		return "{{ $value }}ms";
	case UNIT_BYTES:
		return "{{ $value | humanize1024 }}B";
	default:
		return "{{ $value }}";
	}
}

static void write_description(const struct rule *rule, FILE *out, bool no_data)
{
	char *bound = threshold_bound(rule->code->bound, rule->settings.list->items);
	struct buffer text = {0};

	add_plain(&text, rule->code->name);
	if (no_data) {
		buffer_add_text(&text, " has no data");
	} else {
		buffer_printf(&text, " is %s, must be ", value_template(rule));
		add_plain(&text, bound);
	}
	fprintf(out, "          description: ");
	write_quoted(out, &text);
	free(bound);
}

static void write_annotations(const struct rules *rules, const struct rule *rule, FILE *out, bool no_data)
{
	const struct threshold_code *code = rule->code;
	struct value source = place_of(rules, code->span);
	struct buffer places = {0};
	size_t i;

	fprintf(out, "        annotations:\n");
	write_field(out, "          ", "summary", code->doc ? code->doc : code->name);
	write_description(rule, out, no_data);
	if (code->action)
		write_field(out, "          ", "action", code->action);
	write_field(out, "          ", "source", value_text_peek(source));
	for (i = 0; i < value_length(rule->places) && !no_data; i++) {
		buffer_add_text(&places, i ? ", " : "");
		buffer_add_text(&places, value_text_peek(list_peek(rule->places, i)));
	}
	if (places.length)
		write_field(out, "          ", "watched", buffer_text(&places));
	buffer_free(&places);
	value_release(source);
}

static void write_rule(const struct rules *rules, const struct rule *rule, FILE *out, bool no_data)
{
	int64_t time = no_data ? no_data_time(rule) : breach_time(rule);
	struct buffer text = {0};

	buffer_printf(&text, "%s%s", rule->code->name, no_data ? "_no_data" : "");
	fprintf(out, "      - alert: ");
	write_quoted(out, &text);
	if (no_data) {
		/* Neither NaN nor the infinities times 0 are 0: they are no data either. */
		buffer_add_text(&text, "absent(");
		add_query(&text, rule);
		buffer_add_text(&text, " * 0 == 0)");
	} else {
		text = breach_of(rule);
	}
	write_block(out, "        ", "expr", &text);
	if (time > 0) {
		add_duration(&text, time);
		fprintf(out, "        for: %s\n", buffer_text(&text));
		buffer_free(&text);
	}
	write_labels(rules, rule, out, no_data);
	write_annotations(rules, rule, out, no_data);
}

/* ---- the file ---- */

static void write_group(const struct rules *rules, size_t first, FILE *out)
{
	const char *path = rules->program->compilation->main->path;
	int64_t every = every_of(&rules->items[first]);
	struct buffer interval = {0}, name = {0};
	size_t i;

	add_duration(&interval, every);
	buffer_printf(&name, "%s every %s", *rules->program->plans->title ? rules->program->plans->title : path,
		      buffer_text(&interval));
	fprintf(out, "  - name: ");
	write_quoted(out, &name);
	fprintf(out, "    interval: %s\n    rules:\n", buffer_text(&interval));
	buffer_free(&interval);
	for (i = first; i < rules->count; i++) {
		const struct rule *rule = &rules->items[i];

		if (rule->refused || every_of(rule) != every)
			continue;
		write_rule(rules, rule, out, false);
		if (says_no_data(rules, rule))
			write_rule(rules, rule, out, true);
	}
}

/* Rules that are measured equally often stand together, in the order of the plan. */
static void write_groups(const struct rules *rules, FILE *out)
{
	size_t i, k;

	fprintf(out,
		"# Written by `runplan export alerts` from the thresholds of a plan: change them there.\n");
	fprintf(out, "groups:%s\n", rules->count ? "" : " []");
	for (i = 0; i < rules->count; i++) {
		if (rules->items[i].refused)
			continue;
		for (k = 0; k < i; k++)
			if (!rules->items[k].refused &&
			    every_of(&rules->items[k]) == every_of(&rules->items[i]))
				break;
		if (k == i)
			write_group(rules, i, out);
	}
}

static void say_unwatched(struct rules *rules, struct prom_rules_result *result)
{
	const struct compilation *compilation = rules->program->compilation;
	const struct node *node;
	size_t i;

	for (node = compilation->main->file->file.items; node; node = node->next) {
		struct value place;

		if (node->kind != NODE_THRESHOLD)
			continue;
		for (i = 0; i < rules->count && rules->items[i].code->node != node; i++)
			;
		if (i < rules->count)
			continue;
		place = place_of(rules, node->callable.name.span);
		fprintf(rules->err,
			"%s: `%s` is not exported: nothing watches it, and not all of its arguments have "
			"defaults\n",
			value_text_peek(place), node->callable.name.text);
		value_release(place);
		result->refused++;
	}
}

static void rules_free(struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		struct rule *rule = &rules->items[i];

		value_release(rule->arguments);
		value_release(rule->settings);
		value_release(rule->places);
		value_release(rule->query);
		free(rule->fiber);
	}
	free(rules->items);
	value_release(rules->failure);
}

struct prom_rules_result prom_rules_write(const struct program *plan, const struct program *thresholds,
					  const struct param_value *params, size_t param_count,
					  const char *environment, FILE *out, FILE *err)
{
	struct rules rules = {.failure = value_null(), .err = err};
	struct prom_rules_result result = {0};
	size_t i, kept = 0;

	if (plan)
		explore(&rules, plan, params, param_count, environment);
	if (rules.failed) {
		fprintf(err,
			"%s\nrunplan: the plan fails here whatever the world says; what it watches after "
			"that is not exported\n",
			rules.failure.tag == VALUE_STRING ? value_text_peek(rules.failure) : "");
		result.refused++;
	} else {
		rules.defaults = true;
		explore(&rules, thresholds, params, param_count, environment);
		rules.program = plan ? plan : thresholds;
		say_unwatched(&rules, &result);
	}
	for (i = 0; i < rules.count; i++) {
		struct rule *rule = &rules.items[i];

		rule->refused = why_not(rule);
		if (rule->refused)
			say_refused(&rules, rule);
		result.refused += rule->refused != NULL;
		kept += rule->refused == NULL;
	}
	result.rules = kept;
	if (!kept) {
		rules_free(&rules);
		rules.count = 0;
		rules.items = NULL;
		rules.failure = value_null();
	}
	write_groups(&rules, out);
	rules_free(&rules);
	return result;
}
