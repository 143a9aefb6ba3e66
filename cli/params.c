/* params.c - see params.h. */
#define _GNU_SOURCE
#include "cli/params.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/people.h"
#include "grammar/parse.h"
#include "interp/buffer.h"
#include "interp/constant.h"
#include "interp/environment.h"
#include "interp/plan_test.h"

struct collector {
	struct params *params;
	const struct program *program;
	const struct options *options;
	struct shortfall *shortfall;
	bool nowhere; /* the environment that was asked for is none */
};

static const struct param_code *param_find(const struct program *program, const char *name, size_t length)
{
	uint32_t i;

	for (i = 0; i < program->plans->param_count; i++)
		if (strlen(program->plans->params[i].name) == length &&
		    strncmp(program->plans->params[i].name, name, length) == 0)
			return &program->plans->params[i];
	return NULL;
}

static struct param_value *value_find(const struct params *params, const char *name)
{
	size_t i;

	for (i = 0; i < params->count; i++)
		if (strcmp(params->values[i].name, name) == 0)
			return &params->values[i];
	return NULL;
}

/* Consumes v. */
static void set(struct params *params, const char *name, struct value v)
{
	struct param_value *there = value_find(params, name);

	if (there) {
		value_release(there->value);
		there->value = v;
		return;
	}
	params->values = memory_need(realloc(params->values, (params->count + 1) * sizeof(*params->values)));
	params->values[params->count++] = (struct param_value){name, v};
}

static void wrong(struct collector *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct shortfall *shortfall, size_t *kind, const char *format, va_list list)
{
	if (shortfall->params + shortfall->secrets == 0)
		fprintf(shortfall->err, "runplan: what this run needs is not complete:\n");
	++*kind;
	fputs("  ", shortfall->err);
	vfprintf(shortfall->err, format, list);
	fputc('\n', shortfall->err);
}

void shortfall_add(struct shortfall *shortfall, size_t *kind, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	add(shortfall, kind, format, list);
	va_end(list);
}

bool shortfall_none(const struct shortfall *shortfall)
{
	if (shortfall->params + shortfall->secrets == 0)
		return true;
	fprintf(shortfall->err, "Nothing was run.\n");
	return false;
}

static void wrong(struct collector *c, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	add(c->shortfall, &c->shortfall->params, format, list);
	va_end(list);
}

/* "lib.plan:4", lent until the next call with this buffer. */
struct place {
	char text[300];
};

static const char *place_of(const struct collector *c, struct span at, struct place *place)
{
	const struct sources *sources = c->program->compilation->sources;

	snprintf(place->text, sizeof(place->text), "%.280s:%u", source_get(sources, at.file)->path,
		 source_position(sources, at.file, at.from).line);
	return place->text;
}

/* ---- reading a value ---- */

static bool read_time(const char *text, struct value *out)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%d", &tm);

	if (rest && *rest)
		rest = strptime(rest, "T%H:%M:%S", &tm);
	if (!rest || (*rest && strcmp(rest, "Z") != 0))
		return false;
	*out = value_time((int64_t)timegm(&tm) * INT64_C(1000000000));
	return true;
}

static bool is_text(const struct type *type)
{
	return type->kind == TYPE_STRING || type->kind == TYPE_PATH || type->kind == TYPE_URL ||
	       type->kind == TYPE_ENUM;
}

static bool read_constant(const char *text, struct value *out)
{
	struct arena arena;
	struct sources sources;
	struct diags diags;
	struct span where;
	struct node *node;
	bool ok;

	arena_init(&arena);
	sources_init(&sources, &arena);
	diags_init(&diags, &arena);
	node = parse_expression(&arena, &sources, "--set", text, &diags);
	ok = diags.errors == 0 && constant_evaluate(node, false, out, &where);
	arena_free(&arena);
	return ok;
}

