#include "builtins/docker_container.h"

#include <stdlib.h>
#include <string.h>

#include "builtins/docker_api.h"

/* The word itself or NULL, so that what the engine says is never handed on unchecked. */
static const char *known_health(const char *status)
{
	static const char *const words[] = {"healthy", "unhealthy", "starting", "none"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(status, words[i]) == 0)
			return words[i];
	return NULL;
}

const char *docker_health_word(struct value json)
{
	const char *word = known_health(value_text_peek(docker_json(json, "State.Health.Status")));

	if (!value_truthy(docker_json(json, "State.Running")))
		return "stopped";
	return word != NULL ? word : "none";
}

/* "NAME=value" is NAME. */
static struct value variable_names(struct value env)
{
	struct value names = list_new(value_length(env));

	for (size_t i = 0; i < value_length(env); i++) {
		const char *text = value_text_peek(list_peek(env, i));

		list_push(&names, value_string_n(text, strcspn(text, "=")));
	}
	return names;
}

/* A copy of a record with one field replaced; consumes `field`. */
static struct value with_field(struct value record, const char *key, struct value field)
{
	struct value copy = record_new(value_length(record));

	for (size_t i = 0; i < value_length(record); i++)
		record_set(&copy, record_key_peek(record, i), value_copy(record_value_peek(record, i)));
	record_set(&copy, key, field);
	return copy;
}

static struct value raw_without_env(struct value json)
{
	struct value config = record_peek(json, "Config");

	if (config.tag != VALUE_RECORD || record_peek(config, "Env").tag != VALUE_LIST)
		return value_copy(json);
	return with_field(json, "Config",
			  with_field(config, "Env", variable_names(record_peek(config, "Env"))));
}

static struct value port_record(const char *inside, const char *address, const char *outside)
{
	struct value port = record_new(4);
	const char *slash = strchr(inside, '/');

	record_set(&port, "container", value_int(atoi(inside)));
	record_set(&port, "protocol", value_string(slash != NULL ? slash + 1 : "tcp"));
	record_set(&port, "address", value_string(address));
	record_set(&port, "host", outside == NULL ? value_null() : value_int(atoi(outside)));
	return port;
}

/* {"80/tcp": [{HostIp, HostPort}], "81/tcp": null} as a list, a published port each. */
static struct value ports_of(struct value json)
{
	struct value map = docker_json(json, "NetworkSettings.Ports"), ports = list_new(value_length(map));

	for (size_t i = 0; i < value_length(map); i++) {
		struct value bindings = record_value_peek(map, i);

		for (size_t j = 0; j < value_length(bindings); j++) {
			struct value binding = list_peek(bindings, j);

			list_push(&ports, port_record(record_key_peek(map, i),
						      value_text_peek(record_peek(binding, "HostIp")),
						      value_text_peek(record_peek(binding, "HostPort"))));
		}
	}
	return ports;
}

static struct value networks_of(struct value json)
{
	struct value map = docker_json(json, "NetworkSettings.Networks"),
		     networks = record_new(value_length(map));

	for (size_t i = 0; i < value_length(map); i++)
		record_set(&networks, record_key_peek(map, i),
			   value_copy(record_peek(record_value_peek(map, i), "IPAddress")));
	return networks;
}

static struct value record_or_empty(struct value v)
{
	return v.tag == VALUE_RECORD ? value_copy(v) : record_new(0);
}

struct value docker_container_record(struct value json)
{
	struct value c = record_new(18);

	record_set(&c, "id", value_copy(record_peek(json, "Id")));
	record_set(&c, "name", docker_plain_name(record_peek(json, "Name")));
	record_set(&c, "image", value_copy(docker_json(json, "Config.Image")));
	record_set(&c, "image_id", value_copy(record_peek(json, "Image")));
	record_set(&c, "state", value_copy(docker_json(json, "State.Status")));
	record_set(&c, "running", value_bool(value_truthy(docker_json(json, "State.Running"))));
	record_set(&c, "exit_code", value_copy(docker_json(json, "State.ExitCode")));
	record_set(&c, "created", docker_time(record_peek(json, "Created")));
	record_set(&c, "started", docker_time(docker_json(json, "State.StartedAt")));
	record_set(&c, "finished", docker_time(docker_json(json, "State.FinishedAt")));
	record_set(&c, "health", value_string(docker_health_word(json)));
	record_set(&c, "restarts", value_copy(record_peek(json, "RestartCount")));
	record_set(&c, "labels", record_or_empty(docker_json(json, "Config.Labels")));
	record_set(&c, "env", variable_names(docker_json(json, "Config.Env")));
	record_set(&c, "ports", ports_of(json));
	record_set(&c, "networks", networks_of(json));
	record_set(&c, "raw", raw_without_env(json));
	return c;
}

/* Lists tell the health only in words for people: "Up 3 seconds (healthy)". */
static const char *summary_health(const char *state, const char *status)
{
	if (strcmp(state, "running") != 0 && strcmp(state, "paused") != 0)
		return "stopped";
	if (strstr(status, "(healthy)") != NULL)
		return "healthy";
	if (strstr(status, "(unhealthy)") != NULL)
		return "unhealthy";
	return strstr(status, "(health: starting)") != NULL ? "starting" : "none";
}

struct value docker_summary_record(struct value item)
{
	struct value s = record_new(8), created = record_peek(item, "Created");
	const char *state = value_text_peek(record_peek(item, "State"));
	const char *status = value_text_peek(record_peek(item, "Status"));

	record_set(&s, "id", value_copy(record_peek(item, "Id")));
	record_set(&s, "name", docker_plain_name(list_peek(record_peek(item, "Names"), 0)));
	record_set(&s, "image", value_copy(record_peek(item, "Image")));
	record_set(&s, "state", value_string(state));
	record_set(&s, "status", value_string(status));
	record_set(&s, "health", value_string(summary_health(state, status)));
	record_set(&s, "created",
		   created.tag == VALUE_INT ? value_time(created.i * DOCKER_SECOND) : value_null());
	record_set(&s, "labels", record_or_empty(record_peek(item, "Labels")));
	return s;
}
