/* constant.c - see constant.h. */
#include "interp/constant.h"

#include <string.h>

#include "interp/buffer.h"
#include "interp/operators.h"
#include "interp/scope.h"

struct reader {
	bool no_data;
	bool lets;		    /* names of constants stand for their values */
	const struct symbol *param; /* a condition is looked at: this stands for its value */
	struct value value;
	struct span *where;
};

static bool evaluate(const struct reader *reader, const struct node *node, struct value *out);

static bool string_text(const struct reader *reader, const struct node *node, struct value *out)
{
	struct buffer text = {0};
	const struct node *part;

	for (part = node->string.parts; part; part = part->next) {
		struct value v, shown;

		if (part->kind == NODE_TEXT) {
			buffer_add(&text, part->text.bytes, part->text.length);
			continue;
		}
		if (!evaluate(reader, part, &v)) {
			buffer_free(&text);
			return false;
		}
		shown = value_to_text(v);
		buffer_add(&text, value_text_peek(shown), value_length(shown));
		value_release(shown);
		value_release(v);
	}
	*out = buffer_finish(&text);
	return true;
}

static bool list_items(const struct reader *reader, const struct node *node, struct value *out)
{
	struct value list = list_new(node->list.count);
	const struct node *item;

	for (item = node->list.items; item; item = item->next) {
		struct value v;

		if (!evaluate(reader, item, &v)) {
			value_release(list);
			return false;
		}
		list_push(&list, v);
	}
	*out = list;
	return true;
}

static bool record_entries(const struct reader *reader, const struct node *node, struct value *out)
{
	struct value record = record_new(node->record.count);
	const struct node *entry;

	for (entry = node->record.entries; entry; entry = entry->next) {
		struct value v;

		if (entry->kind != NODE_ENTRY || !evaluate(reader, entry->entry.value, &v)) {
			if (entry->kind != NODE_ENTRY)
				*reader->where = entry->span;
			value_release(record);
			return false;
		}
		record_set(&record, entry->entry.key.text, v);
	}
	*out = record;
	return true;
}

static bool negated(const struct reader *reader, const struct node *node, struct value *out)
{
	struct value v;

	if (!evaluate(reader, node->unary.operand, &v))
		return false;
	switch (v.tag) {
	case VALUE_INT:
	case VALUE_DURATION:
		if (v.i == INT64_MIN)
			break;
		v.i = -v.i;
		*out = v;
		return true;
	case VALUE_FLOAT:
	case VALUE_PERCENT:
		v.f = -v.f;
		*out = v;
		return true;
	default:
		break;
	}
	value_release(v);
	*reader->where = node->span;
	return false;
}

static bool range_ends(const struct reader *reader, const struct node *node, struct value *out)
{
	struct value low, high;

	if (!evaluate(reader, node->range.low, &low))
		return false;
	if (!evaluate(reader, node->range.high, &high)) {
		value_release(low);
		return false;
	}
	if (low.tag == VALUE_INT && high.tag == VALUE_INT) {
		*out = value_range(low.i, high.i);
		return true;
	}
	value_release(low);
	value_release(high);
	*reader->where = node->span;
	return false;
}

/* `and`, `or`: the right side only where the left one does not decide. */
static bool joined(const struct reader *reader, const struct node *node, struct value *out)
{
	bool is_or = node->binary.op == OP_OR;
	struct value left;

	if (!evaluate(reader, node->binary.left, &left))
		return false;
	if (value_truthy(left) == is_or) {
		*out = left;
		return true;
	}
	value_release(left);
	return evaluate(reader, node->binary.right, out);
}

static bool operated(const struct reader *reader, const struct node *node, struct value *out)
{
	struct value left, right;
	char error[256];
	bool ok = false;
	int op = operator_instruction(node->binary.op);

	if (node->binary.op == OP_AND || node->binary.op == OP_OR)
		return joined(reader, node, out);
	if (op < 0 || !evaluate(reader, node->binary.left, &left))
		return false;
	if (evaluate(reader, node->binary.right, &right)) {
		ok = operate((enum opcode)op, left, right, out, error);
		value_release(right);
	}
	value_release(left);
	return ok;
}

static bool inverted(const struct reader *reader, const struct node *node, struct value *out)
{
	struct value v;

	if (!evaluate(reader, node->unary.operand, &v))
		return false;
	*out = value_bool(!value_truthy(v));
	value_release(v);
	return true;
}

bool literal_value(const struct node *node, struct value *out)
{
	switch (node->kind) {
	case NODE_NULL:
		*out = value_null();
		return true;
	case NODE_BOOL:
		*out = value_bool(node->boolean);
		return true;
	case NODE_INT:
		*out = value_int(node->integer);
		return true;
	case NODE_FLOAT:
		*out = value_float(node->number);
		return true;
	case NODE_PERCENT:
		*out = value_percent(node->number);
		return true;
	case NODE_DURATION:
		*out = value_duration(node->integer);
		return true;
	case NODE_SIZE:
		*out = value_size(node->integer);
		return true;
	default:
		return false;
	}
}

/* What stands further down has no value yet; and so a circle has an end. */
static bool is_let_above(const struct node *name, const struct node *let)
{
	return let->kind == NODE_LET && let->binding.value &&
	       (let->span.file != name->span.file || let->span.to <= name->span.from);
}

static bool evaluate(const struct reader *reader, const struct node *node, struct value *out)
{
	*out = value_null();
	if (literal_value(node, out))
		return true;
	switch (node->kind) {
	case NODE_STRING:
		return string_text(reader, node, out);
	case NODE_LIST:
		return list_items(reader, node, out);
	case NODE_RECORD:
		return record_entries(reader, node, out);
	case NODE_RANGE:
		return range_ends(reader, node, out);
	case NODE_UNARY:
		if (node->unary.op == OP_NEGATE)
			return negated(reader, node, out);
		if (reader->param)
			return inverted(reader, node, out);
		break;
	case NODE_BINARY:
		if (reader->param)
			return operated(reader, node, out);
		break;
	case NODE_NAME:
		if (reader->no_data && strcmp(node->name, "_") == 0)
			return true;
		if (reader->param && node->symbol == reader->param) {
			*out = value_copy(reader->value);
			return true;
		}
		if (reader->lets && node->symbol && is_let_above(node, node->symbol->node))
			return evaluate(reader, node->symbol->node->binding.value, out);
		break;
	default:
		break;
	}
	*reader->where = node->span;
	return false;
}

bool constant_evaluate(const struct node *node, bool no_data, struct value *out, struct span *where)
{
	const struct reader reader = {.no_data = no_data, .where = where};

	return evaluate(&reader, node, out);
}

bool constant_with_lets(const struct node *node, struct value *out, struct span *where)
{
	const struct reader reader = {.lets = true, .where = where};

	return evaluate(&reader, node, out);
}

bool constant_condition(const struct node *condition, const struct symbol *param, struct value value,
			struct value *held)
{
	struct span where;
	const struct reader reader = {.param = param, .value = value, .where = &where};

	return evaluate(&reader, condition, held);
}
