/* effect.c - outcomes; see effect.h. */
#include "interp/effect.h"

#include <stdarg.h>

#include "interp/buffer.h"

struct outcome outcome_ok(struct value value)
{
	return (struct outcome){.kind = OUTCOME_OK, .value = value, .message = value_null()};
}

struct outcome outcome_failed(const char *format, ...)
{
	struct outcome outcome = {.kind = OUTCOME_FAILED, .value = value_null()};
	struct buffer message = {0};
	va_list list;

	va_start(list, format);
	buffer_vprintf(&message, format, list);
	va_end(list);
	outcome.message = buffer_finish(&message);
	return outcome;
}

struct outcome outcome_copy(const struct outcome *outcome)
{
	return (struct outcome){
	    .kind = outcome->kind,
	    .value = value_copy(outcome->value),
	    .message = value_copy(outcome->message),
	};
}

void outcome_release(struct outcome *outcome)
{
	value_clear(&outcome->value);
	value_clear(&outcome->message);
}
