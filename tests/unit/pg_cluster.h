/*
 * pg_cluster.h - a private PostgreSQL server for tests: made with initdb in a directory of its own, asked for
 * a password (SCRAM), reached through a socket in that directory and a free port of the loopback, and gone
 * with the test, however that ends.
 */
#ifndef PG_CLUSTER_H
#define PG_CLUSTER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "builtins/lazy.h"
#include "builtins/live.h"

#define PG_PASSWORD	   "p'w \\%@:/é#1" /* what a careless quoting would trip over */
#define PG_PASSWORD_IN_URL "p%27w%20%5C%25%40%3A%2F%C3%A9%231"

struct pg_cluster {
	char directory[64], bin[64];
	int port;
	pid_t postmaster;
	uid_t uid;
	gid_t gid;
};

/* Becomes the user postgres where we are root, which PostgreSQL refuses to run as. Only in a child. */
static inline void pg_cluster_drop(const struct pg_cluster *cluster)
{
	if (getuid() != 0)
		return;
	if (setgroups(0, NULL) != 0 || setgid(cluster->gid) != 0 || setuid(cluster->uid) != 0)
		_exit(126);
}

static inline pid_t pg_cluster_spawn(const struct pg_cluster *cluster, const char *const *argv)
{
	char log[96];
	pid_t pid;

	snprintf(log, sizeof log, "%s/log", cluster->directory);
	pid = fork();
	if (pid == 0) {
		int fd;

		pg_cluster_drop(cluster);
		prctl(PR_SET_PDEATHSIG, SIGQUIT);
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(fd, 1);
		dup2(fd, 2);
		if (chdir(cluster->directory) != 0)
			_exit(126);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid;
}

static inline int pg_cluster_run(const struct pg_cluster *cluster, const char *const *argv)
{
	int status = -1;

	waitpid(pg_cluster_spawn(cluster, argv), &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int pg_cluster_free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&address, length) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		abort();
	close(fd);
	return ntohs(address.sin_port);
}

static inline bool pg_cluster_find(struct pg_cluster *cluster)
{
	struct passwd *user = getpwnam("postgres");
	glob_t found = {0};
	char *slash;

	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0 && found.gl_pathc > 0)
		snprintf(cluster->bin, sizeof cluster->bin, "%s", found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	slash = strrchr(cluster->bin, '/');
	if (!slash || (getuid() == 0 && !user))
		return false;
	*slash = '\0';
	cluster->uid = getuid() == 0 ? user->pw_uid : getuid();
	cluster->gid = getuid() == 0 ? user->pw_gid : getgid();
	return true;
}

static inline bool pg_cluster_init(struct pg_cluster *cluster)
{
	char initdb[96], data[96], password[96], pwfile[112];
	const char *argv[] = {initdb,	   "-D",
			      data,	   "-U",
			      "admin",	   "--auth=scram-sha-256",
			      pwfile,	   "-E",
			      "UTF8",	   "--locale=C.UTF-8",
			      "--no-sync", NULL};
	FILE *file;

	strcpy(cluster->directory, "/tmp/runplan-pg-XXXXXX");
	if (!mkdtemp(cluster->directory))
		return false;
	snprintf(initdb, sizeof initdb, "%s/initdb", cluster->bin);
	snprintf(data, sizeof data, "%s/data", cluster->directory);
	snprintf(password, sizeof password, "%s/password", cluster->directory);
	snprintf(pwfile, sizeof pwfile, "--pwfile=%s", password);
	file = fopen(password, "w");
	fprintf(file, "%s\n", PG_PASSWORD);
	fclose(file);
	if (getuid() == 0 && (chown(cluster->directory, cluster->uid, cluster->gid) != 0 ||
			      chown(password, cluster->uid, cluster->gid) != 0))
		return false;
	return pg_cluster_run(cluster, argv) == 0;
}

/* Starts (or starts again) the server and waits until it takes connections. */
static inline bool pg_cluster_serve(struct pg_cluster *cluster)
{
	char postgres[96], data[96], port[16], error[200];
	const char *argv[] = {postgres,
			      "-D",
			      data,
			      "-p",
			      port,
			      "-k",
			      cluster->directory,
			      "-c",
			      "fsync=off",
			      "-c",
			      "listen_addresses=127.0.0.1",
			      "-c",
			      "max_connections=40",
			      "-c",
			      "log_min_messages=fatal",
			      NULL};
	const char *keys[] = {"host", "port", NULL}, *values[] = {cluster->directory, port, NULL};
	const struct pq_api *pq = pq_load(error, sizeof error);
	int i;

	snprintf(postgres, sizeof postgres, "%s/postgres", cluster->bin);
	snprintf(data, sizeof data, "%s/data", cluster->directory);
	snprintf(port, sizeof port, "%d", cluster->port);
	cluster->postmaster = pg_cluster_spawn(cluster, argv);
	for (i = 0; pq && i < 300; i++) {
		if (pq->PQpingParams(keys, values, 0) == PQPING_OK)
			return true;
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	return false;
}

static inline void pg_cluster_halt(struct pg_cluster *cluster, int signal_number)
{
	if (cluster->postmaster > 0) {
		kill(cluster->postmaster, signal_number);
		waitpid(cluster->postmaster, NULL, 0);
	}
	cluster->postmaster = 0;
}

static inline void pg_cluster_remove(const char *directory)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", "--", directory, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static inline void pg_cluster_stop(struct pg_cluster *cluster)
{
	pg_cluster_halt(cluster, SIGQUIT);
	if (cluster->directory[0])
		pg_cluster_remove(cluster->directory);
	cluster->directory[0] = '\0';
}

static inline bool pg_cluster_start(struct pg_cluster *cluster)
{
	*cluster = (struct pg_cluster){.port = pg_cluster_free_port()};
	if (!pg_cluster_find(cluster)) {
		fprintf(stderr, "PostgreSQL's server programs are not installed (postgresql-15)\n");
		return false;
	}
	if (pg_cluster_init(cluster) && pg_cluster_serve(cluster))
		return true;
	fprintf(stderr, "the test's PostgreSQL server did not start; see %s/log\n", cluster->directory);
	pg_cluster_halt(cluster, SIGQUIT);
	return false;
}

#endif
