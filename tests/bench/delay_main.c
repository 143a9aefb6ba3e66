/*
 * delay_main.c - delay PORT MILLISECONDS: an HTTP/1.1 server on 127.0.0.1 that answers each request with a
 * small JSON body of status 200, that long after it came. One thread; connections are kept; a request is what
 * ends with an empty line, without a body. Ends with its parent.
 */
#define _GNU_SOURCE 1 /* accept4(), epoll_pwait2() */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 4096  /* a descriptor is the index of its connection */
#define WAITING	    65536 /* answers that are due: a ring, as all wait equally long */
#define REQUEST_MAX 4096

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
			     "{\"status\":\"ok\"}\n";

struct connection {
	unsigned generation; /* of the descriptor, which is used again */
	size_t length;
	char bytes[REQUEST_MAX];
};

struct due {
	int64_t at;
	int fd;
	unsigned generation;
};

struct server {
	int listener, epoll;
	int64_t delay_ns;
	struct connection *connections;
	struct due *due;
	size_t first, last; /* of the ring: first == last is none */
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void answer_send(int fd)
{
	if (write(fd, answer, sizeof answer - 1) < 0 && errno != EPIPE && errno != ECONNRESET)
		perror("delay");
}

static void answer_later(struct server *server, int fd)
{
	if (server->delay_ns == 0) {
		answer_send(fd);
		return;
	}
	server->due[server->last++ % WAITING] =
	    (struct due){now_ns() + server->delay_ns, fd, server->connections[fd].generation};
}

static void answers_due(struct server *server)
{
	int64_t now = now_ns();

	for (; server->first != server->last; server->first++) {
		const struct due *due = &server->due[server->first % WAITING];

		if (due->at > now)
			return;
		if (server->connections[due->fd].generation == due->generation)
			answer_send(due->fd);
	}
}

static void connections_accept(struct server *server)
{
	int fd, on = 1;

	while ((fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fd >= CONNECTIONS) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		server->connections[fd].length = 0;
		epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd,
			  &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
	}
}

static void connection_read(struct server *server, int fd)
{
	struct connection *one = &server->connections[fd];
	ssize_t got = read(fd, one->bytes + one->length, REQUEST_MAX - 1 - one->length);
	char *end;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		one->generation++;
		close(fd);
		return;
	}
	one->length += (size_t)got;
	one->bytes[one->length] = '\0';
	while ((end = strstr(one->bytes, "\r\n\r\n")) != NULL) {
		end += 4;
		one->length -= (size_t)(end - one->bytes);
		memmove(one->bytes, end, one->length + 1);
		answer_later(server, fd);
	}
}

static void serve(struct server *server)
{
	struct epoll_event events[256];

	for (;;) {
		int64_t left = 0;
		int count;

		if (server->first != server->last)
			left = server->due[server->first % WAITING].at - now_ns();
		if (left < 0)
			left = 0;
		count = epoll_pwait2(server->epoll, events, 256,
				     server->first == server->last
					 ? NULL
					 : &(struct timespec){left / 1000000000, left % 1000000000},
				     NULL);
		answers_due(server);
		for (int i = 0; i < count; i++)
			if (events[i].data.fd == server->listener)
				connections_accept(server);
			else
				connection_read(server, events[i].data.fd);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct server server = {.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
				.epoll = epoll_create1(EPOLL_CLOEXEC)};
	int on = 1;

	if (argc != 3) {
		fprintf(stderr, "usage: delay PORT MILLISECONDS\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	server.delay_ns = atoi(argv[2]) * INT64_C(1000000);
	server.connections = calloc(CONNECTIONS, sizeof *server.connections);
	server.due = calloc(WAITING, sizeof *server.due);
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (server.connections == NULL || server.due == NULL ||
	    bind(server.listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(server.listener, CONNECTIONS) != 0) {
		perror("delay");
		return 1;
	}
	epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener,
		  &(struct epoll_event){.events = EPOLLIN, .data.fd = server.listener});
	serve(&server);
}
