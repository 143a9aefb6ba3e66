/* dns.c - dns.*: names and addresses, as the system's resolver knows them. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/live.h"
#include "builtins/resolve.h"
#include "builtins/tables.h"

struct dns_call {
	struct effect_call *call;
	struct resolving *resolving;
	struct live_timer *deadline;
};

static void dns_free(void *state)
{
	struct dns_call *dns = state;

	resolve_forget(dns->resolving);
	live_timer_stop(dns->deadline);
	free(dns);
}

static void dns_stop(struct dns_call *dns)
{
	resolve_forget(dns->resolving);
	dns->resolving = NULL;
	dns->call->cancel = NULL;
}

static void dns_done(void *context, const struct resolved *resolved)
{
	struct dns_call *dns = context;
	char text[INET6_ADDRSTRLEN];
	struct value list;

	dns->resolving = NULL;
	dns->call->cancel = NULL;
	if (resolved->error != NULL) {
		call_failed(dns->call, "dns.resolve: %s", resolved->error);
		return;
	}
	list = list_new(resolved->count);
	for (size_t i = 0; i < resolved->count; i++)
		list_push(&list, value_string(resolve_text(&resolved->addresses[i], text)));
	call_ok(dns->call, list);
}

static void dns_late(void *context)
{
	struct dns_call *dns = context;
	char text[48];

	if (dns->resolving == NULL)
		return;
	dns_stop(dns);
	call_failed(dns->call, "dns.resolve: no answer about %.255s within %s", call_text(dns->call, 0),
		    duration_text(call_int(dns->call, 1, 0), text));
}

static void dns_cancel(struct effect_call *call)
{
	dns_stop(call->state);
	call_failed(call, "dns.resolve: cancelled");
}

static void dns_start(struct effect_call *call)
{
	struct dns_call *dns;
	int64_t timeout = call_int(call, 1, 0);

	if (!resolve_usable(call_arg(call, 0))) {
		call_failed(call, "dns.resolve: " RESOLVE_UNUSABLE);
		return;
	}
	dns = memory_need(calloc(1, sizeof *dns));
	dns->call = call;
	call->state = dns;
	call->free_state = dns_free;
	call->cancel = dns_cancel;
	dns->resolving = resolve_start(call->live, call_text(call, 0), dns_done, dns);
	if (timeout > 0)
		dns->deadline = live_timer_start(call->live, timeout, dns_late, dns);
}

static const struct builtin dns_rows[] = {
    {.name = "dns.resolve",
     .signature = "(name: string, timeout: duration = 5s) -> list(string)",
     .summary = "The addresses of a name, as this machine's resolver tells them.",
     .details = "`/etc/hosts` and all else that the system's configuration names count. Each address stands "
		"there once, "
		"in the resolver's order, IPv6 in its short form.",
     .example = "\"10.0.0.7\" in dns.resolve(\"db1.example\")",
     .bad_input = "A name that nobody knows, and no answer within `timeout`, fail the call.",
     .effect = EFFECT_READ,
     .start = dns_start},
};

const struct builtin_table dns_table = {
    .name = "dns",
    .summary = "Names and addresses.",
    .rows = dns_rows,
    .row_count = sizeof dns_rows / sizeof *dns_rows,
};
