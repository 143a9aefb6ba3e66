#include "builtins/docker_attach.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "interp/buffer.h"
#include "interp/json.h"

#define HEAD_MAX   (64 * 1024) /* of the engine's answer before the stream */
#define ERROR_MAX  (64 * 1024) /* of the body of an answer that is an error */
#define CONNECT_NS (10 * DOCKER_SECOND)
#define READ_MAX   (16 * 1024)

struct docker_attach {
	struct live *live;
	struct docker_attach_options options;
	struct value head, input;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} socket;
	uv_connect_t connect;
	uv_getaddrinfo_t resolve;
	uv_write_t write_head, write_input;
	uv_shutdown_t shutdown;
	struct live_timer *limit; /* until it is connected */
	struct buffer answer;	  /* its head, then the body of an error */
	size_t head_end;	  /* length of the head; 0: it is not whole */
	int status;
	long error_length; /* Content-Length of an error, or -1 */
	bool started, connected, resolving, ended, closed, sent;
	struct value problem; /* null or a string: why the engine did not answer */
	char scratch[READ_MAX];
};

/* ---- the end ---- */

static void attach_free(struct docker_attach *attach)
{
	live_timer_stop(attach->limit);
	value_release(attach->head);
	value_release(attach->input);
	value_release(attach->problem);
	buffer_free(&attach->answer);
	free(attach);
}

static void attach_report(struct docker_attach *attach)
{
	struct docker_reply reply = {
	    .status = attach->status, .sent = attach->sent, .json = value_null(), .body = ""};
	struct value body = value_null(), said = value_null();
	char error[160];

	reply.ok = attach->problem.tag == VALUE_NULL && (attach->status == 101 || attach->status == 200);
	if (attach->problem.tag != VALUE_NULL)
		reply.status = 0;
	if (reply.ok) {
		attach->options.on_done(attach->options.context, &reply);
		return;
	}
	if (attach->problem.tag == VALUE_NULL) {
		size_t length = attach->answer.length - attach->head_end;

		body = value_string_n(attach->answer.string->bytes + attach->head_end, length);
		if (!value_from_json(value_text_peek(body), length, &reply.json, error))
			reply.json = value_null();
		said = value_copy(docker_json(reply.json, "message"));
		if (said.tag != VALUE_STRING)
			said =
			    value_string_printf("the Docker engine answered with status %d", attach->status);
	}
	reply.message = value_text_peek(attach->problem.tag == VALUE_NULL ? said : attach->problem);
	attach->options.on_done(attach->options.context, &reply);
	value_release(reply.json);
	value_release(said);
	value_release(body);
}

static void attach_closed(uv_handle_t *handle)
{
	struct docker_attach *attach = handle->data;

	attach->closed = true;
	if (attach->resolving) /* the resolver still has its request: its callback comes here again */
		return;
	if (attach->options.on_done != NULL)
		attach_report(attach);
	attach_free(attach);
}

static void attach_end(struct docker_attach *attach)
{
	if (attach->ended)
		return;
	attach->ended = true;
	live_timer_stop(attach->limit);
	attach->limit = NULL;
	uv_close(&attach->socket.handle, attach_closed);
}

/* Before the start it is only remembered: nobody waits for an answer yet. */
static void attach_fail(struct docker_attach *attach, const char *what, int error)
{
	const struct docker_endpoint *endpoint = docker_endpoint(attach->live);

	if (attach->ended || attach->problem.tag != VALUE_NULL)
		return;
	attach->problem =
	    value_string_printf("the Docker engine at %s: %s (%s)", endpoint->name, what, uv_strerror(error));
	if (attach->started)
		attach_end(attach);
}

/* The engine ended the connection: what is to be done next need not wait for our side of it. */
static void attach_complete(struct docker_attach *attach)
{
	attach_report(attach);
	attach->options.on_done = NULL;
	attach_end(attach);
}

static void attach_late(void *context)
{
	attach_fail(context, "cannot connect", UV_ETIMEDOUT);
}

