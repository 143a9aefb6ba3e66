/*
 * live.h - how builtins do real things: one libuv loop, and on it HTTP (curl's multi socket interface), child
 * processes, PostgreSQL sockets, timers and a thread pool for what can only block.
 *
 * A builtin's start() is given an effect_call. It begins its work and returns; it never blocks. Exactly once,
 * from start() or later, it ends the call with one of the call_*() endings. The answer is queued and
 * delivered to the machine by the driver's next(), so ending a call inside start() is safe.
 *
 * Cancelling: the driver calls call->cancel (when set) at most once. The builtin must then still end the
 * call: with its real outcome if one came, with call_unknown() if none did. Where cancel is NULL the driver
 * waits for the end. If the call has not ended within the row's grace (LIVE_GRACE_NS where it has none) after
 * the cancel, the driver delivers OUTCOME_UNKNOWN and detaches the call; its later end is ignored.
 *
 * After the end: `state` is freed once the outcome was taken, never inside a callback. So end a call only
 * when none of its transfers, processes and works can still call back (from their on_done at the earliest);
 * its timers and polls may be stopped by free_state.
 */
#ifndef RUNPLAN_LIVE_H
#define RUNPLAN_LIVE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <uv.h>

#include "interp/builtin.h"
#include "interp/effect.h"
#include "interp/value.h"

#define LIVE_GRACE_NS (10 * INT64_C(1000000000))
#define LIVE_BODY_MAX (4 * 1024 * 1024) /* answers longer than this fail unless the call says otherwise */

struct live;
struct http_result;
struct process_result;

struct effect_call {
	struct live *live;
	const struct builtin *builtin;
	const char *id;
	const struct value *args; /* copies, alive until the call is freed */
	size_t arg_count;
	const char *label;
	bool decision; /* see effect_request */
	int64_t until;
	struct value intent; /* probe(): what call_note() put on record */
	bool ended, cancelled;

	/* The builtin's own: */
	void *state;
	void (*cancel)(struct effect_call *call);
	void (*free_state)(void *state); /* called once, after the end; NULL: free() */
};

