/* check_types.c - type expressions, and whether a value fits where it stands; see check_internal.h. */
#include "interp/check_internal.h"

#include <string.h>

#include "grammar/foreign.h"

#include "grammar/parse.h"

static const struct {
	const char *name;
	enum type_kind kind;
} type_names[] = {
    {"bool", TYPE_BOOL},	 {"int", TYPE_INT},	{"float", TYPE_FLOAT},	 {"percent", TYPE_PERCENT},
    {"duration", TYPE_DURATION}, {"size", TYPE_SIZE},	{"time", TYPE_TIME},	 {"string", TYPE_STRING},
    {"path", TYPE_PATH},	 {"url", TYPE_URL},	{"record", TYPE_RECORD}, {"any", TYPE_ANY},
    {"list", TYPE_LIST},	 {"range", TYPE_RANGE}, {"null", TYPE_NULL},
};

/* ---- type expressions ---- */

static const struct type *find_simple(const char *name, bool in_signature)
{
	size_t i;

	for (i = 0; i < sizeof(type_names) / sizeof(*type_names); i++)
		if (strcmp(type_names[i].name, name) == 0 &&
		    (in_signature || type_names[i].kind != TYPE_NULL))
			return type_simple(type_names[i].kind);
	return NULL;
}

static const struct type *embed_type(struct arena *arena, const char *name)
{
	enum embed_language language = strcmp(name, "sh") == 0	     ? EMBED_SH
				       : strcmp(name, "sql") == 0    ? EMBED_SQL
				       : strcmp(name, "sqlite") == 0 ? EMBED_SQLITE
				       : strcmp(name, "promql") == 0 ? EMBED_PROMQL
								     : EMBED_NONE;
	struct type *type;

	if (language == EMBED_NONE)
		return NULL;
	type = arena_alloc(arena, sizeof(*type));
	type->kind = TYPE_EMBED;
	type->language = language;
	return type;
}

/* A record type that a table of builtins names; parsed once. */
static const struct type *named_record(struct walk *w, const char *name)
{
	struct compilation *compilation = w->checker->compilation;
	const struct builtin_type *definition = registry_find_type(compilation->registry, name, strlen(name));
	struct type *type;
	struct node *node;
	void **place;

	if (!definition)
		return NULL;
	place = table_place(w->arena, &w->checker->record_types, definition->name);
	if (*place)
		return *place;
	type = arena_alloc(w->arena, sizeof(*type));
	*type = (struct type){.kind = TYPE_RECORD, .open = true, .name = definition->name};
	*place = type; /* before its fields are read: a type may name itself */
	node = parse_type(w->arena, compilation->sources, definition->definition, compilation->diags);
	*type = *type_in_signature(w, node);
	type->name = definition->name;
	return type;
}

static const struct type *type_at(struct walk *w, struct node *node, bool in_signature);

static const struct type *simple_at(struct walk *w, struct node *node, bool in_signature)
{
	const char *name = node->type_name;
	const struct type *type = find_simple(name, in_signature);
	struct candidates candidates;
	const char *nearest;
	struct diag *diag;
	size_t i;

	if (!type && in_signature)
		type = embed_type(w->arena, name);
	if (!type && in_signature)
		type = named_record(w, name);
	if (type)
		return type;
	candidates = candidates_for(w->diags, name);
	for (i = 0; i < sizeof(type_names) / sizeof(*type_names); i++)
		if (type_names[i].kind != TYPE_NULL)
			candidates_add(w->arena, &candidates, type_names[i].name);
	nearest = candidates_nearest(&candidates);
	diag = diag_error(w->diags, "E0606", node->span, "there is no type `%s`", name);
	if (foreign_hint(FOREIGN_TYPE, name))
		diag_hint(diag, "%s", foreign_hint(FOREIGN_TYPE, name));
	else if (nearest)
		diag_hint(diag, "did you mean `%s`?", nearest);
	else
		diag_hint(
		    diag,
		    "types: bool int float percent duration size time string path url list(T) record any, "
		    "or in [\"a\", \"b\"]");
	return type_simple(TYPE_ERROR);
}

static const struct type *record_at(struct walk *w, struct node *node, bool in_signature)
{
	struct type *type = arena_alloc(w->arena, sizeof(*type));
	struct type_field *fields;
	struct node *field;
	size_t count = 0;

	for (field = node->type_record.fields; field; field = field->next)
		count++;
	fields = arena_alloc(w->arena, (count + 1) * sizeof(*fields));
	count = 0;
	for (field = node->type_record.fields; field; field = field->next)
		if (field->kind == NODE_TYPE_FIELD) {
			fields[count].name = field->type_field.name.text;
			fields[count++].type = type_at(w, field->type_field.type, in_signature);
		}
	*type =
	    (struct type){.kind = TYPE_RECORD, .fields = fields, .field_count = count, .open = count == 0};
	return type;
}

