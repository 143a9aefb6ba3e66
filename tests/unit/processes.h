/*
 * processes.h - for tests: what runs because of this test, and nothing else of the machine. What the test
 * starts is known by a mark in its environment that no other run of the test has.
 */
#ifndef PROCESSES_H
#define PROCESSES_H

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline bool process_holds(int pid, const char *file, const char *bytes, size_t length)
{
	static char content[300000];
	char path[40];
	size_t size;
	FILE *stream;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	stream = fopen(path, "r");
	if (stream == NULL)
		return false;
	size = fread(content, 1, sizeof content, stream);
	fclose(stream);
	return memmem(content, size, bytes, length) != NULL;
}

/* Its id: of one with the mark that holds the bytes in /proc/ID/FILE (cmdline, environ). 0: there is none. */
static inline int process_find(const char *mark, const char *file, const char *bytes, size_t length)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int found = 0, pid;

	while (found == 0 && (entry = readdir(proc)) != NULL) {
		pid = atoi(entry->d_name);
		if (pid > 0 && pid != getpid() && process_holds(pid, file, bytes, length) &&
		    process_holds(pid, "environ", mark, strlen(mark)))
			found = pid;
	}
	closedir(proc);
	return found;
}

#endif
