/* tcp.c - tcp.*: whether a port can be reached. */
#include <stdlib.h>

#include "builtins/live.h"
#include "builtins/resolve.h"
#include "builtins/stream.h"
#include "builtins/tables.h"

struct tcp_call {
	struct effect_call *call;
	struct stream *stream;
	struct live_timer *deadline;
	int64_t began;
};

static void tcp_free(void *state)
{
	struct tcp_call *tcp = state;

	stream_close(tcp->stream);
	live_timer_stop(tcp->deadline);
	free(tcp);
}

static void tcp_quiet(struct tcp_call *tcp)
{
	stream_close(tcp->stream);
	tcp->stream = NULL;
	live_timer_stop(tcp->deadline);
	tcp->deadline = NULL;
	tcp->call->cancel = NULL;
}

static struct value tcp_time(const struct tcp_call *tcp)
{
	return value_duration(live_now(tcp->call->live) - tcp->began);
}

static void tcp_fail(struct tcp_call *tcp, enum stream_end end, const char *text)
{
	struct value details = record_new(2);

	record_set(&details, "reason", value_string(stream_end_name(end)));
	record_set(&details, "time", tcp_time(tcp));
	tcp_quiet(tcp);
	call_failed_with(tcp->call, details, "tcp.connect: %.255s, port %lld: %s", call_text(tcp->call, 0),
			 (long long)call_int(tcp->call, 1, 0), text);
}

static void tcp_connected(void *context)
{
	struct tcp_call *tcp = context;
	struct value answer = record_new(2);

	record_set(&answer, "address", value_string(stream_address(tcp->stream)));
	record_set(&answer, "time", tcp_time(tcp));
	tcp_quiet(tcp);
	call_ok(tcp->call, answer);
}

static void tcp_received(void *context, const char *bytes, size_t length)
{
	(void)context;
	(void)bytes;
	(void)length;
}

static void tcp_ended(void *context, enum stream_end end, const char *reason)
{
	tcp_fail(context, end, reason);
}

static void tcp_late(void *context)
{
	struct tcp_call *tcp = context;
	char text[48], line[120];

	snprintf(line, sizeof line, "%s within %s", stream_missing(tcp->stream),
		 duration_text(call_int(tcp->call, 2, 0), text));
	tcp_fail(tcp, STREAM_SILENT, line);
}

static void tcp_cancel(struct effect_call *call)
{
	tcp_quiet(call->state);
	call_failed(call, "tcp.connect: cancelled");
}

static void tcp_start(struct effect_call *call)
{
	int64_t port = call_int(call, 1, 0), timeout = call_int(call, 2, 0);
	struct stream_options options;
	struct tcp_call *tcp;

	if (!resolve_usable(call_arg(call, 0)) || port < 1 || port > 65535) {
		call_failed(call, "tcp.connect: %s",
			    port < 1 || port > 65535 ? "a port is from 1 to 65535" : RESOLVE_UNUSABLE);
		return;
	}
	tcp = memory_need(calloc(1, sizeof *tcp));
	tcp->call = call;
	tcp->began = live_now(call->live);
	call->state = tcp;
	call->free_state = tcp_free;
	call->cancel = tcp_cancel;
	options = (struct stream_options){
	    .host = call_text(call, 0),
	    .port = (int)port,
	    .timeout_ns = timeout,
	    .connected = tcp_connected,
	    .received = tcp_received,
	    .ended = tcp_ended,
	    .context = tcp,
	};
	tcp->stream = stream_open(call->live, &options);
	if (timeout > 0)
		tcp->deadline = live_timer_start(call->live, timeout, tcp_late, tcp);
}

static const struct builtin tcp_rows[] = {
    {.name = "tcp.connect",
     .signature = "(host: string, port: int, timeout: duration = 5s) -> tcp_answer",
     .summary = "Open a connection to a port, and close it again without a word.",
     .details =
	 "A host of several addresses is reached when one of them is; they are tried one after another, each "
	 "for its share of `timeout`. A failure has in its `detail` the `time` and a `reason`: \"refused\" "
	 "(nothing "
	 "listens "
	 "there), \"no answer\" (dropped on the way), \"unreachable\", \"unknown host\".",
     .example = "tcp.connect(\"127.0.0.1\", 5432, timeout: 1s).time < 100ms",
     .bad_input = "A connection that does not come about, and a port outside of 1..65535, fail the call.",
     .effect = EFFECT_READ,
     .start = tcp_start},
};

static const struct builtin_type tcp_types[] = {
    {"tcp_answer", "{ address: string, time: duration }",
     "The address that took the connection, and the time until it did, the question for the address "
     "included."},
};

const struct builtin_table tcp_table = {
    .name = "tcp",
    .summary = "Ports of other machines, and of this one.",
    .rows = tcp_rows,
    .row_count = sizeof tcp_rows / sizeof *tcp_rows,
    .types = tcp_types,
    .type_count = sizeof tcp_types / sizeof *tcp_types,
};