static const struct type *enum_at(struct walk *w, struct node *node)
{
	struct type *type = arena_alloc(w->arena, sizeof(*type));
	struct node *values = node->type_enum.values, *item;
	struct table listed = {0};
	const char **choices;
	size_t length;

	if (!values || values->kind != NODE_LIST)
		return type_simple(TYPE_ERROR);
	if (node->type_enum.base)
		type_at(w, node->type_enum.base, false);
	choices = arena_alloc(w->arena, (values->list.count + 1) * sizeof(*choices));
	*type = (struct type){.kind = TYPE_ENUM, .choices = choices};
	for (item = values->list.items; item; item = item->next) {
		const char *text = node_literal_text(item, &length);
		void **place = text ? table_place(w->arena, &listed, text) : NULL;

		item->type = type_simple(TYPE_STRING);
		if (place && *place)
			diag_error(w->diags, "E0607", item->span, "the choice \"%s\" is listed twice", text);
		else if (place)
			*place = (void *)(choices[type->choice_count++] = text);
		else if (item->kind != NODE_ERROR)
			diag_error(w->diags, "E0607", item->span,
				   "the choices of a type are plain strings: in [\"a\", \"b\"]");
	}
	if (type->choice_count == 0) {
		if (!values->list.items)
			diag_error(w->diags, "E0607", values->span, "a type without choices has no values");
		return type_simple(TYPE_ERROR);
	}
	return type;
}

static const struct type *union_at(struct walk *w, struct node *node, bool in_signature)
{
	const struct type *joined = NULL;
	struct node *choice;

	if (!in_signature) {
		diag_hint(diag_error(w->diags, "E0606", node->span, "a choice of types is no type of a plan"),
			  "`any` takes everything; `in [\"a\", \"b\"]` is a choice of texts");
		return type_simple(TYPE_ERROR);
	}
	for (choice = node->type_union.choices; choice; choice = choice->next) {
		const struct type *type = type_at(w, choice, in_signature);

		joined = joined ? type_join(w->arena, joined, type) : type;
		if (!joined)
			return type_simple(TYPE_ANY);
	}
	return joined ? joined : type_simple(TYPE_ANY);
}

static const struct type *type_at(struct walk *w, struct node *node, bool in_signature)
{
	const struct type *type = type_simple(TYPE_ERROR);

	if (!node)
		return type;
	switch (node->kind) {
	case NODE_TYPE_NAME:
		type = simple_at(w, node, in_signature);
		break;
	case NODE_TYPE_LIST:
		type = type_list(w->arena, type_at(w, node->element, in_signature));
		break;
	case NODE_TYPE_RECORD:
		type = record_at(w, node, in_signature);
		break;
	case NODE_TYPE_ENUM:
		type = enum_at(w, node);
		break;
	case NODE_TYPE_UNION:
		type = union_at(w, node, in_signature);
		break;
	default:
		break;
	}
	node->type = type;
	return type;
}

const struct type *type_of_node(struct walk *w, struct node *node)
{
	return type_at(w, node, false);
}

const struct type *type_in_signature(struct walk *w, struct node *node)
{
	return type_at(w, node, true);
}

/* ---- what is wanted ---- */

/* Below so many a number of a duration is more likely seconds than milliseconds. */
#define LIKELY_SECONDS 100

/* What a number that was written without its unit probably is. */
static const char *likely_quantity(struct walk *w, const struct node *number, const struct type *wanted)
{
	int length = (int)strspn(source_text(w->checker->compilation->sources, number->span), "0123456789._");
	const char *text = source_text(w->checker->compilation->sources, number->span);
	bool fraction = number->kind == NODE_FLOAT || number->kind == NODE_PERCENT;

	if (wanted->kind == TYPE_PERCENT && number->kind == NODE_FLOAT && number->number <= 1)
		return arena_printf(w->arena, "%g%%", number->number * 100);
	if (wanted->kind == TYPE_PERCENT)
		return arena_printf(w->arena, "%.*s%%", length, text);
	if (wanted->kind == TYPE_SIZE)
		return arena_printf(w->arena, "%.*sMB%s%.*s%s", length, text, fraction ? "" : " or ",
				    fraction ? 0 : length, text, fraction ? "" : "B");
	if (number->kind == NODE_INT && number->integer >= LIKELY_SECONDS)
		return arena_printf(w->arena, "%.*sms or %.*ss", length, text, length, text);
	return arena_printf(w->arena, "%.*ss", length, text);
}

