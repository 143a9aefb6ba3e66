/*
 * guard.c - see guard.h.
 *
 * What stands behind "safe after fork()" is called in a copy of a process of several threads: no malloc(), no
 * stdio, no locks. Nor is there a heap in it: the guardian does without, so that it costs the same however
 * much a run holds, and keeps no copy of it.
 */
#define _GNU_SOURCE 1 /* _Fork(), F_OFD_SETLK, getdents64(), pipe2() */
#include "builtins/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PLACES	    16384		   /* far more than there are descriptors for */
#define LOOK_NS	    (5 * INT64_C(1000000)) /* at groups that are ending: at first, and then */
#define LOOK_MAX_NS (100 * INT64_C(1000000))

/* ---- who is there (safe after fork) ---- */

static int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void sleep_ns(int64_t ns)
{
	nanosleep(&(struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000}, NULL);
}

/* A whole number from `text` on; *end behind it. */
static unsigned long number_at(const char *text, const char **end)
{
	unsigned long number = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		number = number * 10 + (unsigned long)(*text - '0');
	*end = text;
	return number;
}

/* Where field `number` (from 3 on) of a /proc/PID/stat begins; NULL: there is none. (man 5 proc) */
static const char *stat_field(const char *text, int number)
{
	const char *at = strrchr(text, ')');

	for (int i = 2; at != NULL && i < number; i++) {
		at = strchr(at, ' ');
		at += at != NULL;
	}
	return at;
}

static bool read_file(int directory, const char *path, char *text, size_t size)
{
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length > 0;
}

/* The process group of the process with this entry in /proc; 0: it has ended, or is about to. */
static pid_t group_of(int proc, const char *name)
{
	char path[32], text[512];
	const char *state, *group, *end;
	size_t length = strlen(name);

	if (length > 20)
		return 0;
	memcpy(path, name, length);
	memcpy(path + length, "/stat", 6);
	if (!read_file(proc, path, text, sizeof text))
		return 0;
	state = stat_field(text, 3);
	group = stat_field(text, 5);
	if (state == NULL || group == NULL || *state == 'Z' || *state == 'X')
		return 0;
	return (pid_t)number_at(group, &end);
}

/* Marks, by a minus, those groups that this process is of; one that has only just been made is of ours still.
 */
static void mark(pid_t *groups, size_t count, pid_t process, pid_t group)
{
	for (size_t i = 0; i < count; i++)
		if (groups[i] > 0 && (groups[i] == group || groups[i] == process))
			groups[i] = -groups[i];
}

static void mark_living(int proc, pid_t *groups, size_t count)
{
	_Alignas(struct dirent64) char entries[4096];
	ssize_t length;

	while ((length = getdents64(proc, entries, sizeof entries)) > 0)
		for (ssize_t at = 0; at < length;) {
			const struct dirent64 *entry = (const void *)(entries + at);
			const char *end;
			pid_t process = (pid_t)number_at(entry->d_name, &end), group;

			at += entry->d_reclen;
			group = process > 0 && *end == '\0' ? group_of(proc, entry->d_name) : 0;
			if (group > 0)
				mark(groups, count, process, group);
		}
}

static size_t keep(pid_t *groups, size_t count, bool (*wanted)(pid_t group))
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (wanted(groups[i]))
			groups[kept++] = groups[i] < 0 ? -groups[i] : groups[i];
	return kept;
}

static bool is_marked(pid_t group)
{
	return group < 0;
}

static bool is_there(pid_t group)
{
	return group > 0 && (kill(-group, 0) == 0 || errno != ESRCH || kill(group, 0) == 0 || errno != ESRCH);
}

/*
 * A signal also reaches zombies, and in a container nobody may ever collect those that lost their parent; so
 * where kill() finds someone, /proc tells who.
 */
size_t guard_living(pid_t *groups, size_t count)
{
	int proc;

	count = keep(groups, count, is_there);
	proc = count > 0 ? open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (proc < 0)
		return count;
	mark_living(proc, groups, count);
	close(proc);
	return keep(groups, count, is_marked);
}

/* ---- the guardian (safe after fork) ---- */