void docker_attach_drop(struct docker_attach *attach)
{
	if (attach == NULL)
		return;
	attach->options.on_done = NULL;
	attach_end(attach);
}

/* ---- the answer's head ---- */

/* The value of a header in the head's lines, as a number; -1 where there is none. */
static long head_number(const char *head, const char *name)
{
	for (const char *line = strstr(head, "\r\n"); line != NULL && line[2] != '\0';
	     line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, strlen(name)) == 0 && line[2 + strlen(name)] == ':')
			return strtol(line + 2 + strlen(name) + 1, NULL, 10);
	return -1;
}

static void input_closed(uv_shutdown_t *shutdown, int status)
{
	(void)shutdown;
	(void)status; /* what the engine makes of it shows in the stream */
}

static void input_written(uv_write_t *write, int status)
{
	struct docker_attach *attach = write->data;

	/* A command that ends or closes its input early is no failure of ours: its exit code tells. */
	if (status == 0 && !attach->ended)
		uv_shutdown(&attach->shutdown, &attach->socket.stream, input_closed);
}

static void input_send(struct docker_attach *attach)
{
	uv_buf_t bytes =
	    uv_buf_init((char *)value_text_peek(attach->input), (unsigned)value_length(attach->input));

	attach->write_input.data = attach;
	uv_write(&attach->write_input, &attach->socket.stream, &bytes, 1, input_written);
}

/* True once the head is whole; what lies behind it in `answer` then belongs to the body. */
static bool head_find(struct docker_attach *attach)
{
	char *end;

	*buffer_reserve(&attach->answer, 1) = '\0';
	end = strstr(attach->answer.string->bytes, "\r\n\r\n");
	if (end == NULL)
		return false;
	attach->head_end = (size_t)(end + 4 - attach->answer.string->bytes);
	end[2] = '\0'; /* the head is now a string of its own */
	if (sscanf(attach->answer.string->bytes, "HTTP/1.%*d %d", &attach->status) != 1)
		attach->status = 0;
	attach->error_length = head_number(attach->answer.string->bytes, "Content-Length");
	return true;
}

static void stream_begin(struct docker_attach *attach)
{
	size_t length = attach->answer.length - attach->head_end;

	if (attach->input.tag == VALUE_STRING)
		input_send(attach);
	if (length > 0 && !attach->options.on_data(attach->options.context,
						   attach->answer.string->bytes + attach->head_end, length))
		attach_end(attach);
}

static bool error_is_whole(const struct docker_attach *attach)
{
	size_t length = attach->answer.length - attach->head_end;

	return length >= ERROR_MAX || (attach->error_length >= 0 && length >= (size_t)attach->error_length);
}

static void answer_came(struct docker_attach *attach, const char *bytes, size_t length)
{
	bool streaming = attach->head_end > 0 && (attach->status == 101 || attach->status == 200);

	if (streaming) {
		if (!attach->options.on_data(attach->options.context, bytes, length))
			attach_end(attach);
		return;
	}
	buffer_add(&attach->answer, bytes, length);
	if (attach->head_end == 0) {
		if (head_find(attach)) {
			if (attach->status == 101 || attach->status == 200) {
				stream_begin(attach);
				return;
			}
		} else if (attach->answer.length > HEAD_MAX) {
			attach_fail(attach, "its answer is not HTTP", UV_EPROTO);
			return;
		}
	}
	if (attach->head_end > 0 && error_is_whole(attach))
		attach_end(attach);
}

static void room_wanted(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
	struct docker_attach *attach = handle->data;

	(void)wanted;
	*buffer = uv_buf_init(attach->scratch, sizeof attach->scratch);
}

static void bytes_came(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	struct docker_attach *attach = stream->data;

	if (attach->options.on_done == NULL || attach->ended)
		return;
	if (count > 0)
		answer_came(attach, buffer->base, (size_t)count);
	else if (count == UV_EOF && attach->head_end > 0)
		attach_complete(attach);
	else if (count < 0)
		attach_fail(attach, "the connection ended", (int)count);
}

/* ---- the connection ---- */

