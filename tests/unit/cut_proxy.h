/*
 * cut_proxy.h - between a client and a server on loopback, on a thread: hands on what both say, and once,
 * when it is told to, cuts the connection at the n-th message of the client. A client that waits for each
 * answer sends one message at a time.
 */
#ifndef CUT_PROXY_H
#define CUT_PROXY_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What becomes of the message at which it is cut, and of the server's side of the connection. */
enum cut {
	CUT_BEFORE, /* the server never gets it, and sees its client gone */
	CUT_AFTER,  /* the server has answered; the client never hears of it */
	CUT_HALF_BEFORE,
	CUT_HALF_AFTER, /* the same two, but the server is left to believe that its client is there */
	CUTS
};

#define PROXY_PAIRS 64

struct cut_proxy {
	int listener, port, server_port;
	pthread_t thread;
	atomic_int at;	/* messages left until it is cut; 0: none is */
	atomic_int how; /* enum cut */
	atomic_bool ends, refuses;
	int clients[PROXY_PAIRS], servers[PROXY_PAIRS]; /* -1: closed */
};

static inline bool proxy_pass(int from, int to)
{
	static _Thread_local char bytes[1 << 16];
	ssize_t got = read(from, bytes, sizeof bytes), sent = 0, more;

	while (got > 0 && sent < got &&
	       (more = send(to, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL)) > 0)
		sent += more;
	return got > 0 && sent == got;
}

static inline void proxy_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void proxy_cut(struct cut_proxy *proxy, int i)
{
	int how = atomic_load(&proxy->how), client = proxy->clients[i], server = proxy->servers[i];
	char bytes[4096];

	if (how == CUT_AFTER || how == CUT_HALF_AFTER) {
		proxy_pass(client, server);
		if (read(server, bytes, sizeof bytes) <= 0)
			abort();
	}
	proxy_close(&proxy->clients[i]);
	if (how == CUT_BEFORE || how == CUT_AFTER)
		proxy_close(&proxy->servers[i]);
}

static inline void proxy_client_speaks(struct cut_proxy *proxy, int i)
{
	char byte;
	int left = atomic_load(&proxy->at);

	if (left > 0 && recv(proxy->clients[i], &byte, 1, MSG_PEEK) > 0) {
		atomic_store(&proxy->at, left - 1);
		if (left == 1) {
			proxy_cut(proxy, i);
			return;
		}
	}
	if (!proxy_pass(proxy->clients[i], proxy->servers[i])) {
		proxy_close(&proxy->clients[i]);
		proxy_close(&proxy->servers[i]);
	}
}

static inline void proxy_take(struct cut_proxy *proxy)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)proxy->server_port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC), i = 0;
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	while (i < PROXY_PAIRS && (proxy->clients[i] >= 0 || proxy->servers[i] >= 0))
		i++;
	if (i == PROXY_PAIRS)
		abort();
	if (atomic_load(&proxy->refuses) ||
	    connect(server, (struct sockaddr *)&address, sizeof address) != 0) {
		close(client);
		close(server);
		return;
	}
	proxy->clients[i] = client;
	proxy->servers[i] = server;
}

static inline void *proxy_work(void *context)
{
	struct cut_proxy *proxy = context;

	while (!atomic_load(&proxy->ends)) {
		struct pollfd ready[1 + 2 * PROXY_PAIRS] = {{proxy->listener, POLLIN, 0}};

		for (int i = 0; i < PROXY_PAIRS; i++) {
			ready[1 + 2 * i] = (struct pollfd){proxy->clients[i], POLLIN, 0};
			/* A server whose client is gone is not listened to. */
			ready[2 + 2 * i] =
			    (struct pollfd){proxy->clients[i] >= 0 ? proxy->servers[i] : -1, POLLIN, 0};
		}
		poll(ready, 1 + 2 * PROXY_PAIRS, 20);
		if (ready[0].revents)
			proxy_take(proxy);
		for (int i = 0; i < PROXY_PAIRS; i++) {
			if (ready[2 + 2 * i].revents && !proxy_pass(proxy->servers[i], proxy->clients[i])) {
				proxy_close(&proxy->clients[i]);
				proxy_close(&proxy->servers[i]);
			} else if (ready[1 + 2 * i].revents) {
				proxy_client_speaks(proxy, i);
			}
		}
	}
	return NULL;
}

static inline void proxy_start(struct cut_proxy *proxy, int server_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;

	*proxy = (struct cut_proxy){.server_port = server_port};
	for (int i = 0; i < PROXY_PAIRS; i++)
		proxy->clients[i] = proxy->servers[i] = -1;
	proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(proxy->listener, (struct sockaddr *)&address, length) != 0 ||
	    listen(proxy->listener, 64) != 0 ||
	    getsockname(proxy->listener, (struct sockaddr *)&address, &length) != 0 ||
	    pthread_create(&proxy->thread, NULL, proxy_work, proxy) != 0)
		abort();
	proxy->port = ntohs(address.sin_port);
}

/* Once: at the n-th message from now on. */
static inline void proxy_arm(struct cut_proxy *proxy, int message, enum cut how)
{
	atomic_store(&proxy->how, (int)how);
	atomic_store(&proxy->at, message);
}

/* True: it was not reached. Nothing is cut any more. */
static inline bool proxy_disarm(struct cut_proxy *proxy)
{
	return atomic_exchange(&proxy->at, 0) > 0;
}

static inline void proxy_stop(struct cut_proxy *proxy)
{
	atomic_store(&proxy->ends, true);
	pthread_join(proxy->thread, NULL);
	close(proxy->listener);
	for (int i = 0; i < PROXY_PAIRS; i++) {
		proxy_close(&proxy->clients[i]);
		proxy_close(&proxy->servers[i]);
	}
}

#endif