/* Where the memory of a process has what; 0 where nobody says it. */
struct layout {
	unsigned long heap, arguments, environment_end;
};

static void send(const pid_t *groups, size_t count, int signal)
{
	for (size_t i = 0; i < count; i++)
		/* one that was only just made has no group of its own yet */
		if (kill(-groups[i], signal) != 0 && errno == ESRCH)
			kill(groups[i], signal);
}

static void end_groups(pid_t *groups)
{
	int64_t began = clock_ns(), look = LOOK_NS;
	size_t count = guard_living(groups, PLACES);

	send(groups, count, SIGTERM);
	send(groups, count, SIGCONT);
	while (count > 0 && clock_ns() - began < GUARD_GRACE_NS + GUARD_LAST_NS) {
		sleep_ns(look);
		look = look * 2 < LOOK_MAX_NS ? look * 2 : LOOK_MAX_NS;
		count = guard_living(groups, count);
		if (clock_ns() - began >= GUARD_GRACE_NS)
			send(groups, count, SIGKILL);
	}
}

/* For ps: the arguments of a run, and whatever its environment holds, are not ours to show. */
static void take_name(const struct layout *layout, const char *name)
{
	size_t room = layout->environment_end - layout->arguments, length = strlen(name);

	prctl(PR_SET_NAME, "runplan-guard");
	if (layout->arguments == 0 || layout->environment_end <= layout->arguments)
		return;
	memset((void *)layout->arguments, 0, room);
	memcpy((void *)layout->arguments, name, length < room ? length : room - 1);
}

static void close_from(int first)
{
	if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0)
		return;
	/* Before Linux 5.9 one by one. */
	for (long fd = first, end = sysconf(_SC_OPEN_MAX); fd < end && fd < 65536; fd++)
		close((int)fd);
}

static _Noreturn void guardian(pid_t *groups, int alive, int lock, const struct layout *layout,
			       const char *name)
{
	char byte;
	ssize_t got;

	setsid();
	if (dup2(alive, 0) < 0 || (lock >= 0 && dup2(lock, 1) < 0))
		_exit(1);
	close_from(lock >= 0 ? 2 : 1);
	if (chdir("/") != 0)
		errno = 0; /* then its folder stays in use for as long */
	take_name(layout, name);
	do
		got = read(0, &byte, 1);
	while (got < 0 && errno == EINTR);
	if (got == 0)
		end_groups(groups);
	_exit(0);
}

/* ---- a guardian is there: how others see it ---- */

/*
 * One file for all guardians of a state; each holds a byte of it, found by its process's name, for as long as
 * it lives. -1: there is none.
 */
static int open_byte(const char *directory, const char *process, struct flock *byte)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	size_t room = strlen(directory) + 24;
	char *path = malloc(room);
	int fd;

	if (path == NULL)
		return -1;
	for (; *process != '\0'; process++)
		hash = (hash ^ (unsigned char)*process) * UINT64_C(0x100000001b3);
	*byte = (struct flock){
	    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)(hash >> 2), .l_len = 1};
	snprintf(path, room, "%s/locks", directory);
	if (mkdir(path, 0700) != 0)
		errno = 0; /* it is there, or open() fails */
	snprintf(path, room, "%s/locks/guardians", directory);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(path);
	return fd;
}

void guard_process_name(char *text, size_t size)
{
	char host[200];

	if (gethostname(host, sizeof host - 1) != 0)
		snprintf(host, sizeof host, "this machine");
	host[sizeof host - 1] = '\0';
	snprintf(text, size, "process %ld on %s", (long)getpid(), host);
}

/* Somebody has this number now, and so this name: whose it was is long gone. */
static bool is_taken_again(const char *process)
{
	char path[32];
	const char *end;
	unsigned long number = strncmp(process, "process ", 8) == 0 ? number_at(process + 8, &end) : 0;

	snprintf(path, sizeof path, "/proc/%lu", number);
	return number != 0 && group_of(AT_FDCWD, path) != 0;
}

