/*
 * engine_exec_main.c - engine_exec CONTAINER: runs `true` in it through the Docker engine's own interface and
 * prints how many nanoseconds passed from the request that starts it, on a connection that is already open,
 * to the end of its stream: what no client of the engine can go below.
 *
 * The engine is at /var/run/docker.sock, or where DOCKER_HOST=unix://PATH says.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define API "/v1.41" /* Docker 20.10 */

static char answer[64 * 1024];

static void fail(const char *what)
{
	fprintf(stderr, "engine_exec: %s\n", what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int engine_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *host = getenv("DOCKER_HOST");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s",
		 host != NULL && strncmp(host, "unix://", 7) == 0 ? host + 7 : "/var/run/docker.sock");
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		fail("no engine answers");
	return fd;
}

static void engine_send(int fd, const char *method, const char *path, const char *body, const char *header)
{
	char request[1024];
	int length = snprintf(request, sizeof request,
			      "%s " API "%s HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
			      "%sContent-Length: %zu\r\n\r\n%s",
			      method, path, header, strlen(body), body);

	if (length >= (int)sizeof request || write(fd, request, (size_t)length) != length)
		fail("the engine takes no request");
}

/* Reads to the end of the connection; the answer is terminated. */
static void engine_read(int fd)
{
	size_t length = 0;
	ssize_t got;

	while ((got = read(fd, answer + length, sizeof answer - 1 - length)) > 0)
		length += (size_t)got;
	if (got < 0)
		fail("the engine's answer is broken off");
	answer[length] = '\0';
	close(fd);
}

/* Asks on a connection of its own; the answer is in `answer`. */
static void engine_ask(const char *method, const char *path, const char *body)
{
	int fd = engine_connect();

	engine_send(fd, method, path, body, "Connection: close\r\n");
	engine_read(fd);
}

int main(int argc, char **argv)
{
	char path[200], *id;
	int64_t began, ended;
	int fd;

	if (argc != 2)
		fail("usage: engine_exec CONTAINER");
	snprintf(path, sizeof path, "/containers/%.100s/exec", argv[1]);
	engine_ask("POST", path, "{\"AttachStdout\":true,\"AttachStderr\":true,\"Cmd\":[\"true\"]}");
	id = strstr(answer, "\"Id\":\"");
	if (id == NULL || strlen(id) < 70)
		fail(answer);
	id[70] = '\0';
	snprintf(path, sizeof path, "/exec/%s/start", id + 6);
	fd = engine_connect();
	began = now_ns();
	engine_send(fd, "POST", path, "{\"Detach\":false,\"Tty\":false}", "");
	engine_read(fd);
	ended = now_ns();
	path[strlen(path) - strlen("start")] = '\0';
	strcat(path, "json");
	engine_ask("GET", path, "");
	if (strstr(answer, "\"ExitCode\":0") == NULL)
		fail(answer);
	printf("%lld\n", (long long)(ended - began));
	return 0;
}
