/* pg_target.c - out of a URL and the environment, libpq's parameters; names resolved on a thread. See
 * pg_target.h. */
#include "builtins/pg_target.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/buffer.h"

/* Of one host. */
#define ADDRESSES_MAX 16

/* ---- parameters ---- */

static void parameter_set(struct pg_parameters *parameters, const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < parameters->count; i++)
		if (strcmp(parameters->names[i], name) == 0)
			break;
	if (i == PG_PARAMETERS_MAX)
		return;
	if (i == parameters->count) {
		parameters->names[i] = memory_need(strdup(name));
		parameters->count++;
	} else {
		free(parameters->values[i]);
	}
	parameters->values[i] = memory_need(strdup(value));
}

const char *pg_parameters_get(const struct pg_parameters *parameters, const char *name)
{
	size_t i;

	for (i = 0; i < parameters->count; i++)
		if (strcmp(parameters->names[i], name) == 0)
			return parameters->values[i];
	return NULL;
}

void pg_parameters_free(struct pg_parameters *parameters)
{
	size_t i;

	for (i = 0; i < parameters->count; i++) {
		free(parameters->names[i]);
		free(parameters->values[i]);
	}
	*parameters = (struct pg_parameters){0};
}

/* The URL's, or the environment's where there is none. libpq's own message would show the URL, password and
 * all. */
bool pg_parameters_parse(const struct pq_api *pq, struct value url, const char *database,
			 struct pg_parameters *parameters, struct value *message)
{
	PQconninfoOption *options, *option;
	char *error = NULL;

	if (url.tag == VALUE_STRING) {
		options = strlen(value_text_peek(url)) == value_length(url)
			      ? pq->PQconninfoParse(value_text_peek(url), &error)
			      : NULL;
		if (error)
			pq->PQfreemem(error);
		if (!options) {
			*message = value_string(
			    "url: is not a URL of PostgreSQL (postgres://user:password@host:port/database)");
			return false;
		}
		for (option = options; option->keyword; option++)
			if (option->val)
				parameter_set(parameters, option->keyword, option->val);
		pq->PQconninfoFree(options);
	}
	if (database)
		parameter_set(parameters, "dbname", database);
	return true;
}

/* What libpq will take where the URL says nothing: the environment, a service file, its own default. */
static void parameter_default(const struct pq_api *pq, struct pg_parameters *parameters, const char *name)
{
	PQconninfoOption *options = pg_parameters_get(parameters, name) ? NULL : pq->PQconndefaults(),
			 *option;

	for (option = options; option && option->keyword; option++)
		if (strcmp(option->keyword, name) == 0 && option->val && option->val[0])
			parameter_set(parameters, name, option->val);
	pq->PQconninfoFree(options);
}

void pg_parameters_complete(const struct pq_api *pq, struct pg_parameters *parameters)
{
	parameter_default(pq, parameters, "host");
	parameter_default(pq, parameters, "hostaddr");
	parameter_default(pq, parameters, "port");
	parameter_default(pq, parameters, "dbname");
	parameter_set(parameters, "client_encoding", "UTF8");
	if (!pg_parameters_get(parameters, "application_name"))
		parameter_set(parameters, "fallback_application_name", "runplan");
	/* Looking for Kerberos tickets may ask the network, which would block. */
	if (!pg_parameters_get(parameters, "gssencmode") && !getenv("PGGSSENCMODE"))
		parameter_set(parameters, "gssencmode", "disable");
}

struct value pg_parameters_key(const struct pg_parameters *parameters)
{
	struct buffer key = {0};
	size_t i;

	for (i = 0; i < parameters->count; i++) {
		buffer_add(&key, parameters->names[i], strlen(parameters->names[i]) + 1);
		buffer_add(&key, parameters->values[i], strlen(parameters->values[i]) + 1);
	}
	return buffer_finish(&key);
}

