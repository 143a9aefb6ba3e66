/*
 * docker_api.h - the Docker Engine API: where the engine is, which version to speak, requests and their
 * failures.
 *
 * The engine is found once per run: DOCKER_HOST (unix:///path, tcp://host:port; with TLS where
 * DOCKER_TLS_VERIFY is set, its ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH or ~/.docker), else
 * unix:///var/run/docker.sock. The version is agreed upon with the first request, through /_ping: the newest
 * that both speak, 1.41 (Docker 20.10) to 1.44, or DOCKER_API_VERSION where that is set. A negotiation that
 * fails is tried again by the next request.
 *
 * Two levels. docker_request() sends one request. docker_call_send() sends it on behalf of an effect_call
 * whose state begins with a struct docker_step: it remembers the request, so that a cancel drops it, and it
 * ends a cancelled call itself. Everything that a function here is given is copied unless it says otherwise.
 */
#ifndef RUNPLAN_DOCKER_API_H
#define RUNPLAN_DOCKER_API_H

#include "builtins/live.h"
#include "interp/value.h"

#define DOCKER_SECOND INT64_C(1000000000)
/* An answer that is a few lines of JSON; stopping a container adds its own grace. */
#define DOCKER_TIMEOUT (60 * DOCKER_SECOND)

struct docker_reply {
	int status; /* of the engine's answer; 0: none came, whole */
	bool ok;    /* 2xx, or 304: nothing to do */
	bool cancelled, timed_out;
	bool sent; /* the engine may have got the request, and it was one that changes something: no GET */
	const char *message; /* !ok: one line: what the engine said, or why it did not answer */
	struct value json;   /* the body where it is JSON and was collected, else null; lent */
	struct value *record; /* place for the container's record of that body, null at first; NULL: none */
	const char *body;    /* "" when streamed */
	size_t body_length;
};

struct docker_options {
	const char *method; /* "GET" */
	struct value path;  /* of docker_path(); consumed */
	struct value body;  /* a record, sent as JSON with its secrets; null: no body; consumed */
	bool repeats;	    /* as in http_options */
	int body_fd;	    /* above 0: a tar archive to send; closed by the request */
	const char *header; /* one more "Name: value", or NULL */
	int64_t timeout_ns; /* 0: none */
	size_t body_max;    /* 0: LIVE_BODY_MAX */
	/* Streaming: the body of a 2xx as it comes (other bodies serve the message). False stops the
	 * transfer. */
	bool (*on_data)(void *context, const char *bytes, size_t length);
	/* Exactly once, never inside docker_request() or docker_request_cancel(). */
	void (*on_done)(void *context, const struct docker_reply *reply);
	void *context;
};

struct docker_request;
struct docker_request *docker_request(struct live *live, const struct docker_options *options);
void docker_request_cancel(struct docker_request *request); /* on_done comes with cancelled set */
void docker_request_drop(
    struct docker_request *request); /* cancels it, and on_done never comes; NULL is fine */

/* A path: %s is a percent-encoded component, %d an int64_t, anything else stands for itself. */
struct value docker_path(const char *format, ...);

/* ---- the engine, for what cannot go through docker_request() ---- */

struct docker_endpoint {
	const char *name;   /* "unix:///var/run/docker.sock" */
	const char *socket; /* path, or NULL: TCP */
	const char *base;   /* "http://host:2375" */
	bool tls;
};
const struct docker_endpoint *
docker_endpoint(struct live *live);	       /* NULL: DOCKER_HOST is of no use; requests say why */
const char *docker_version(struct live *live); /* "1.41", or "" before the first answer */

/*
 * What docker.login() remembers for the run: the value of X-Registry-Auth for a registry, or NULL. With a
 * token (not
 * "") that the registry gave, the password is not kept.
 */
void docker_auth_set(struct live *live, const char *registry, const char *server, const char *user,
		     const char *password, const char *token);
const char *docker_auth_peek(struct live *live, const char *registry);

/* ---- requests of a call ---- */

struct docker_step {
	struct docker_request *request; /* under way, or NULL */
	struct effect_call *call;
	void (*then)(struct effect_call *call, const struct docker_reply *reply);
	bool cancelled;
	bool began;	      /* set by a call of several requests once one of them has changed something */
	struct value missing; /* docker_call_missing(): the name */
};

/* Gives the call a zeroed state of `size` bytes that begins with a docker_step; `release` frees what the rest
 * owns. */
void *docker_call_begin(struct effect_call *call, size_t size, void (*release)(void *state));
/* For a `release` of one's own: frees the step and the state. */
void docker_call_state_free(void *state);

/*
 * `then` gets the reply unless the request was cancelled: that ends the call here. on_done is ours, and the
 * context where it is NULL: the call's state. A timeout of 0 is DOCKER_TIMEOUT, one below 0 is none.
 */
void docker_call_send(struct effect_call *call, struct docker_options options,
		      void (*then)(struct effect_call *call, const struct docker_reply *reply));

/*
 * Ends the call for a reply that is not ok: failed, or unknown where a change may have reached an engine that
 * never answered. The text says what was tried: "cannot stop \"web\"".
 */
void docker_call_end(struct effect_call *call, const struct docker_reply *reply, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends the call: there is no container `name`; looks for names that are close. */
void docker_call_missing(struct effect_call *call, const char *name);

/* True for what the engine accepts as a container's name or id; else ends the call as failed. */
bool docker_name_check(struct effect_call *call, const char *name);
/* The same of an image: [registry[:port]/]path[:tag][@digest]. */
bool docker_image_check(struct effect_call *call, const char *image);

/* ---- reading answers ---- */

struct value docker_json(struct value json,
			 const char *path);	   /* "State.Health.Status"; lent; null when not there */
struct value docker_time(struct value text);	   /* RFC 3339 with nanoseconds; null for the year 1 */
struct value docker_plain_name(struct value name); /* "/web" is web */

/* Names among `names` (list of strings) close to `name`, best first, at most 3: ", did you mean ...?" or "".
 */
struct value docker_suggest(struct value names, const char *name);

#endif