static const char *example_of(const struct type *type)
{
	switch (type->kind) {
	case TYPE_BOOL:
		return "true or false";
	case TYPE_INT:
		return "42";
	case TYPE_FLOAT:
		return "0.5";
	case TYPE_PERCENT:
		return "5%";
	case TYPE_DURATION:
		return "30s or 1h30m";
	case TYPE_SIZE:
		return "512MB";
	case TYPE_TIME:
		return "2026-01-31T12:00:00Z";
	case TYPE_LIST:
		return "[\"a\", \"b\"]";
	case TYPE_RECORD:
		return "{ key: \"value\" }";
	case TYPE_RANGE:
		return "1..3";
	case TYPE_URL:
		return "https://host:8443/path";
	default:
		return "a value";
	}
}

static bool unfit(const struct type *type, const char *text, char *error, size_t size)
{
	bool plain = is_text(type) && type->kind != TYPE_URL;
	struct arena arena;

	arena_init(&arena);
	snprintf(error, size, "`%s` is not of type %s%s%s%s", text, type_text(&arena, type),
		 plain ? "" : " (written like ", plain ? "" : example_of(type), plain ? "" : ")");
	arena_free(&arena);
	return false;
}

bool param_read(const struct type *type, const char *text, struct value *out, char *error, size_t size)
{
	bool read;

	*out = value_null();
	if (is_text(type)) {
		*out = value_string(text);
		read = true;
	} else if (type->kind == TYPE_TIME) {
		read = read_time(text, out);
	} else {
		read = read_constant(text, out);
	}
	if (!read && type->kind == TYPE_ANY) {
		*out = value_string(text);
		return true;
	}
	if (read && type_fits(type, *out)) {
		if (type->kind == TYPE_FLOAT && out->tag == VALUE_INT)
			*out = value_float((double)out->i);
		return true;
	}
	value_clear(out);
	return unfit(type, text, error, size);
}

/* ---- environments ---- */

const char *environment_chosen(const struct options *options, const struct compilation *compilation)
{
	const char *chosen = option_value(options, "env");

	if (!chosen)
		chosen = getenv("RUNPLAN_ENV");
	return chosen && *chosen ? chosen : environment_default(compilation);
}

const char *setting_name(const struct node *target)
{
	return target->kind == NODE_NAME    ? target->name
	       : target->kind == NODE_FIELD ? target->field.name.text
					    : NULL;
}

static void set_fitting(struct params *params, const struct param_code *param, struct value v)
{
	if (param->type->kind == TYPE_FLOAT && v.tag == VALUE_INT)
		v = value_float((double)v.i);
	set(params, param->name, v);
}

static void take_setting(struct collector *c, const struct node *setting)
{
	const char *name = setting->kind == NODE_SETTING ? setting_name(setting->setting.target) : NULL;
	const struct sources *sources = c->program->compilation->sources;
	const struct param_code *param = name ? param_find(c->program, name, strlen(name)) : NULL;
	struct span where = setting->span;
	struct position at;
	struct value v;
	bool constant;

	if (!param)
		return; /* of a module whose params this plan does not see: the checker's affair */
	constant = constant_evaluate(setting->setting.value, false, &v, &where);
	if (constant && type_fits(param->type, v)) {
		set_fitting(c->params, param, v);
		return;
	}
	if (constant)
		where = setting->setting.value->span;
	at = source_position(sources, where.file, where.from);
	wrong(c, "%s:%u:%u: the value of `%s` is %s", source_get(sources, where.file)->path, at.line,
	      at.column, name, constant ? "of another type than its param" : "not a constant");
	value_release(v);
}

static void suggest_environment(struct collector *c, const char *name)
{
	struct module *module = c->program->compilation->modules;
	const char *names[64], *near;
	const struct node *item = NULL;
	struct buffer all = {0};
	struct place place;
	struct span at[64];
	size_t count = 0, i;

	while (count < 64 && (item = environment_next(&module, item, NULL))) {
		at[count] = item->environment.name.span;
		names[count++] = item->environment.name.text;
	}
	c->nowhere = true;
	near = suggest_name(name, names, count);
	for (i = 0; near && strcmp(names[i], near) != 0;)
		i++;
	if (near)
		wrong(c, "there is no environment `%s`; did you mean `%s` (%s)?", name, near,
		      place_of(c, at[i], &place));
	else if (count == 0)
		wrong(c, "there is no environment `%s`: %s has none", name,
		      c->program->compilation->main->path);
	else {
		for (i = 0; i < count; i++)
			buffer_printf(&all, "%s%s (%s)", i ? ", " : "", names[i], place_of(c, at[i], &place));
		wrong(c, "there is no environment `%s`; there are: %s", name, buffer_text(&all));
		buffer_free(&all);
	}
}