/* The way from a bare number to a unit. */
static void hint_unit(struct walk *w, struct diag *diag, const struct node *node, const struct type *wanted)
{
	if (node->kind == NODE_INT || node->kind == NODE_FLOAT)
		diag_hint(diag, "a number has no unit: did you mean %s?", likely_quantity(w, node, wanted));
	else if (wanted->kind == TYPE_DURATION)
		diag_hint(diag, "give the number its unit: `… as s` or `… as ms`, or multiply it by `1s`");
	else if (wanted->kind == TYPE_SIZE)
		diag_hint(diag, "give the number its unit: `… as B`, or multiply it by `1MB`");
	else if (wanted->kind == TYPE_PERCENT)
		diag_hint(diag,
			  "give the number its unit: `… as ratio` (0.05 is 5%%), or multiply it by `1%%`");
}

static void hint_number(struct diag *diag, const struct node *node, const struct type *given,
			const struct type *wanted)
{
	const char *text = node_literal_text(node, NULL);

	if (wanted->kind == TYPE_INT && given->kind == TYPE_FLOAT)
		diag_hint(diag, "a float may have a fraction; write a whole number");
	else if (given->kind == TYPE_DURATION)
		diag_hint(diag, "divide by a unit to get a number: `… / 1s`");
	else if (given->kind == TYPE_SIZE)
		diag_hint(diag, "divide by a unit to get a number: `… / 1MB`");
	else if (given->kind == TYPE_PERCENT)
		diag_hint(diag, "divide by a unit to get a number: `… / 1%%`");
	else if (text && *text && strspn(text, "0123456789.") == strlen(text))
		diag_hint(diag, "a number is written without quotes: %s", text);
	else if (type_is_text(given))
		diag_hint(diag, "a text is no number; `text.number(…)` is the number that it holds");
}

static void hint_text(struct walk *w, struct diag *diag, const struct node *node)
{
	size_t length = node->span.to - node->span.from;

	if (node->kind == NODE_NAME || node->kind == NODE_FIELD)
		diag_hint(diag, "put it into a text: \"${%.*s}\"", (int)length,
			  source_text(w->checker->compilation->sources, node->span));
	else if (length < 40 &&
		 (node->kind == NODE_INT || node->kind == NODE_FLOAT || node->kind == NODE_DURATION ||
		  node->kind == NODE_SIZE || node->kind == NODE_PERCENT || node->kind == NODE_BOOL))
		diag_hint(diag, "write it as a text: \"%.*s\"", (int)length,
			  source_text(w->checker->compilation->sources, node->span));
	else if (node->type && node->type->kind == TYPE_LIST)
		diag_hint(diag, "`list.join(…)` makes one text of a list, `for x in … { }` goes through it");
	else
		diag_hint(diag, "put it into a text: \"${…}\"");
}

static void hint_condition(struct walk *w, struct diag *diag, const struct node *node,
			   const struct type *given)
{
	const char *text = source_text(w->checker->compilation->sources, node->span);
	int length = (int)(node->span.to - node->span.from);
	const char *literal = node_literal_text(node, NULL);

	if (literal && (strcmp(literal, "true") == 0 || strcmp(literal, "false") == 0))
		diag_hint(diag, "write it without quotes: %s", literal);
	else if (literal)
		diag_hint(diag, "a condition is true or false, and a text is neither");
	else if (node->kind == NODE_INT && node->integer >= 0 && node->integer <= 1)
		diag_hint(diag, "did you mean `%s`?", node->integer ? "true" : "false");
	else if (given->kind == TYPE_ENUM && given->choice_count)
		diag_hint(diag, "did you mean `%.*s == \"%s\"`?", length, text, given->choices[0]);
	else if (length > 40)
		diag_hint(
		    diag,
		    "compare it with something: a condition is true or false, nothing else counts as true");
	else if (given->kind == TYPE_LIST)
		diag_hint(diag, "did you mean `%.*s != []`?", length, text);
	else if (type_is_text(given))
		diag_hint(diag, "did you mean `%.*s != \"\"`?", length, text);
	else if (type_is_number(given))
		diag_hint(diag, "did you mean `%.*s != 0`?", length, text);
	else
		diag_hint(diag, "did you mean `%.*s != null`?", length, text);
}

