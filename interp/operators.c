/* operators.c - what the operators mean on values. The checker refuses most of what fails here; what came from outside
 * (any) is only known now. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "interp/buffer.h"
#include "interp/operators.h"
#include "interp/regex.h"

#define ERROR_SIZE  200
#define NUMBER_ROOM 24 /* bytes that a number takes at most; what takes more lets the text grow */

int operator_instruction(enum operator op)
{
	static const struct {
		enum operator op;
		enum opcode code;
	} codes[] = {
		{ OP_ADD, INSN_ADD },     { OP_SUB, INSN_SUBTRACT },   { OP_MUL, INSN_MULTIPLY }, { OP_DIV, INSN_DIVIDE },
		{ OP_MOD, INSN_MODULO },  { OP_EQ, INSN_EQUAL },       { OP_NE, INSN_UNEQUAL },   { OP_LT, INSN_LESS },
		{ OP_LE, INSN_LESS_EQUAL }, { OP_GT, INSN_GREATER },   { OP_GE, INSN_GREATER_EQUAL }, { OP_IN, INSN_IN },
		{ OP_MATCHES, INSN_MATCHES },
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].op == op)
			return (int)codes[i].code;
	return -1;
}

static const char *sign(enum opcode op)
{
	switch (op) {
	case INSN_ADD:
		return "+";
	case INSN_SUBTRACT:
		return "-";
	case INSN_MULTIPLY:
		return "*";
	case INSN_DIVIDE:
		return "/";
	case INSN_MODULO:
		return "mod";
	case INSN_LESS:
		return "<";
	case INSN_LESS_EQUAL:
		return "<=";
	case INSN_GREATER:
		return ">";
	case INSN_GREATER_EQUAL:
		return ">=";
	case INSN_IN:
		return "in";
	case INSN_MATCHES:
		return "matches";
	default:
		return "?";
	}
}

static bool refuse(enum opcode op, struct value x, struct value y, char *error)
{
	snprintf(error, ERROR_SIZE, "%s %s %s has no meaning", value_tag_name(x.tag), sign(op), value_tag_name(y.tag));
	return false;
}

static bool is_number(struct value v)
{
	return v.tag == VALUE_INT || v.tag == VALUE_FLOAT;
}

static double number(struct value v)
{
	return v.tag == VALUE_INT ? (double)v.i : v.f;
}

static bool is_amount(struct value v) /* whole units that share int64 arithmetic */
{
	return v.tag == VALUE_DURATION || v.tag == VALUE_SIZE;
}

static struct value amount(enum value_tag tag, int64_t i)
{
	struct value v = value_int(i);

	v.tag = tag;
	return v;
}

static bool overflow(char *error)
{
	snprintf(error, ERROR_SIZE, "the result is too large");
	return false;
}

static bool divide_by_zero(char *error)
{
	snprintf(error, ERROR_SIZE, "division by zero");
	return false;
}

/* The scaled amount, or a failure where it leaves 64 bits. */
static bool scaled(enum value_tag tag, double d, struct value *out, char *error)
{
	if (!(d > -9.2e18 && d < 9.2e18))
		return overflow(error);
	*out = amount(tag, (int64_t)llround(d));
	return true;
}

static bool integers(enum opcode op, int64_t x, int64_t y, struct value *out, char *error)
{
	int64_t i = 0;

	switch (op) {
	case INSN_ADD:
		if (__builtin_add_overflow(x, y, &i))
			return overflow(error);
		break;
	case INSN_SUBTRACT:
		if (__builtin_sub_overflow(x, y, &i))
			return overflow(error);
		break;
	case INSN_MULTIPLY:
		if (__builtin_mul_overflow(x, y, &i))
			return overflow(error);
		break;
	case INSN_DIVIDE:
		if (!y)
			return divide_by_zero(error);
		if (y == -1)
			return integers(INSN_SUBTRACT, 0, x, out, error);
		if (x % y) { /* exact: not a whole number, so not an int */
			*out = value_float((double)x / (double)y);
			return true;
		}
		i = x / y;
		break;
	case INSN_MODULO:
		if (!y)
			return divide_by_zero(error);
		i = y == -1 ? 0 : x % y;
		if (i && (i < 0) != (y < 0))
			i += y; /* the sign of the divisor: -1 mod 3 is 2 */
		break;
	default:
		break;
	}
	*out = value_int(i);
	return true;
}