bool guard_wait(const char *directory, const char *process)
{
	int64_t until = clock_ns() + 2 * (GUARD_GRACE_NS + GUARD_LAST_NS);
	struct flock byte, found;
	int fd = open_byte(directory, process, &byte);
	bool there = fd >= 0;

	while (there && !is_taken_again(process)) {
		found = byte;
		there = fcntl(fd, F_OFD_GETLK, &found) == 0 && found.l_type != F_UNLCK;
		if (there && clock_ns() >= until)
			break;
		if (there)
			sleep_ns(2 * LOOK_NS);
	}
	if (fd >= 0)
		close(fd);
	return !there || is_taken_again(process);
}

static int hold_byte(const char *directory)
{
	struct flock byte;
	char process[256];
	int fd;

	if (directory == NULL)
		return -1;
	guard_process_name(process, sizeof process);
	fd = open_byte(directory, process, &byte);
	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &byte) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- our side ---- */

static struct layout layout_of_this_process(void)
{
	struct layout layout = {0};
	char text[1024];
	const char *heap, *arguments, *environment, *end;

	if (!read_file(AT_FDCWD, "/proc/self/stat", text, sizeof text))
		return layout;
	heap = stat_field(text, 47);
	arguments = stat_field(text, 48);
	environment = stat_field(text, 51);
	if (heap != NULL)
		layout.heap = number_at(heap, &end);
	if (arguments != NULL && environment != NULL) {
		layout.arguments = number_at(arguments, &end);
		layout.environment_end = number_at(environment, &end);
	}
	return layout;
}

/* Whether a child gets a copy of our heap. */
static void heap_advise(unsigned long heap, int advice)
{
	unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE), to = (unsigned long)sbrk(0) & ~(page - 1);
	unsigned long ours = (unsigned long)&errno;

	heap = (heap + page - 1) & ~(page - 1);
	/* what a thread has of its own stands there in a static program */
	if (heap != 0 && heap < to && !(heap <= ours && ours < to))
		madvise((void *)heap, to - heap, advice);
}

static void start(struct guard *guard, const char *directory)
{
	pid_t *groups = guard->groups; /* *guard may be of the heap */
	struct layout layout = layout_of_this_process();
	sigset_t all, before;
	int alive[2], lock;
	char name[64];
	pid_t pid;

	if (pipe2(alive, O_CLOEXEC) != 0)
		return;
	snprintf(name, sizeof name, "runplan: guards the commands of process %ld", (long)getpid());
	lock = hold_byte(directory);
	sigfillset(&all);
	/* None of our handlers ever runs in it, and nobody but KILL ends it. */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	heap_advise(layout.heap, MADV_DONTFORK);
	pid = _Fork();
	if (pid == 0)
		guardian(groups, alive[0], lock, &layout, name);
	heap_advise(layout.heap, MADV_DOFORK);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(alive[0]);
	if (lock >= 0)
		close(lock);
	if (pid < 0)
		close(alive[1]);
	else
		*guard = (struct guard){groups, pid, alive[1]};
}

/* Somebody has killed it. */
static bool is_lost(const struct guard *guard)
{
	return guard->guardian != 0 && waitpid(guard->guardian, NULL, WNOHANG) != 0;
}

pid_t *guard_place(struct guard *guard, const char *directory)
{
	if (guard->groups == NULL) {
		void *shared = mmap(NULL, PLACES * sizeof(pid_t), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (shared == MAP_FAILED)
			return NULL;
		guard->groups = shared;
	}
	if (is_lost(guard)) {
		close(guard->alive);
		guard->guardian = 0;
	}
	if (guard->guardian == 0)
		start(guard, directory);
	for (size_t i = 0; i < PLACES; i++)
		if (guard->groups[i] == 0)
			return &guard->groups[i];
	return NULL;
}

void guard_end(struct guard *guard)
{
	if (guard->guardian != 0) {
		while (write(guard->alive, "", 1) < 0 && errno == EINTR)
			;
		close(guard->alive);
		while (waitpid(guard->guardian, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (guard->groups != NULL)
		munmap(guard->groups, PLACES * sizeof(pid_t));
	*guard = (struct guard){0};
}
