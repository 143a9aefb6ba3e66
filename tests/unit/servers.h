/*
 * servers.h - servers for tests of builtins: real ones as child processes, ones that behave badly in a given
 * way, and certificates good and bad. What is started ends with the test, however that ends.
 */
#ifndef SERVERS_H
#define SERVERS_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline struct sockaddr_in servers_loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A socket that listens on a free port, with room for `backlog` who wait. */
static inline int servers_listen(int backlog, int *port)
{
	struct sockaddr_in address = servers_loopback(0);
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, backlog) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		abort();
	*port = ntohs(address.sin_port);
	return fd;
}

static inline int servers_free_port(void)
{
	int port, fd = servers_listen(1, &port);

	close(fd);
	return port;
}

static inline bool servers_reachable(int port)
{
	struct sockaddr_in address = servers_loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

	close(fd);
	return ok;
}

/* A program in `directory`, its output in the file `log` there; with a port: once that is reachable. -1: not.
 */
static inline pid_t servers_start(const char *directory, int port, const char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		int fd, null = open("/dev/null", O_RDONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(directory) != 0)
			_exit(126);
		fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(null, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	for (int i = 0; port > 0 && !servers_reachable(port); i++) {
		if (i == 200 || waitpid(pid, NULL, WNOHANG) == pid)
			return -1;
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	return pid;
}

static inline void servers_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* True where a line of shell, run in `directory`, ends with 0. */
static inline bool servers_shell(const char *directory, const char *line)
{
	const char *argv[] = {"sh", "-e", "-c", line, NULL};
	int status = -1;

	waitpid(servers_start(directory, 0, argv), &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline void servers_directory(char directory[40])
{
	strcpy(directory, "/tmp/runplan-test-XXXXXX");
	if (mkdtemp(directory) == NULL)
		abort();
}

static inline void servers_remove(const char *directory)
{
	if (strncmp(directory, "/tmp/runplan-test-", 18) == 0) {
		char line[80];

		snprintf(line, sizeof line, "rm -rf -- %s", directory);
		servers_shell("/", line);
	}
}

/*
 * A server that reads what comes first on each connection, sends `bytes`, and then hangs up, or says nothing
 * more. Without `reads` it does not wait for a word.
 */
struct canned {
	const char *bytes;
	size_t length;
	bool silent, hangs, resets; /* resets: hangs up so that what is on its way is lost */
};

static inline pid_t servers_canned(const struct canned *canned, int *port)
{
	int listener = servers_listen(16, port);
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int fd = accept(listener, NULL, NULL);
			char first[4096];

			if (!canned->silent && read(fd, first, sizeof first) < 0)
				_exit(1);
			for (size_t at = 0; at < canned->length;) {
				ssize_t n = send(fd, canned->bytes + at, canned->length - at, MSG_NOSIGNAL);

				if (n <= 0)
					break;
				at += (size_t)n;
			}
			if (canned->resets)
				setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
					   sizeof(struct linger));
			if (!canned->hangs)
				close(fd);
		}
	}
	close(listener);
	return pid;
}

/*
 * A port on which no connection is ever made, refused or answered: its queue is full, so that the kernel
 * drops what comes. The descriptors are to be closed by servers_unblock().
 */
struct deaf {
	int fds[8], count, port;
};

static inline struct deaf servers_deaf(void)
{
	struct deaf deaf = {.count = 8};
	struct sockaddr_in address;

	deaf.fds[0] = servers_listen(0, &deaf.port);
	address = servers_loopback(deaf.port);
	for (int i = 1; i < deaf.count; i++) {
		deaf.fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(deaf.fds[i], (struct sockaddr *)&address, sizeof address) == 0)
			continue;
	}
	return deaf;
}

static inline void servers_undeaf(struct deaf *deaf)
{
	for (int i = 0; i < deaf->count; i++)
		close(deaf->fds[i]);
}

/*
 * In `directory`: ca.pem, and NAME.pem with NAME.key for good (localhost and 127.0.0.1), expired, future,
 * wrong (another host's name), all signed by it, and self (signed by itself).
 */
static inline bool servers_certificates(const char *directory)
{
	return servers_shell(
	    directory,
	    "key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
	    "openssl req -x509 $key -keyout ca.key -out ca.pem -subj '/CN=Test CA' -days 30\n"
	    "touch index.txt; echo 1000 >serial\n"
	    "printf '%s\\n' '[ca]' default_ca=d '[d]' database=index.txt serial=serial new_certs_dir=. "
	    "default_md=sha256 policy=p unique_subject=no copy_extensions=copy '[p]' "
	    "organizationName=optional "
	    "commonName=supplied >ca.cnf\n"
	    "good='DNS:localhost,DNS:app.example,IP:127.0.0.1'\n"
	    "make() {\n"
	    "  openssl req $key -keyout $1.key -out $1.csr -subj \"/O=Tests/CN=$2\" -addext "
	    "\"subjectAltName=$3\"\n"
	    "  openssl ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -in $1.csr -out $1.pem "
	    "-startdate $4 -enddate $5\n"
	    "}\n"
	    "make good localhost \"$good\" 20240101000000Z 20991231235959Z\n"
	    "make expired localhost \"$good\" 20200101000000Z 20200201000000Z\n"
	    "make future localhost \"$good\" 20980101000000Z 20991231235959Z\n"
	    "make wrong elsewhere.example DNS:elsewhere.example 20240101000000Z 20991231235959Z\n"
	    "openssl req -x509 $key -keyout self.key -out self.pem -subj /CN=localhost -addext "
	    "\"subjectAltName=$good\" -days 30\n");
}

#endif