/* Endings. `value` and `details` are consumed. */
void call_ok(struct effect_call *call, struct value value);
void call_answered(struct effect_call *call, struct value value, const char *who); /* a person's answer; who: any, or NULL */
void call_failed(struct effect_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
void call_failed_with(struct effect_call *call, struct value details, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void call_unknown(struct effect_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
void call_refused(struct effect_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Puts what recovery needs on record (consumes `note`), and calls `then` once it is: obtain the exec id, note
 * it, go on. `then` is called for a cancelled call too, unless it has ended: look at call->cancelled before
 * the world is changed.
 */
void call_note(struct effect_call *call, struct value note, void (*then)(struct effect_call *call));

/* Arguments by position in the signature. A null argument gives the fallback. */
const char *call_text(const struct effect_call *call, size_t index); /* NULL when null */
int64_t call_int(const struct effect_call *call, size_t index,
		 int64_t fallback); /* also duration (ns) and size (B) */
bool call_bool(const struct effect_call *call, size_t index, bool fallback);
struct value call_arg(const struct effect_call *call, size_t index); /* lent */

/* The loop, for what has no helper below. */
uv_loop_t *live_loop(struct live *live);
int64_t live_now(struct live *live); /* the run's clock, ns */
int64_t live_clock(void); /* the machine's own, since 1970 UTC, ns: for servers, which have no other */
int64_t live_wall(
    const struct live *live); /* since 1970 UTC, ns; a run that was given its start stays in that time */

/* ---- timers: fires once; stop is safe at any time, also after it fired, and frees it ---- */
struct live_timer;
struct live_timer *live_timer_start(struct live *live, int64_t delay_ns, void (*fire)(void *context),
				    void *context);
void live_timer_stop(struct live_timer *timer); /* NULL is fine */

/* ---- blocking work on a thread of the pool: `work` there, `done` back on the loop ---- */
void live_work(struct live *live, void (*work)(void *context), void (*done)(void *context), void *context);

/* ---- HTTP through curl multi; connections are kept alive and shared by all builtins of the run ---- */
struct http_options {
	const char *method; /* "GET" */
	const char *url;
	const char *unix_socket;    /* or NULL */
	const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
	const char *body;	    /* or NULL; copied */
	size_t body_length;
	bool repeats; /* two of it do what one does, whatever the method: it may go over a kept connection */
	int body_fd;  /* send this regular file, from its position on, as the body (a build context); 0 or
		       * less: none; closed by the transfer */
	int64_t timeout_ns;	    /* of the whole transfer; 0: none */
	int64_t connect_timeout_ns; /* 0: 10 s */
	int64_t stall_ns;	    /* not a byte in either direction for so long ends it; whole seconds; 0: none */
	size_t body_max;	    /* 0: LIVE_BODY_MAX; counted as it arrives */
	bool follow;		    /* redirects, at most 5 */
	bool insecure;		    /* do not verify TLS */
	bool secret_url;	    /* no error tells where the request went */
	const char *ca_file, *cert_file, *key_file, *user_password; /* or NULL */
	/*
	 * Signed by AWS Signature Version 4: "aws:amz:REGION:SERVICE", with this pair of keys; or NULL. The URL's
	 * query must be sorted and encoded already, and x-amz-content-sha256 be among the headers.
	 */
	const char *sigv4, *sigv4_key, *sigv4_secret;
	/*
	 * Streaming: called with each piece of the body instead of collecting it, with no bound on the whole.
	 * False stops the transfer. Only for an answer of 200 to 299: the body of any other is collected, for
	 * the message in it.
	 */
	bool (*on_data)(void *context, const char *bytes, size_t length);
	void (*on_done)(void *context,
			const struct http_result *result); /* exactly once, never inside http_start() */
	void *context;
};

struct http_result {
	bool ok;	   /* an HTTP answer of any status came, whole */
	const char *error; /* !ok: one line: "connection refused (127.0.0.1:80)", "timed out after 5s", "the
			      body exceeds 4MiB" */
	bool timed_out, cancelled, sent; /* sent: the request may have reached the server */
	int status;
	struct value headers; /* a record: names in lower case; a repeated one joined by ", ". Lent */
	const char *body; /* collected body (with !ok what came of it), NUL-terminated; "" when streamed */
	size_t body_length;
	const char *url; /* the one asked last: another than the first after redirects */
	int64_t elapsed_ns;
	int64_t certificate_expires; /* unix seconds, 0: no TLS */
};

struct http_transfer;
/*
 * Copies the options. http and https only. A method that may not be repeated (POST, PATCH) never goes over a
 * kept connection, so it is sent once or not at all. Proxies of the environment are used, but not to loopback
 * or a socket.
 */
struct http_transfer *http_start(struct live *live, const struct http_options *options);
/* From anywhere, until on_done returns: on_done comes later with cancelled set. Within on_done it does
 * nothing. */
void http_cancel(struct http_transfer *transfer);
bool http_percent_encode(const char *bytes, size_t length, struct value *out); /* RFC 3986 unreserved stay */

/*
 * ---- child processes: every descriptor close-on-exec, own session and process group, no shell unless argv
 * says so ---- A daemon that the process leaves behind with its pipes is waited for a moment only. After a
 * stop or a timeout, on_done comes when the whole group has ended.
 */
struct process_options {
	const char *const *argv; /* NULL-terminated; argv[0] is searched in PATH */
	const char *const *env;	 /* "NAME=value" added to ours, NULL-terminated, or NULL */
	const char *directory;	 /* or NULL */
	const char *input;	 /* bytes for its standard input, or NULL: /dev/null */
	size_t input_length;
	int input_fd, output_fd; /* used as its stdin/stdout instead when above 0; closed by the call */
	const char *secret; /* handed to the child as descriptor 3 (an anonymous file, mode 600), or NULL */
	int64_t timeout_ns; /* 0: none; then TERM, KILL after 5 s */
	size_t output_max;  /* of stdout and of stderr each; 0: LIVE_BODY_MAX; more is dropped and `truncated`
			       set */
	bool input_waits;   /* the input, and its end, wait for process_input() */
	void (*on_error)(void *context, const char *bytes, size_t length); /* each piece of stderr; or NULL */
	void (*on_done)(void *context,
			const struct process_result *result); /* exactly once, never inside process_start() */
	void *context;
};

struct process_result {
	bool started; /* false: `error` says why ("no such program: pg_dumpp") */
	const char *error;
	int code;   /* exit code, or 128 + signal */
	int signal; /* 0: it exited */
	bool timed_out, cancelled, truncated;
	bool lost; /* remote.h: it began, and the connection broke: nobody knows its end; `error` says so */
	const char *out, *err; /* NUL-terminated; lent */
	size_t out_length, err_length;
	int64_t elapsed_ns;
};

struct process;
struct process *process_start(struct live *live, const struct process_options *options);
/* TERM to its group, KILL after 5 s; on_done comes with cancelled set. Until on_done returns; within it does
 * nothing. */
void process_stop(struct process *process);
/* Lets go of an input that waits. */
void process_input(struct process *process);
/* What matters is over: it has until it is quiet for a moment to end by itself, then gets TERM as well. */
void process_linger(struct process *process);

/* ---- readiness of a socket (libpq): NULL when the descriptor cannot be watched, or already is ---- */
struct live_poll;
struct live_poll *live_poll_start(struct live *live, int fd, int uv_events,
				  void (*ready)(void *context, int uv_events), void *context);
void live_poll_change(struct live_poll *poll, int uv_events);
void live_poll_stop(struct live_poll *poll); /* NULL is fine */

/* ---- what a namespace keeps for the whole run (a connection, a negotiated version): made once, freed at the
 * end ---- */
void *live_keep(struct live *live, const char *name, void *(*make)(struct live *live),
		void (*free)(void *kept));

/* ---- people: how operator.* reaches a person; set by the cli ---- */
struct live_person_request {
	const char *kind;     /* "confirm", "manual", "ask"; "decide": whether to go on in spite of a failure */
	const char *text;     /* the question */
	const char *typing;   /* the phrase to type, or NULL */
	struct value choices; /* list of strings, or null; of an approval: who may give it */
	int64_t approvals;    /* "approve": of so many people other than the operator */
	bool secret;	      /* do not echo */
};
struct live_options {
	/* Begins asking; the cli answers later, or at once, by ending the call. NULL: nobody is there. */
	void (*ask)(void *context, struct effect_call *call, const struct live_person_request *request);
	void (*ask_cancel)(void *context, struct effect_call *call);
	void *context;
	const char *state_directory; /* locks live under it */
	const char *operator_name;
	/*
	 * The run holds this lock of its plan, on this machine: `we` is what others are told of it. False, with `error`: it
	 * cannot be had beyond that (a state that several machines share), and so is let go. NULL: nobody wants to know.
	 */
	bool (*locked)(void *context, const char *name, const char *we, char *error, size_t size);
	void *locked_context;
	int64_t start_wall; /* 0: now */
};

/*
 * The driver; NULL where the system gives no event loop. Installs handlers of SIGINT and SIGTERM; SIGPIPE and
 * SIGHUP are ignored. `options` may be NULL; it is copied, what it points to is lent for as long as the
 * driver lives. free() cancels what is still under way, gives it 2 s, and then cuts it off: transfers are
 * dropped, processes killed.
 */
struct driver *live_new(const struct live_options *options);
const struct live_options *live_options(struct live *live);

/* ---- libraries loaded at first use, so that plans that need none of them start without them ---- */
struct curl_api;
const struct curl_api *curl_load(char *error, size_t size); /* NULL with a message when it cannot be loaded */
struct pq_api;
const struct pq_api *pq_load(char *error, size_t size);
struct tls_api; /* OpenSSL */
const struct tls_api *tls_load(char *error, size_t size);
struct hiredis_api;
const struct hiredis_api *hiredis_load(char *error, size_t size);
bool sha256_file(const char *path, char hex[65], char *error, size_t size); /* blocking: for live_work() */
/* Both of what `fd` holds from its position on, in hexadecimal; md5 may be NULL. Blocking, and as above. */
bool digest_fd(int fd, char sha256[65], char md5[33], char *error, size_t size);
bool sha256_bytes(const char *bytes, size_t length, char hex[65]);

#endif