static double floats(enum opcode op, double x, double y)
{
	switch (op) {
	case INSN_ADD:
		return x + y;
	case INSN_SUBTRACT:
		return x - y;
	case INSN_MULTIPLY:
		return x * y;
	case INSN_DIVIDE:
		return x / y;
	default:
		return fmod(fmod(x, y) + y, y);
	}
}

static bool same_unit(enum opcode op, struct value x, struct value y, struct value *out, char *error)
{
	if (op == INSN_MULTIPLY)
		return refuse(op, x, y, error);
	if (op == INSN_DIVIDE) {
		if (!y.i)
			return divide_by_zero(error);
		*out = value_float((double)x.i / (double)y.i);
		return true;
	}
	if (!integers(op, x.i, y.i, out, error))
		return false;
	out->tag = x.tag;
	return true;
}

static bool times_and_durations(enum opcode op, struct value x, struct value y, struct value *out, char *error)
{
	bool both = x.tag == VALUE_TIME && y.tag == VALUE_TIME;
	bool shift = x.tag == VALUE_TIME && y.tag == VALUE_DURATION;

	if (op == INSN_ADD && x.tag == VALUE_DURATION && y.tag == VALUE_TIME)
		return times_and_durations(op, y, x, out, error);
	if (!(both && op == INSN_SUBTRACT) && !(shift && (op == INSN_ADD || op == INSN_SUBTRACT)))
		return refuse(op, x, y, error);
	if (!integers(op, x.i, y.i, out, error))
		return false;
	out->tag = both ? VALUE_DURATION : VALUE_TIME;
	return true;
}

static bool with_percent(enum opcode op, struct value x, struct value y, struct value *out, char *error)
{
	bool both = x.tag == VALUE_PERCENT && y.tag == VALUE_PERCENT;

	if ((op == INSN_DIVIDE || op == INSN_MODULO) && (y.tag == VALUE_PERCENT ? y.f == 0 : is_number(y) && number(y) == 0))
		return divide_by_zero(error);
	if (both) {
		double f = floats(op, x.f, y.f);
		*out = op == INSN_DIVIDE ? value_float(f) : value_percent(f);
		return true;
	}
	if (x.tag == VALUE_PERCENT && is_number(y) && (op == INSN_MULTIPLY || op == INSN_DIVIDE)) {
		*out = value_percent(floats(op, x.f, number(y)));
		return true;
	}
	if (op == INSN_MULTIPLY && is_number(x)) {
		*out = value_percent(number(x) * y.f);
		return true;
	}
	if (op == INSN_MULTIPLY && (is_amount(x) || is_amount(y)))
		return is_amount(x) ? scaled((enum value_tag)x.tag, (double)x.i * y.f, out, error)
				    : scaled((enum value_tag)y.tag, x.f * (double)y.i, out, error);
	return refuse(op, x, y, error);
}

static bool arithmetic(enum opcode op, struct value x, struct value y, struct value *out, char *error)
{
	if (x.tag == VALUE_INT && y.tag == VALUE_INT)
		return integers(op, x.i, y.i, out, error);
	if (is_number(x) && is_number(y)) {
		if ((op == INSN_DIVIDE || op == INSN_MODULO) && number(y) == 0)
			return divide_by_zero(error);
		*out = value_float(floats(op, number(x), number(y)));
		return true;
	}
	if (x.tag == VALUE_TIME || y.tag == VALUE_TIME)
		return times_and_durations(op, x, y, out, error);
	if (x.tag == VALUE_PERCENT || y.tag == VALUE_PERCENT)
		return with_percent(op, x, y, out, error);
	if (is_amount(x) && x.tag == y.tag)
		return same_unit(op, x, y, out, error);
	if (is_amount(x) && is_number(y) && (op == INSN_MULTIPLY || op == INSN_DIVIDE)) {
		if (op == INSN_DIVIDE && number(y) == 0)
			return divide_by_zero(error);
		return scaled((enum value_tag)x.tag, floats(op, (double)x.i, number(y)), out, error);
	}
	if (is_number(x) && is_amount(y) && op == INSN_MULTIPLY)
		return scaled((enum value_tag)y.tag, number(x) * (double)y.i, out, error);
	return refuse(op, x, y, error);
}

static struct value joined_lists(struct value x, struct value y)
{
	struct value list = list_new(value_length(x) + value_length(y));