/* An environment that only a child plan knows is one of the run as well. */
static const char *environment_of_child(const struct compilation *compilation, const char *name)
{
	const struct compilation *child;

	for (child = compilation->plans; child; child = child->next) {
		struct module *module = child->modules;
		const struct node *item = environment_next(&module, NULL, name);

		if (item)
			return item->environment.name.text;
	}
	return NULL;
}

static void take_environment(struct collector *c, const char *chosen)
{
	struct module *module = c->program->compilation->modules;
	const struct node *item = NULL, *setting;
	bool found = false;

	if (!chosen)
		return;
	while ((item = environment_next(&module, item, chosen))) {
		found = true;
		c->params->environment = item->environment.name.text;
		for (setting = item->environment.settings; setting; setting = setting->next)
			take_setting(c, setting);
	}
	if (!found)
		c->params->environment = environment_of_child(c->program->compilation, chosen);
	if (!c->params->environment)
		suggest_environment(c, chosen);
}

/* ---- --set ---- */

static void unknown_param(struct collector *c, const char *name, size_t length)
{
	const char **names = memory_need(calloc(c->program->plans->param_count + 1, sizeof(*names)));
	struct place place;
	char *text = memory_need(strndup(name, length));
	const char *near;
	uint32_t i;

	for (i = 0; i < c->program->plans->param_count; i++)
		names[i] = c->program->plans->params[i].name;
	near = suggest_name(text, names, c->program->plans->param_count);
	if (near)
		wrong(c, "the plan has no param `%s`; did you mean `%s` (%s)?", text, near,
		      place_of(c, param_find(c->program, near, strlen(near))->node->param.name.span, &place));
	else
		wrong(c, "the plan has no param `%s`: `runplan run %s --help` lists them", text,
		      c->program->compilation->main->path);
	free(text);
	free(names);
}

/* Names that --set has given wrongly, so that they are not said to be missing as well. */
static bool set_somehow(const struct collector *c, const char *name)
{
	const char *given;
	size_t at = 0;

	while ((given = option_next(c->options, "set", &at)))
		if (strcspn(given, "=") == strlen(name) && strncmp(given, name, strlen(name)) == 0)
			return true;
	return false;
}

static void take_set(struct collector *c, const char *given)
{
	size_t length = strcspn(given, "=");
	const struct param_code *param = param_find(c->program, given, length);
	struct place place;
	char error[512];
	struct value v;

	if (given[length] != '=')
		wrong(c, "`--set %s` has no value: it is written --set NAME=VALUE", given);
	else if (!param)
		unknown_param(c, given, length);
	else if (!param_read(param->type, given + length + 1, &v, error, sizeof(error)))
		wrong(c, "`%s`: %s (%s)", param->name, error,
		      place_of(c, param->node->param.name.span, &place));
	else
		set(c->params, param->name, v);
}

/* ---- what is missing ---- */

/* An environment would have set it, had it been named rightly. */
static bool set_elsewhere(const struct collector *c, const struct param_code *param)
{
	struct module *module = c->program->compilation->modules;
	const struct node *item = NULL;

	while (c->nowhere && (item = environment_next(&module, item, NULL)))
		if (environment_setting(c->program->compilation, item->environment.name.text, param->node))
			return true;
	return false;
}

static bool is_missing(const struct collector *c, const struct param_code *param)
{
	return !param->node->param.initial && !value_find(c->params, param->name) &&
	       !set_somehow(c, param->name);
}

const char *param_summary(const struct node *param)
{
	const struct node *summary = param->param.summary;
	size_t length;
	const char *text = summary ? node_literal_text(summary, &length) : NULL;

	return text ? text : param->doc ? param->doc : "";
}