/* What stands between the brackets of a list in place of `node`: a text with commas or blanks is several
 * items. */
static const char *as_items(struct walk *w, const struct node *node)
{
	size_t length = 0;
	const char *text = node_literal_text(node, &length);
	const char *apart = text && strchr(text, ',') ? "," : " ", *items = "";

	if (!text || !strstr(text, apart))
		return arena_strndup(w->arena, source_text(w->checker->compilation->sources, node->span),
				     node->span.to - node->span.from);
	for (; *text; text += strspn(text, ", ")) {
		length = strcspn(text, apart);
		items = arena_printf(w->arena, "%s%s\"%.*s\"", items, *items ? ", " : "", (int)length, text);
		text += length;
	}
	return items;
}

static void hint_mend(struct walk *w, struct diag *diag, const struct node *node, const struct type *given,
		      const struct type *wanted)
{
	if (given->kind == TYPE_VOID)
		diag_hint(diag, "the call gives no answer; let it stand alone on its line");
	else if (given->kind == TYPE_NULL)
		diag_hint(diag, "leave it out where nothing is meant");
	else if (wanted->kind == TYPE_BOOL)
		hint_condition(w, diag, node, given);
	else if (wanted->kind == TYPE_DURATION || wanted->kind == TYPE_SIZE || wanted->kind == TYPE_PERCENT) {
		if (type_is_number(given))
			hint_unit(w, diag, node, wanted);
		else if (node_literal_text(node, NULL))
			diag_hint(diag, "a quantity is written without quotes: %s",
				  wanted->kind == TYPE_DURATION ? "30s, 1h30m"
				  : wanted->kind == TYPE_SIZE	? "512MB"
								: "5%");
	} else if (type_is_number(wanted))
		hint_number(diag, node, given, wanted);
	else if (type_is_text(wanted) && wanted->kind != TYPE_ENUM)
		hint_text(w, diag, node);
	else if (wanted->kind == TYPE_LIST && type_accepts(wanted->element, given))
		diag_hint(diag, "a list is written with brackets: [%s]", as_items(w, node));
	else if (wanted->kind == TYPE_TIME && given->kind == TYPE_DURATION)
		diag_hint(diag, "a point in time is wanted: `time.now() + %.*s`",
			  (int)(node->span.to - node->span.from),
			  source_text(w->checker->compilation->sources, node->span));
	else if (wanted->kind == TYPE_RANGE && given->kind == TYPE_INT)
		diag_hint(diag, "a range is written with both ends: 0..255");
}

static bool want_choice(struct walk *w, struct node *node, const struct type *wanted)
{
	struct candidates candidates;
	const char *nearest;
	size_t length, i;
	const char *text = node_literal_text(node, &length);
	struct diag *diag;

	if (!text || type_has_choice(wanted, text))
		return true;
	candidates = candidates_for(w->diags, text);
	for (i = 0; i < wanted->choice_count; i++)
		candidates_add(w->arena, &candidates, wanted->choices[i]);
	diag = diag_error(w->diags, "E0202", node->span, "\"%s\" is not %s", text,
			  type_phrase(w->arena, wanted));
	nearest = candidates_nearest(&candidates);
	if (nearest)
		diag_hint(diag, "did you mean \"%s\"?", nearest);
	return false;
}

/* Records are held to their fields one by one, so that the error stands at the field. */
static bool want_fields(struct walk *w, struct node *record, const struct type *wanted)
{
	struct node *entry;
	struct diag *diag;
	bool fits = true;
	size_t i;

	for (entry = record->record.entries; entry; entry = entry->next) {
		const struct type_field *field;

		if (entry->kind != NODE_ENTRY || !entry->entry.key.text)
			continue;
		field = type_find_field(wanted, entry->entry.key.text);
		if (field)
			fits &= want_type(w, entry->entry.value, field->type, field->name);
		else if (!wanted->open) {
			struct candidates candidates = candidates_for(w->diags, entry->entry.key.text);
			const char *nearest;

			for (i = 0; i < wanted->field_count; i++)
				candidates_add(w->arena, &candidates, wanted->fields[i].name);
			nearest = candidates_nearest(&candidates);
			diag = diag_error(w->diags, "E0205", entry->entry.key.span,
					  "there is no field `%s` here", entry->entry.key.text);
			if (nearest)
				diag_hint(diag, "did you mean `%s`?", nearest);
			fits = false;
		}
	}
	for (i = 0; i < wanted->field_count; i++)
		if (!wanted->fields[i].type->nullable &&
		    !type_find_field(record->type, wanted->fields[i].name)) {
			diag_error(w->diags, "E0205", record->span, "the field `%s` is missing",
				   wanted->fields[i].name);
			fits = false;
		}
	return fits;
}

