/* effect.c - outcomes; see effect.h. */
#include "interp/effect.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

static char *copy_of(const char *text)
{
	return text ? memory_need(strdup(text)) : NULL;
}

struct effect_request *effect_request_copy(const struct effect_request *request)
{
	struct effect_request *copy = memory_need(malloc(sizeof(*copy)));
	struct value *args = memory_need(calloc(request->arg_count + 1, sizeof(*args)));

	for (size_t i = 0; i < request->arg_count; i++)
		args[i] = value_copy(request->args[i]);
	*copy = *request;
	copy->id = copy_of(request->id);
	copy->step = copy_of(request->step);
	copy->label = copy_of(request->label);
	copy->args = args;
	return copy;
}

void effect_request_free(struct effect_request *request)
{
	if (!request)
		return;
	for (size_t i = 0; i < request->arg_count; i++)
		value_release(request->args[i]);
	free((struct value *)request->args);
	free((char *)request->id);
	free((char *)request->step);
	free((char *)request->label);
	free(request);
}
