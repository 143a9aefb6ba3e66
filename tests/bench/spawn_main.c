/*
 * spawn_main.c - spawn COUNT [FILE]: starts /bin/true COUNT times with posix_spawn() and waits for each. With
 * FILE it appends a line of 100 bytes to it before and after each and waits until that is on the disk
 * (fdatasync): the intent and the outcome of a change, as a durable journal has them.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void commit(int fd)
{
	char line[100];

	if (fd < 0)
		return;
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	if (write(fd, line, sizeof line) != (ssize_t)sizeof line || fdatasync(fd) != 0) {
		perror("spawn");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0, fd = -1, status;
	char *command[] = {"/bin/true", NULL};
	pid_t child;

	if (argc > 2 && (fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0) {
		perror(argv[2]);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		commit(fd);
		if (posix_spawn(&child, command[0], NULL, NULL, command, environ) != 0 ||
		    waitpid(child, &status, 0) != child || status != 0)
			return 1;
		commit(fd);
	}
	return 0;
}