	for (size_t i = 0; i < value_length(x); i++)
		list_push(&list, value_copy(list_peek(x, i)));
	for (size_t i = 0; i < value_length(y); i++)
		list_push(&list, value_copy(list_peek(y, i)));
	return list;
}

bool list_extend(struct value *x, struct value y)
{
	if (x->tag != VALUE_LIST || y.tag != VALUE_LIST || x->list->refs > 1 || x->list == y.list)
		return false;
	for (size_t i = 0; i < value_length(y); i++)
		list_push(x, value_copy(list_peek(y, i)));
	*x = value_mark(*x, y.flags & VALUE_SECRET);
	return true;
}

static bool add(struct value x, struct value y, struct value *out, char *error)
{
	if (x.tag == VALUE_STRING && y.tag == VALUE_STRING) {
		struct value parts[2] = { x, y };
		*out = concat(parts, 2);
		return true;
	}
	if (x.tag == VALUE_LIST && y.tag == VALUE_LIST) {
		*out = joined_lists(x, y);
		return true;
	}
	return arithmetic(INSN_ADD, x, y, out, error);
}

static bool compare(enum opcode op, struct value x, struct value y, struct value *out, char *error)
{
	bool comparable;

	if (x.tag == VALUE_NULL || y.tag == VALUE_NULL) {
		*out = value_bool(false); /* null satisfies no comparison */
		return true;
	}
	int order = value_compare(x, y, &comparable);
	if (!comparable && x.tag == VALUE_FLOAT && y.tag == VALUE_FLOAT) { /* NaN */
		*out = value_bool(false);
		return true;
	}
	if (!comparable)
		return refuse(op, x, y, error);
	*out = value_bool(op == INSN_LESS	   ? order < 0
			  : op == INSN_LESS_EQUAL ? order <= 0
			  : op == INSN_GREATER	   ? order > 0
						   : order >= 0);
	return true;
}

static bool contains(struct value x, struct value y, struct value *out, char *error)
{
	bool found = false;

	if (x.tag == VALUE_NULL && y.tag != VALUE_LIST) { /* null satisfies no comparison */
		*out = value_bool(false);
		return true;
	}
	switch (y.tag) {
	case VALUE_LIST:
		for (size_t i = 0; i < value_length(y) && !found; i++)
			found = value_equal(x, list_peek(y, i));
		break;
	case VALUE_RANGE:
		if (x.tag != VALUE_INT)
			return refuse(INSN_IN, x, y, error);
		found = x.i >= y.range->from && x.i <= y.range->to;
		break;
	case VALUE_RECORD:
		found = x.tag == VALUE_STRING && record_has(y, value_text_peek(x));
		break;
	case VALUE_STRING:
		if (x.tag != VALUE_STRING)
			return refuse(INSN_IN, x, y, error);
		found = memmem(y.string->bytes, y.string->length, x.string->bytes, x.string->length) != NULL;
		break;
	case VALUE_NULL:
		break;
	default:
		return refuse(INSN_IN, x, y, error);
	}
	*out = found || !value_is_unknown(y) ? value_bool(found) : value_unknown();
	return true;
}

/* What holds something unknown may turn out to be equal to anything. */
static struct value equal(struct value x, struct value y)
{
	if (value_is_unknown(x) || value_is_unknown(y))
		return value_unknown();
	return value_bool(value_equal(x, y));
}

static bool matches(struct value x, struct value y, struct value *out, char *error)
{
	bool matched = false;

	if (x.tag == VALUE_NULL) {
		*out = value_bool(false);
		return true;
	}
	if (x.tag != VALUE_STRING || y.tag != VALUE_STRING)
		return refuse(INSN_MATCHES, x, y, error);
	if (!regex_match(y.string->bytes, y.string->length, x.string->bytes, x.string->length, &matched, error))
		return false;
	*out = value_bool(matched);
	return true;
}

static bool known(enum opcode op, struct value x, struct value y, struct value *out, char *error)
{
	switch (op) {
	case INSN_ADD:
		return add(x, y, out, error);
	case INSN_SUBTRACT:
	case INSN_MULTIPLY:
	case INSN_DIVIDE:
	case INSN_MODULO:
		return arithmetic(op, x, y, out, error);
	case INSN_EQUAL:
		*out = equal(x, y);
		return true;
	case INSN_UNEQUAL:
		*out = equal(x, y);
		if (out->tag == VALUE_BOOL)
			out->b = !out->b;
		return true;
	case INSN_IN:
		return contains(x, y, out, error);
	case INSN_MATCHES:
		return matches(x, y, out, error);
	default:
		return compare(op, x, y, out, error);
	}
}