static void ask(struct collector *c, const struct param_code *param)
{
	struct arena arena;
	struct value prompt;

	arena_init(&arena);
	prompt = value_string_printf("%s%s%s (%s): ", param_summary(param->node),
				     param_summary(param->node)[0] ? "\n  " : "", param->name,
				     type_text(&arena, param->type));
	for (;;) {
		char *line = people_read_line(value_text_peek(prompt)), error[512];
		struct value v;
		bool ok = line && param_read(param->type, line, &v, error, sizeof(error));

		if (line && !ok)
			fprintf(c->shortfall->err, "  %s\n", error);
		free(line);
		if (ok)
			set(c->params, param->name, v);
		if (!line || ok)
			break;
	}
	value_release(prompt);
	arena_free(&arena);
}

static void list_missing(struct collector *c)
{
	struct arena arena;
	struct place place;
	uint32_t i;

	arena_init(&arena);
	for (i = 0; i < c->program->plans->param_count; i++) {
		const struct param_code *param = &c->program->plans->params[i];

		if (is_missing(c, param) && !set_elsewhere(c, param))
			wrong(c, "`%s` (%s, %s) is missing: --set %s=...%s%s", param->name,
			      type_text(&arena, param->type),
			      place_of(c, param->node->param.name.span, &place), param->name,
			      param_summary(param->node)[0] ? "  # " : "", param_summary(param->node));
	}
	arena_free(&arena);
}

static void leave_unknown(struct collector *c)
{
	uint32_t i;

	for (i = 0; i < c->program->plans->param_count; i++) {
		const struct param_code *param = &c->program->plans->params[i];

		if (!value_find(c->params, param->name) &&
		    (!param->node->param.initial || set_somehow(c, param->name)))
			set(c->params, param->name, value_unknown());
	}
}

static void take_given(struct collector *c)
{
	const char *given;
	size_t at = 0;

	take_environment(c, environment_chosen(c->options, c->program->compilation));
	while ((given = option_next(c->options, "set", &at)))
		take_set(c, given);
}

static bool are_right(struct params *params, const struct shortfall *shortfall)
{
	if (shortfall_none(shortfall))
		return true;
	params_free(params);
	return false;
}

void params_take(struct params *params, const struct program *program, const struct options *options,
		 bool may_ask, struct shortfall *shortfall)
{
	struct collector c = {
	    .params = params, .program = program, .options = options, .shortfall = shortfall};
	uint32_t i;

	*params = (struct params){0};
	take_given(&c);
	for (i = 0; i < program->plans->param_count && may_ask && shortfall->params == 0; i++)
		if (is_missing(&c, &program->plans->params[i]))
			ask(&c, &program->plans->params[i]);
	list_missing(&c);
	leave_unknown(&c);
}

bool params_collect(struct params *params, const struct program *program, const struct options *options,
		    bool may_ask, FILE *err)
{
	struct shortfall shortfall = {.err = err};

	params_take(params, program, options, may_ask, &shortfall);
	return are_right(params, &shortfall);
}

bool params_collect_some(struct params *params, const struct program *program, const struct options *options,
			 FILE *err)
{
	struct shortfall shortfall = {.err = err};
	struct collector c = {
	    .params = params, .program = program, .options = options, .shortfall = &shortfall};

	*params = (struct params){0};
	take_given(&c);
	leave_unknown(&c);
	return are_right(params, &shortfall);
}

void params_of_test(struct params *params, const struct program *program, const struct node *test)
{
	struct shortfall shortfall = {.err = stderr};
	struct collector c = {.params = params, .program = program, .shortfall = &shortfall};
	const char *environment = plan_test_environment(test);
	const struct node *entry;

	*params = (struct params){0};
	take_environment(&c, environment ? environment : environment_default(program->compilation));
	for (entry = plan_test_params(test); entry; entry = entry->next) {
		const char *name = entry->entry.key.text;
		const struct param_code *param = param_find(program, name, strlen(name));
		struct span where;
		struct value v;

		if (param && constant_with_lets(entry->entry.value, &v, &where))
			set_fitting(params, param, v);
	}
}

void params_free(struct params *params)
{
	size_t i;

	for (i = 0; i < params->count; i++)
		value_release(params->values[i].value);
	free(params->values);
	*params = (struct params){0};
}
