/*
 * http_serve.h - a real HTTP server on loopback for tests, in a process of its own, a thread for each
 * connection.
 *
 *   /ok           200, {"ok": true}             /status/N    that status, body "status N"
 *   /echo         the request, as text           /slow/MS     200 after so many milliseconds
 *   /big/N        N bytes, no length announced   /chunked/N   N bytes in chunks
 *   /cut          announces 1000 bytes, sends 100, closes
 *   /drip         a byte each 50 ms, without end /hang        reads the request, never answers
 *   /close        closes without an answer       /once        answers once a connection, then closes it
 * unasked /redirect/N   302 to /redirect/N-1 ... /ok   /loop        302 to itself      /away  302 to a file:
 * URL /headers      repeated and odd headers       /manyheaders  1 MB of headers   /count  requests so far
 *   anything else                                what `answer` of the server says
 */
#ifndef HTTP_SERVE_H
#define HTTP_SERVE_H

#ifndef _GNU_SOURCE
#error "define _GNU_SOURCE first: strcasestr() is used"
#endif

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct serve {
	int listener;
	int port;
	pid_t pid;
	const char *unix_path;
	/* The body for a path that is not above, and its content type; NULL: 404. */
	const char *(*answer)(const char *path, const char **type, int *status);
};

/* One connection, on its own thread. */
struct serve_connection {
	const struct serve *serve;
	int fd;
};

static int serve_requests; /* in the server's process */

