/* check_test.c - the tests of a plan: what they name exists; they do not run with the plan; see
 * check_internal.h. */
#include "interp/check_internal.h"

#include <string.h>

void check_test_target(struct walk *w, struct node *target)
{
	struct node *name = target && target->kind == NODE_CALL ? target->call.callee : target;
	const char *full;

	if (!name)
		return;
	if (name->kind == NODE_NAME) {
		struct symbol *symbol = find_callable(w, name->name);

		name->builtin = find_builtin(w->checker, name->name);
		name->symbol = symbol;
		if (symbol)
			symbol->used = true;
		else if (!name->builtin)
			report_unknown_name(w, name, name->name, true);
	} else if (name->kind == NODE_FIELD && name->field.object->kind == NODE_NAME &&
		   name->field.name.text) {
		struct symbol *symbol = find_symbol(w, name->field.object->name);

		if (symbol && symbol->kind == SYMBOL_MODULE) {
			name->symbol = symbol_through_import(w, name, symbol);
			return;
		}
		full = arena_printf(w->arena, "%s.%s", name->field.object->name, name->field.name.text);
		name->builtin = find_builtin(w->checker, full);
		if (!name->builtin && is_namespace(w->checker, name->field.object->name))
			report_unknown_builtin(w, name->field.name.span, name->field.object->name,
					       name->field.name.text);
		else if (!name->builtin && !is_namespace_to_come(name->field.object->name))
			report_unknown_namespace(w, name->field.object, name->field.object->name,
						 name->field.name.text);
	}
}

static void declare_test_names(struct walk *w, struct node *test)
{
	static const struct {
		const char *name;
		enum type_kind kind;
	} names[] = {{"outcome", TYPE_STRING}, {"elapsed", TYPE_DURATION}, {"exit", TYPE_INT}};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct node *node = arena_alloc(w->arena, sizeof(*node));

		*node = (struct node){.kind = NODE_LET, .span = test->span};
		if (!find_symbol(w, names[i].name))
			declare_local(w, node, (struct ident){names[i].name, test->span},
				      type_simple(names[i].kind))
			    ->symbol.used = true;
	}
}

static void check_test_run(struct walk *w, struct node *record)
{
	struct node *entry;

	for (entry = record ? record->record.entries : NULL; entry; entry = entry->next) {
		struct symbol *symbol;

		if (entry->kind != NODE_ENTRY || !entry->entry.key.text)
			continue;
		symbol = find_symbol(w, entry->entry.key.text);
		check_value(w, entry->entry.value);
		if (symbol && symbol->kind == SYMBOL_PARAM && symbol->type) {
			want_type(w, entry->entry.value, symbol->type, symbol->name);
		} else {
			struct node name = {
			    .kind = NODE_NAME, .span = entry->entry.key.span, .name = entry->entry.key.text};

			report_unknown_param(w, &name);
		}
	}
}

void check_test(struct walk *w, struct node *test)
{
	struct place *place = place_open(w, PLACE_TEST, test);
	struct place *pure = place_open(w, PLACE_PURE, test);
	struct scope scope;
	struct node *part;

	pure->reason = "a test";
	scope_open(w, &scope, test->test.parts, true);
	declare_test_names(w, test);
	for (part = test->test.parts; part; part = part->next) {
		switch (part->kind) {
		case NODE_GIVEN:
			check_test_target(w, part->given.target);
			check_value(w, part->given.value);
			break;
		case NODE_TEST_RUN:
			check_test_run(w, part->test_run.params);
			break;
		case NODE_EXPECT:
			check_condition(w, part->check.condition, "expect");
			break;
		case NODE_LET:
			check_statement(w, part);
			break;
		default:
			break;
		}
	}
	scope_close(w, &scope);
	place_close(w, pure);
	place_close(w, place);
}