/* For messages: the database, and where it is. */
char *pg_parameters_place(const struct pg_parameters *parameters)
{
	const char *host = pg_parameters_get(parameters, "host"),
		   *address = pg_parameters_get(parameters, "hostaddr");
	const char *port = pg_parameters_get(parameters, "port"),
		   *database = pg_parameters_get(parameters, "dbname");
	struct buffer place = {0};
	struct value text;
	char *copy;

	host = host && host[0] ? host : address;
	buffer_add_text(&place, database ? database : "the default database");
	buffer_printf(&place, " at %s", host && host[0] ? host : "the local socket");
	if (port)
		buffer_printf(&place, ":%s", port);
	text = buffer_finish(&place);
	copy = memory_need(strdup(value_text_peek(text)));
	value_release(text);
	return copy;
}

/* ---- names to addresses, on a thread ---- */

struct pg_resolving {
	struct pg_parameters *parameters; /* NULL once nobody waits any more */
	char *hosts, *ports;		  /* with commas, as libpq takes them */
	struct buffer out_hosts, out_addresses, out_ports;
	char error[300];
	void (*done)(void *context, const char *error);
	void *context;
};

static void add_entry(struct buffer *list, const char *text, size_t length)
{
	if (list->string)
		buffer_add_byte(list, ',');
	else
		buffer_reserve(list, 1);
	buffer_add(list, text, length);
}

static void add_address(struct pg_resolving *resolving, const char *host, const char *port,
			const char *address)
{
	add_entry(&resolving->out_hosts, host, strlen(host));
	add_entry(&resolving->out_addresses, address, strlen(address));
	add_entry(&resolving->out_ports, port, strlen(port));
}

static void resolve_host(struct pg_resolving *resolving, const char *host, const char *port)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL, *at;
	char text[NI_MAXHOST];
	int status, count = 0;

	if (host[0] == '/' || host[0] == '@' || host[0] == '\0') {
		add_address(resolving, host, port, "");
		return;
	}
	status = getaddrinfo(host, NULL, &hints, &found);
	if (status != 0) {
		snprintf(resolving->error, sizeof(resolving->error), "the host %.200s is not known: %s", host,
			 gai_strerror(status));
		return;
	}
	for (at = found; at && count < ADDRESSES_MAX; at = at->ai_next)
		if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) ==
		    0) {
			add_address(resolving, host, port, text);
			count++;
		}
	freeaddrinfo(found);
}

/* The hosts and ports of libpq's lists; one port stands for all hosts. */
static void resolve_work(void *context)
{
	struct pg_resolving *resolving = context;
	char *hosts = resolving->hosts, *ports = resolving->ports, *host;
	bool one_port = !ports || !strchr(ports, ',');

	while ((host = strsep(&hosts, ","))) {
		const char *port = one_port ? (ports ? ports : "") : strsep(&ports, ",");

		resolve_host(resolving, host, port ? port : "");
	}
}

static void resolve_free(struct pg_resolving *resolving)
{
	buffer_free(&resolving->out_hosts);
	buffer_free(&resolving->out_addresses);
	buffer_free(&resolving->out_ports);
	free(resolving->hosts);
	free(resolving->ports);
	free(resolving);
}

static void set_list(struct pg_parameters *parameters, const char *name, struct buffer *list)
{
	struct value text = buffer_finish(list);

	parameter_set(parameters, name, value_text_peek(text));
	value_release(text);
}

static void resolve_done(void *context)
{
	struct pg_resolving *resolving = context;
	bool known = resolving->out_hosts.string != NULL;

	if (resolving->parameters && known) {
		set_list(resolving->parameters, "host", &resolving->out_hosts);
		set_list(resolving->parameters, "hostaddr", &resolving->out_addresses);
		set_list(resolving->parameters, "port", &resolving->out_ports);
	}
	if (resolving->parameters)
		resolving->done(resolving->context, known ? NULL : resolving->error);
	resolve_free(resolving);
}