static bool want_items(struct walk *w, struct node *list, const struct type *wanted, const char *what)
{
	struct node *item;
	bool fits = true;

	for (item = list->list.items; item; item = item->next)
		fits &= want_type(w, item, wanted->element, what);
	return fits;
}

static bool fits_already(const struct node *node, const struct type *wanted)
{
	if (node->kind == NODE_LIST || node->kind == NODE_RECORD)
		return false;
	return wanted->kind != TYPE_ENUM && type_accepts(wanted, node->type);
}

bool want_type(struct walk *w, struct node *node, const struct type *wanted, const char *what)
{
	const struct type *given = node->type;
	struct diag *diag;

	if (!given || given->kind == TYPE_ERROR || type_is_loose(wanted) || fits_already(node, wanted))
		return true;
	if (node->kind == NODE_LIST && wanted->kind == TYPE_LIST)
		return want_items(w, node, wanted, what);
	if (node->kind == NODE_RECORD && wanted->kind == TYPE_RECORD)
		return want_fields(w, node, wanted);
	if (node->kind == NODE_IF && node->choice.otherwise) {
		bool then = want_type(w, node->choice.then, wanted, what);
		return want_type(w, node->choice.otherwise, wanted, what) && then;
	}
	if (wanted->kind == TYPE_ENUM && type_accepts(wanted, given))
		return want_choice(w, node, wanted);
	if (type_accepts(wanted, given))
		return true;
	diag = diag_error(w->diags, "E0201", node->span, "%s is wanted here%s%s%s, this is %s",
			  type_phrase(w->arena, wanted), what ? " (`" : "", what ? what : "",
			  what ? "`)" : "", type_phrase(w->arena, given));
	hint_mend(w, diag, node, given, wanted);
	return false;
}

bool literal_is_negative(const struct node *node)
{
	return node && node->kind == NODE_UNARY && node->unary.op == OP_NEGATE &&
	       (node->unary.operand->kind == NODE_INT || node->unary.operand->kind == NODE_DURATION);
}

void want_positive(struct walk *w, const struct node *node, const char *what)
{
	if (literal_is_negative(node) ||
	    (node && (node->kind == NODE_INT || node->kind == NODE_DURATION) && node->integer < 1))
		diag_error(w->diags, "E0211", node->span, "%s must be more than zero", what);
}

/* ---- two sides with different units ---- */

static bool is_quantity(const struct node *node)
{
	return node->kind == NODE_INT || node->kind == NODE_FLOAT || node->kind == NODE_PERCENT ||
	       node->kind == NODE_DURATION || node->kind == NODE_SIZE;
}

void hint_same_unit(struct walk *w, struct diag *diag, const struct node *left, const struct node *right)
{
	const struct node *bare = type_is_number(left->type)	? left
				  : type_is_number(right->type) ? right
								: NULL;
	const struct node *other = bare == left ? right : left;
	const struct node *literal = is_quantity(right) ? right : is_quantity(left) ? left : NULL;
	const struct type *unit = literal == right ? left->type : right->type;

	if ((type_is_unit(left->type) && node_literal_text(right, NULL)) ||
	    (type_is_unit(right->type) && node_literal_text(left, NULL)))
		diag_hint(diag, "a quantity is written without quotes");
	else if (literal && type_is_unit(unit) && (!bare || bare == literal))
		diag_hint(diag, "did you mean %s?", likely_quantity(w, literal, unit));
	else if (bare && other->type->kind == TYPE_PERCENT)
		diag_hint(
		    diag,
		    "a number from outside has no unit until it is given one: `… as ratio` (0.05 is 5%%)");
	else if (bare && other->type->kind == TYPE_DURATION)
		diag_hint(diag,
			  "a number from outside has no unit until it is given one: `… as s` or `… as ms`");
	else if (bare && other->type->kind == TYPE_SIZE)
		diag_hint(diag, "a number from outside has no unit until it is given one: `… as B`");
	else if (bare && type_is_text(other->type))
		diag_hint(diag, "a text is no number, even where it looks like one");
	else if (left->type->kind == TYPE_BOOL || right->type->kind == TYPE_BOOL)
		diag_hint(diag, "a bool is a condition by itself: `x`, `not x`");
	else
		diag_hint(diag, "both sides must be of one kind");
}