bool operate(enum opcode op, struct value x, struct value y, struct value *out, char *error)
{
	if (x.tag == VALUE_UNKNOWN || y.tag == VALUE_UNKNOWN) {
		*out = value_unknown();
		return true;
	}
	if (!known(op, x, y, out, error))
		return false;
	/* Whether a secret equals another is no secret; what is computed from it is. */
	if (op != INSN_EQUAL && op != INSN_UNEQUAL)
		*out = value_mark(*out, (x.flags | y.flags) & VALUE_SECRET);
	return true;
}

bool give_unit(struct value v, enum unit unit, struct value *out, char *error)
{
	double d;

	if (v.tag == VALUE_NULL || v.tag == VALUE_UNKNOWN) {
		*out = v;
		return true;
	}
	if (!is_number(v)) {
		snprintf(error, ERROR_SIZE, "`as` gives a number its unit, and this is a %s", value_tag_name(v.tag));
		return false;
	}
	d = number(v);
	if (isnan(d)) {
		*out = value_null();
		return true;
	}
	switch (unit) {
	case UNIT_RATIO:
		*out = value_percent(d);
		return true;
	case UNIT_SECONDS:
		return scaled(VALUE_DURATION, d * 1e9, out, error);
	case UNIT_MILLISECONDS:
		return scaled(VALUE_DURATION, d * 1e6, out, error);
	case UNIT_BYTES:
		return scaled(VALUE_SIZE, d, out, error);
	default:
		*out = v;
		return true;
	}
}

bool field_of(struct value object, struct value name, struct value *out, char *error)
{
	if (object.tag == VALUE_UNKNOWN) {
		*out = value_unknown();
		return true;
	}
	if (object.tag != VALUE_RECORD) {
		snprintf(error, ERROR_SIZE, "there is no field `%.60s` in a %s",
			 name.flags & VALUE_SECRET ? "***" : value_text_peek(name), value_tag_name(object.tag));
		return false;
	}
	if (!record_has(object, value_text_peek(name))) {
		snprintf(error, ERROR_SIZE, "there is no field `%.60s` in this record",
			 name.flags & VALUE_SECRET ? "***" : value_text_peek(name));
		return false;
	}
	*out = value_mark(value_copy(record_peek(object, value_text_peek(name))),
			  (object.flags | name.flags) & VALUE_SECRET);
	return true;
}

bool index_of_value(struct value object, struct value index, struct value *out, char *error)
{
	if (object.tag == VALUE_UNKNOWN || index.tag == VALUE_UNKNOWN) {
		*out = value_unknown();
		return true;
	}
	if (object.tag == VALUE_RECORD && index.tag == VALUE_STRING)
		return field_of(object, index, out, error);
	if ((object.tag != VALUE_LIST && object.tag != VALUE_RANGE) || index.tag != VALUE_INT) {
		snprintf(error, ERROR_SIZE, "a %s cannot be indexed with a %s", value_tag_name(object.tag),
			 value_tag_name(index.tag));
		return false;
	}
	int64_t count = (int64_t)value_length(object), i = index.i < 0 ? index.i + count : index.i;
	if (i < 0 || i >= count) {
		snprintf(error, ERROR_SIZE, "index %lld is outside of a list of %lld items", (long long)index.i,
			 (long long)count);
		return false;
	}
	*out = value_mark(value_item(object, (size_t)i), (object.flags | index.flags) & VALUE_SECRET);
	return true;
}

/* One allocation: the strings' lengths, and room for what is no string. */
struct value concat(const struct value *parts, uint32_t count)
{
	struct buffer text = { 0 };
	size_t length = 0;
	bool secret = false;

	for (uint32_t i = 0; i < count; i++) {
		if (parts[i].tag == VALUE_UNKNOWN)
			return value_unknown();
		secret |= value_is_secret(parts[i]);
		length += parts[i].tag == VALUE_STRING ? parts[i].string->length : NUMBER_ROOM;
	}
	buffer_reserve(&text, length);
	for (uint32_t i = 0; i < count; i++)
		value_add_text(parts[i], &text);
	return value_mark(buffer_finish(&text), secret ? VALUE_SECRET : 0);
}