static void serve_sleep(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static int serve_send(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

__attribute__((format(printf, 2, 3))) static int serve_printf(int fd, const char *format, ...)
{
	char text[4096];
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(text, sizeof text, format, list);
	va_end(list);
	return serve_send(fd, text, (size_t)n);
}

static int serve_reply(int fd, int status, const char *type, const char *body, size_t length)
{
	if (serve_printf(fd, "HTTP/1.1 %d Text\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status,
			 type, length) != 0)
		return -1;
	return serve_send(fd, body, length);
}

static int serve_fill(int fd, long count, int chunked)
{
	static char block[10000];

	memset(block, 'x', sizeof block);
	serve_printf(fd, "HTTP/1.1 200 OK\r\n%s\r\n",
		     chunked ? "Transfer-Encoding: chunked\r\n" : "Connection: close\r\n");
	while (count > 0) {
		long n = count < (long)sizeof block ? count : (long)sizeof block;

		if (chunked)
			serve_printf(fd, "%lx\r\n", n);
		if (serve_send(fd, block, (size_t)n) != 0)
			return -1;
		if (chunked)
			serve_send(fd, "\r\n", 2);
		count -= n;
	}
	if (chunked)
		serve_printf(fd, "0\r\nX-Trailer: late\r\n\r\n");
	return chunked ? 0 : -1;
}

/* 0: the connection may be used again. `request` is the whole head; the body follows it in memory. */
static int serve_one(const struct serve *serve, int fd, const char *method, const char *path,
		     const char *request, size_t length)
{
	char text[200];
	const char *type = "text/plain", *body;
	int status = 200;

	if (strcmp(path, "/ok") == 0)
		return serve_reply(fd, 200, "application/json",
				   strcmp(method, "HEAD") ? "{\"ok\": true}" : "",
				   strcmp(method, "HEAD") ? 12 : 0);
	if (strncmp(path, "/status/", 8) == 0) {
		int n = snprintf(text, sizeof text, "status %s", path + 8), code = atoi(path + 8);

		if (code == 204 || code == 304) /* these have no body */
			return serve_printf(fd, "HTTP/1.1 %d Text\r\n\r\n", code);
		return serve_reply(fd, code, "text/plain", text, (size_t)n);
	}
	if (strncmp(path, "/echo", 5) == 0)
		return serve_reply(fd, 200, "text/plain", request, length);
	if (strncmp(path, "/slow/", 6) == 0) {
		serve_sleep(atol(path + 6));
		return serve_reply(fd, 200, "text/plain", "slow", 4);
	}
	if (strncmp(path, "/big/", 5) == 0)
		return serve_fill(fd, atol(path + 5), 0);
	if (strncmp(path, "/chunked/", 9) == 0)
		return serve_fill(fd, atol(path + 9), 1);
	if (strcmp(path, "/cut") == 0) {
		serve_printf(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n%0100d", 0);
		return -1;
	}
	if (strcmp(path, "/drip") == 0) {
		serve_printf(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
		while (serve_send(fd, "x", 1) == 0)
			serve_sleep(50);
		return -1;
	}
	if (strcmp(path, "/hang") == 0) {
		char byte;

		while (recv(fd, &byte, 1, 0) > 0)
			;
		return -1;
	}
	if (strcmp(path, "/close") == 0)
		return -1;
	if (strcmp(path, "/once") == 0) {
		serve_reply(fd, 200, "text/plain", "once", 4);
		return -1;
	}
	if (strncmp(path, "/redirect/", 10) == 0) {
		int left = atoi(path + 10);

		if (left > 0)
			snprintf(text, sizeof text, "/redirect/%d", left - 1);
		else
			snprintf(text, sizeof text, "/ok");
		return serve_printf(
		    fd, "HTTP/1.1 302 Found\r\nX-Hop: %d\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", left,
		    text);
	}
	if (strcmp(path, "/loop") == 0)
		return serve_printf(fd, "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
	if (strcmp(path, "/away") == 0)
		return serve_printf(
		    fd, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
	if (strcmp(path, "/headers") == 0)
		return serve_printf(fd, "HTTP/1.1 200 OK\r\nX-One:  first \r\nx-one: second\r\nX-Empty:\r\n"
					"Content-Length: 2\r\n\r\nok");
	if (strcmp(path, "/manyheaders") == 0) {
		serve_printf(fd, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < 2000; i++)
			if (serve_printf(fd, "X-%d: %0500d\r\n", i, 0) != 0)
				return -1;
		return serve_printf(fd, "Content-Length: 0\r\n\r\n");
	}
	if (strcmp(path, "/count") == 0) {
		int n = snprintf(text, sizeof text, "%d", serve_requests);

		return serve_reply(fd, 200, "application/json", text, (size_t)n);
	}
	body = serve->answer == NULL ? NULL : serve->answer(path, &type, &status);
	if (body == NULL)
		return serve_reply(fd, 404, "text/plain", "no such path", 12);
	return serve_reply(fd, status, type, body, strlen(body));
}

/* Reads one whole request into `buffer`; its length, or 0. */
static size_t serve_read(int fd, char *buffer, size_t size)
{
	size_t have = 0, want = 0;

	for (;;) {
		char *end = have ? strstr(buffer, "\r\n\r\n") : NULL;
		ssize_t n;

		if (end != NULL && want == 0) {
			char *at = strcasestr(buffer, "\r\nContent-Length:");

			want =
			    (size_t)(end + 4 - buffer) + (at != NULL && at < end ? (size_t)atol(at + 17) : 0);
		}
		if (want != 0 && have >= want)
			return have;
		if (have + 1 >= size)
			return 0;
		n = recv(fd, buffer + have, size - have - 1, 0);
		if (n <= 0)
			return 0;
		have += (size_t)n;
		buffer[have] = '\0';
	}
}

static void *serve_connection(void *context)
{
	struct serve_connection *connection = context;
	size_t size = 1 << 20, length;
	char *buffer = malloc(size), method[20], path[1000];

	while ((length = serve_read(connection->fd, buffer, size)) > 0) {
		__atomic_add_fetch(&serve_requests, 1, __ATOMIC_SEQ_CST);
		if (sscanf(buffer, "%19s %999s", method, path) != 2 ||
		    serve_one(connection->serve, connection->fd, method, path, buffer, length) != 0)
			break;
	}
	close(connection->fd);
	free(buffer);
	free(connection);
	return NULL;
}

static void serve_loop(const struct serve *serve)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 256 * 1024);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	for (;;) {
		struct serve_connection *connection = malloc(sizeof *connection);
		pthread_t thread;

		connection->serve = serve;
		connection->fd = accept(serve->listener, NULL, NULL);
		if (connection->fd < 0 ||
		    pthread_create(&thread, &attributes, serve_connection, connection) != 0)
			_exit(1);
	}
}

/* Starts the server; with `unix_path` on that socket, else on a free port. It ends with this process or
 * serve_stop(). */
static void serve_start(struct serve *serve)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	socklen_t length = sizeof address;

	if (serve->unix_path != NULL) {
		snprintf(path.sun_path, sizeof path.sun_path, "%s", serve->unix_path);
		unlink(serve->unix_path);
		serve->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (bind(serve->listener, (struct sockaddr *)&path, sizeof path) != 0)
			abort();
	} else {
		serve->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (bind(serve->listener, (struct sockaddr *)&address, sizeof address) != 0)
			abort();
		getsockname(serve->listener, (struct sockaddr *)&address, &length);
		serve->port = ntohs(address.sin_port);
	}
	if (listen(serve->listener, 1024) != 0)
		abort();
	serve->pid = fork();
	if (serve->pid != 0) {
		close(serve->listener);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	serve_loop(serve);
}

static void serve_stop(struct serve *serve)
{
	kill(serve->pid, SIGKILL);
	waitpid(serve->pid, NULL, 0);
}

#endif
