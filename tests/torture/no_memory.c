/*
 * no_memory.c - preloaded: the n-th allocation that runplan itself makes fails.
 *
 * NO_MEMORY=N, from 1; with NO_MEMORY_ALL those that libraries make are counted as well.
 * NO_MEMORY_COUNT=FILE: how many there were. Other programs (the commands of a plan) are left alone.
 * SHORT_WRITES=1: pwrite() writes half of what it is given.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static uintptr_t code_from, code_to;
static long fail_at;
static bool ours, everything, short_writes;
static atomic_long count;
static pid_t process;

/* The first object is the program itself. */
static int note_code(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
			code_from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			code_to = code_from + info->dlpi_phdr[i].p_memsz;
		}
	return 1;
}

__attribute__((constructor)) static void begin(void)
{
	const char *number = getenv("NO_MEMORY");

	if (strncmp(program_invocation_short_name, "runplan", 7) != 0)
		return;
	dl_iterate_phdr(note_code, NULL);
	fail_at = number ? atol(number) : 0;
	everything = getenv("NO_MEMORY_ALL") != NULL;
	short_writes = getenv("SHORT_WRITES") != NULL;
	process = getpid();
	ours = true;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("NO_MEMORY_COUNT");
	char text[24];
	int fd, length;

	if (!ours || !path || getpid() != process)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	length = snprintf(text, sizeof(text), "%ld\n", atomic_load(&count));
	if (fd >= 0 && write(fd, text, (size_t)length) == length)
		close(fd);
}

static bool fails(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;

	if (!ours || (!everything && (at < code_from || at >= code_to)))
		return false;
	if (atomic_fetch_add(&count, 1) + 1 != fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

char *strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

char *strndup(const char *text, size_t length)
{
	size_t size = strnlen(text, length);
	char *copy = fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size + 1);

	if (!copy)
		return NULL;
	copy[size] = '\0';
	return memcpy(copy, text, size);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
	if (short_writes && length > 1)
		length = (length + 1) / 2;
	return syscall(SYS_pwrite64, fd, bytes, length, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	return pwrite64(fd, bytes, length, at);
}
