/*
 * measure_main.c - measure COMMAND [ARGUMENT...]: runs it once and prints on standard output
 *
 *     WALL_NS CPU_US PEAK_KB STATUS
 *
 * WALL_NS is from before posix_spawn() to behind wait4(); CPU_US is user and system time of the process and
 * of all whose end it waited for; PEAK_KB is the largest resident set of a single one of them, and never less
 * than that of this program (1.5 to 3 MB); STATUS is the exit code, or 128 and the signal. Standard input and
 * output of the command are /dev/null, standard error is the file that MEASURE_ERRORS names, or /dev/null.
 *
 * A small program of its own, so that the child's figures hold nothing of a larger parent's.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t microseconds(struct timeval time)
{
	return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

int main(int argc, char **argv)
{
	const char *errors = getenv("MEASURE_ERRORS");
	posix_spawn_file_actions_t files;
	struct rusage usage;
	int64_t began, ended;
	int error, status;
	pid_t child;

	if (argc < 2) {
		fprintf(stderr, "usage: measure COMMAND [ARGUMENT...]\n");
		return 2;
	}
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, 2, errors == NULL ? "/dev/null" : errors,
					 O_WRONLY | O_CREAT | O_TRUNC, 0600);
	began = now_ns();
	error = posix_spawnp(&child, argv[1], &files, NULL, argv + 1, environ);
	if (error != 0) {
		fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(error));
		return 127;
	}
	if (wait4(child, &status, 0, &usage) != child)
		return 1;
	ended = now_ns();
	posix_spawn_file_actions_destroy(&files);
	printf("%lld %lld %ld %d\n", (long long)(ended - began),
	       (long long)(microseconds(usage.ru_utime) + microseconds(usage.ru_stime)), usage.ru_maxrss,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