static void head_written(uv_write_t *write, int status)
{
	if (status != 0)
		attach_fail(write->data, "cannot send", status);
}

static void attach_send(struct docker_attach *attach)
{
	uv_buf_t bytes =
	    uv_buf_init((char *)value_text_peek(attach->head), (unsigned)value_length(attach->head));

	attach->sent = true;
	attach->write_head.data = attach;
	uv_write(&attach->write_head, &attach->socket.stream, &bytes, 1, head_written);
	uv_read_start(&attach->socket.stream, room_wanted, bytes_came);
}

static void connected(uv_connect_t *connect, int status)
{
	struct docker_attach *attach = connect->data;

	if (attach->ended)
		return;
	live_timer_stop(attach->limit);
	attach->limit = NULL;
	if (status != 0) {
		attach_fail(attach, "cannot connect", status);
		return;
	}
	attach->connected = true;
	if (attach->started)
		attach_send(attach);
}

static void resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *found)
{
	struct docker_attach *attach = resolve->data;

	attach->resolving = false;
	if (!attach->ended && status == 0)
		status = uv_tcp_connect(&attach->connect, &attach->socket.tcp, found->ai_addr, connected);
	uv_freeaddrinfo(found);
	if (attach->closed)
		attach_closed(&attach->socket.handle);
	else if (status != 0)
		attach_fail(attach, "cannot connect", status);
}

static void connect_pipe(struct docker_attach *attach, const char *path)
{
	uv_pipe_init(live_loop(attach->live), &attach->socket.pipe, 0);
	uv_pipe_connect(&attach->connect, &attach->socket.pipe, path, connected);
}

/* `base` is http://HOST:PORT, HOST perhaps in brackets. */
static void connect_tcp(struct docker_attach *attach, const char *base)
{
	const char *host = strstr(base, "://") + 3, *colon = strrchr(host, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct value name;
	int status;

	name = *host == '[' ? value_string_n(host + 1, strcspn(host + 1, "]"))
			    : value_string_n(host, (size_t)(colon - host));
	uv_tcp_init(live_loop(attach->live), &attach->socket.tcp);
	attach->resolve.data = attach;
	status = uv_getaddrinfo(live_loop(attach->live), &attach->resolve, resolved, value_text_peek(name),
				colon + 1, &hints);
	attach->resolving = status == 0;
	if (status != 0)
		attach_fail(attach, "cannot resolve its name", status);
	value_release(name);
}

static struct value head_text(struct live *live, const struct value *path, const char *body, size_t length)
{
	struct buffer head = {0};

	buffer_printf(&head,
		      "POST /v%s%s HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
		      "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: %zu\r\n\r\n",
		      docker_version(live), value_text_peek(*path), length);
	buffer_add(&head, body, length);
	return buffer_finish(&head);
}

struct docker_attach *docker_attach_open(struct live *live, const struct docker_attach_options *options)
{
	struct docker_attach *attach = memory_need(calloc(1, sizeof *attach));
	const struct docker_endpoint *endpoint = docker_endpoint(live);

	attach->live = live;
	attach->options = *options;
	attach->head = attach->input = attach->problem = value_null();
	attach->error_length = -1;
	attach->connect.data = attach;
	attach->limit = live_timer_start(live, CONNECT_NS, attach_late, attach);
	if (endpoint->socket != NULL)
		connect_pipe(attach, endpoint->socket);
	else
		connect_tcp(attach, endpoint->base);
	attach->socket.handle.data = attach;
	return attach;
}

void docker_attach_start(struct docker_attach *attach, struct value path, struct value body,
			 struct value input)
{
	struct buffer json = {0};
	struct value text;

	json_write(&json, body, JSON_REVEAL);
	text = buffer_finish(&json);
	attach->head = head_text(attach->live, &path, value_text_peek(text), value_length(text));
	attach->input = value_copy(input);
	value_release(text);
	value_release(body);
	value_release(path);
	attach->started = true;
	if (attach->problem.tag != VALUE_NULL)
		attach_end(attach);
	else if (attach->connected)
		attach_send(attach);
}
