#include "builtins/docker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file of /proc/PID, cut to `size`. These are made in memory: reading one does not block. */
static bool proc_read(int pid, const char *name, char *text, size_t size)
{
	char path[64];
	size_t length = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (length < size - 1 &&
	       ((got = read(fd, text + length, size - 1 - length)) > 0 || (got < 0 && errno == EINTR)))
		length += got > 0 ? (size_t)got : 0;
	text[length] = '\0';
	close(fd);
	return length > 0;
}

static bool leads_group(int pid)
{
	char text[512];
	const char *after;
	int group;

	if (!proc_read(pid, "stat", text, sizeof text) || (after = strrchr(text, ')')) == NULL)
		return false;
	return sscanf(after + 1, " %*c %*d %d", &group) == 1 && group == pid;
}

/* The last number of NSpid is the id in the innermost namespace. */
static int inner_pid(int pid)
{
	char text[4096], *line, *end;
	int inner = 0;

	if (!proc_read(pid, "status", text, sizeof text) || (line = strstr(text, "\nNSpid:")) == NULL)
		return 0;
	line += strlen("\nNSpid:");
	line[strcspn(line, "\n")] = '\0';
	for (;;) {
		long number = strtol(line, &end, 10);

		if (end == line)
			return inner;
		inner = (int)number;
		line = end;
	}
}

enum docker_signal docker_process_signal(const char *container_id, int pid, int signal, int *inner)
{
	char groups[8192];

	*inner = 0;
	/* A pid that was used again since the engine told it belongs to another control group. */
	if (pid <= 1 || strlen(container_id) < 12 || !proc_read(pid, "cgroup", groups, sizeof groups) ||
	    strstr(groups, container_id) == NULL)
		return DOCKER_SIGNAL_NOT_HERE;
	if (kill(leads_group(pid) ? -pid : pid, signal) == 0)
		return DOCKER_SIGNAL_SENT;
	if (errno != EPERM)
		return DOCKER_SIGNAL_NOT_HERE;
	*inner = inner_pid(pid);
	return DOCKER_SIGNAL_NOT_ALLOWED;
}