static bool needs_resolving(const char *hosts)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (!hosts || hosts[0] == '\0' || (hosts[0] == '/' && !strchr(hosts, ',')))
		return false;
	return inet_pton(AF_INET, hosts, address) != 1 && inet_pton(AF_INET6, hosts, address) != 1;
}

struct pg_resolving *pg_resolve(struct live *live, struct pg_parameters *parameters,
				void (*done)(void *context, const char *error), void *context)
{
	const char *hosts = pg_parameters_get(parameters, "host"),
		   *ports = pg_parameters_get(parameters, "port");
	struct pg_resolving *resolving;

	if (pg_parameters_get(parameters, "hostaddr") || !needs_resolving(hosts))
		return NULL;
	resolving = memory_need(calloc(1, sizeof(*resolving)));
	resolving->parameters = parameters;
	resolving->hosts = memory_need(strdup(hosts));
	resolving->ports = ports ? memory_need(strdup(ports)) : NULL;
	resolving->done = done;
	resolving->context = context;
	live_work(live, resolve_work, resolve_done, resolving);
	return resolving;
}

void pg_resolve_forget(struct pg_resolving *resolving)
{
	if (resolving)
		resolving->parameters = NULL;
}

/* ---- for programs of PostgreSQL's ---- */

/* 'it\'s': as libpq reads a connection string. */
static void add_conninfo(struct buffer *text, const char *name, const char *value)
{
	if (text->length > 0)
		buffer_add_byte(text, ' ');
	buffer_printf(text, "%s='", name);
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			buffer_add_byte(text, '\\');
		buffer_add_byte(text, *value);
	}
	buffer_add_byte(text, '\'');
}

/* A line that fits every host, port, database and user. */
static struct value passfile_line(const char *password)
{
	struct buffer line = {0};

	buffer_add_text(&line, "*:*:*:*:");
	for (; *password; password++) {
		if (*password == ':' || *password == '\\')
			buffer_add_byte(&line, '\\');
		buffer_add_byte(&line, *password);
	}
	buffer_add_byte(&line, '\n');
	return value_mark(buffer_finish(&line), VALUE_SECRET);
}

static bool child_conninfo(const struct pg_parameters *parameters, struct value *conninfo,
			   struct value *passfile, struct value *message)
{
	const char *password = pg_parameters_get(parameters, "password");
	struct buffer text = {0};
	size_t i;

	if (password && strpbrk(password, "\r\n")) {
		*message =
		    value_string("a password with a line break cannot be handed to PostgreSQL's programs");
		return false;
	}
	password = password && password[0] ? password : NULL;
	for (i = 0; i < parameters->count; i++)
		if (strcmp(parameters->names[i], "password") != 0 &&
		    strcmp(parameters->names[i], "sslpassword") != 0 &&
		    !(password && strcmp(parameters->names[i], "passfile") == 0))
			add_conninfo(&text, parameters->names[i], parameters->values[i]);
	if (password)
		add_conninfo(&text, "passfile", "/proc/self/fd/3");
	if (!pg_parameters_get(parameters, "fallback_application_name"))
		add_conninfo(&text, "fallback_application_name", "runplan");
	*conninfo = buffer_finish(&text);
	*passfile = password ? passfile_line(password) : value_null();
	return true;
}

bool pg_child_target(struct value url, const char *database, struct value *conninfo, struct value *passfile,
		     struct value *message)
{
	struct pg_parameters parameters = {0};
	const struct pq_api *pq;
	char error[200];
	bool ok;

	*conninfo = *passfile = *message = value_null();
	pq = pq_load(error, sizeof(error));
	if (!pq) {
		*message = value_string_printf("PostgreSQL's client library is needed: %s", error);
		return false;
	}
	ok = pg_parameters_parse(pq, url, database, &parameters, message) &&
	     child_conninfo(&parameters, conninfo, passfile, message);
	pg_parameters_free(&parameters);
	return ok;
}
