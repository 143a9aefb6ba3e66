/*
 * lock.c - the row behind `lock "name"`: two runs under one lock never overlap.
 *
 * The lock is the kernel's, on an open file description (F_OFD_SETLK): it is gone with the process that holds
 * it, however that ends, and with nothing else. The file stays and says who holds it, for the message; its
 * being there means nothing. The descriptor is close-on-exec, because a child that inherits it would keep the
 * lock after its parent's death. Beyond this machine it is the state's to hold (live_options.locked).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "builtins/disk.h"
#include "builtins/guard.h"
#include "builtins/live.h"
#include "builtins/tables.h"
#include "interp/buffer.h"

#define NAME_MAX_BYTES 200 /* of a file; most file systems allow 255 */
#define HOLDER_MAX     1024

/* What a run holds, to its end. */
struct lock {
	struct lock *next;
	int fd;
	char name[];
};

struct locks {
	struct lock *first;
};

static void *locks_make(struct live *live)
{
	(void)live;
	return memory_need(calloc(1, sizeof(struct locks)));
}

static void locks_free(void *kept)
{
	struct locks *locks = kept;
	struct lock *lock;

	while ((lock = locks->first)) {
		locks->first = lock->next;
		/* Nobody must be told that we still hold it. That it can't be emptied harms only a message.
		 */
		if (ftruncate(lock->fd, 0) != 0)
			errno = 0;
		close(lock->fd);
		free(lock);
	}
	free(locks);
}

static struct locks *locks_of(struct live *live)
{
	return live_keep(live, "lock", locks_make, locks_free);
}

/* ---- taking, on a thread ---- */

struct taking {
	struct effect_call *call;
	const char *name; /* lent */
	char *state, *directory, *path;
	const char *operator_name;
	int fd;		     /* held, or -1 */
	bool waited;	     /* for the end of the commands of who held it last */
	char we[HOLDER_MAX]; /* for who finds the lock held */
	char error[DISK_ERROR + HOLDER_MAX];
};

static void taking_free(void *state)
{
	struct taking *taking = state;

	if (taking->fd >= 0)
		close(taking->fd);
	free(taking->state);
	free(taking->directory);
	free(taking->path);
	free(taking);
}

/* The file among our arguments that is a plan, for who finds the lock held. Empty where there is none. */
static void name_own_plan(char *plan, size_t size)
{
	char arguments[4096];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, arguments, sizeof(arguments) - 1);
	char *at;

	plan[0] = '\0';
	if (fd >= 0)
		close(fd);
	arguments[length > 0 ? length : 0] = '\0';
	for (at = arguments; length > 0 && at < arguments + length; at += strlen(at) + 1) {
		size_t word = strlen(at);

		if (word > 5 && strcmp(at + word - 5, ".plan") == 0) {
			snprintf(plan, size, "%.*s", (int)size - 1, at);
			return;
		}
	}
}

static void name_holder(struct taking *taking)
{
	struct timespec now;
	char since[48], plan[256], process[256];
	size_t size = sizeof(taking->we);
	int length;

	clock_gettime(CLOCK_REALTIME, &now);
	name_own_plan(plan, sizeof(plan));
	guard_process_name(process, sizeof(process));
	length = snprintf(taking->we, size, "%s since %s", process,
			  time_text(now.tv_sec * INT64_C(1000000000), since));
	if (plan[0])
		length += snprintf(taking->we + length, size - (size_t)length, ", for %s", plan);
	if (taking->operator_name)
		snprintf(taking->we + length, size - (size_t)length, ", started by %.100s",
			 taking->operator_name);
}

static bool write_holder(struct taking *taking)
{
	name_holder(taking);
	return ftruncate(taking->fd, 0) == 0 && lseek(taking->fd, 0, SEEK_SET) == 0 &&
	       disk_write_all(taking->fd, taking->we, strlen(taking->we));
}

/* Who holds it, or held it last, as that process wrote it; it may be writing just now. */
static void read_holder(int fd, char holder[HOLDER_MAX])
{
	ssize_t length = pread(fd, holder, HOLDER_MAX - 1, 0), i;

	for (i = 0; i < length; i++)
		if ((unsigned char)holder[i] < ' ')
			holder[i] = ' ';
	holder[length > 0 ? length : 0] = '\0';
}

static void say_held(struct taking *taking, const char *holder)
{
	snprintf(taking->error, sizeof(taking->error), "the lock \"%.100s\" is held by %s", taking->name,
		 *holder ? holder : "another run");
}

/* Until commands of the holder are gone, if it is: it was killed. False: they are still there. */
static bool wait_for_commands(struct taking *taking, const char *holder)
{
	const char *end = strstr(holder, " since ");
	char process[HOLDER_MAX];

	snprintf(process, sizeof(process), "%.*s", end ? (int)(end - holder) : 0, holder);
	if (!end || guard_wait(taking->state, process))
		return true;
	snprintf(
	    taking->error, sizeof(taking->error),
	    "the lock \"%.100s\" was held by %s, which is gone, but commands that it has started are not",
	    taking->name, holder);
	return false;
}

/* The holder may be dead, and a child that it was just making hold a copy: once more when that is gone. */
static bool is_to_try_again(struct taking *taking, int fd)
{
	char holder[HOLDER_MAX];

	read_holder(fd, holder);
	if (taking->waited) {
		say_held(taking, holder);
		return false;
	}
	taking->waited = true;
	return wait_for_commands(taking, holder);
}

/* The lock is ours. Who has not given it back was killed, and its commands may be at their end still. */
static bool take_over(struct taking *taking)
{
	char holder[HOLDER_MAX];

	read_holder(taking->fd, holder);
	if (!wait_for_commands(taking, holder))
		return false;
	return write_holder(taking) || disk_failed("write", taking->path, errno, taking->error);
}

static bool make_directory(struct taking *taking, const char *path)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	return disk_failed("make", path, errno, taking->error);
}

static bool make_directories(struct taking *taking)
{
	char *slash = taking->directory;

	while ((slash = strchr(slash + 1, '/'))) {
		bool made;

		*slash = '\0';
		made = make_directory(taking, taking->directory);
		*slash = '/';
		if (!made)
			return false;
	}
	return make_directory(taking, taking->directory);
}

/* Is the file that we locked still the one of that name? Somebody may have removed it in between. */
static bool same_file(int fd, const char *path)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_dev == named.st_dev &&
	       ours.st_ino == named.st_ino;
}

static bool try_lock(struct taking *taking, bool *again)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(taking->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	*again = false;
	if (fd < 0)
		return disk_failed("open the lock", taking->path, errno, taking->error);
	if (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
		if (errno == EAGAIN || errno == EACCES)
			*again = is_to_try_again(taking, fd);
		else
			disk_failed("lock", taking->path, errno, taking->error);
		close(fd);
		return false;
	}
	if (!same_file(fd, taking->path)) {
		close(fd);
		*again = true;
		return false;
	}
	taking->fd = fd;
	if (take_over(taking))
		return true;
	close(fd);
	taking->fd = -1;
	return false;
}

static void take_work(void *context)
{
	struct taking *taking = context;
	bool again;

	if (!make_directories(taking))
		return;
	while (!try_lock(taking, &again) && again)
		;
}

static void take_done(void *context)
{
	struct taking *taking = context;
	const struct live_options *options = live_options(taking->call->live);
	struct locks *locks = locks_of(taking->call->live);
	size_t size = strlen(taking->name) + 1;
	struct lock *lock;

	if (taking->fd < 0 ||
	    (options->locked && !options->locked(options->locked_context, taking->name, taking->we,
						 taking->error, sizeof(taking->error)))) {
		call_failed(taking->call, "%s", taking->error);
		return;
	}
	lock = memory_need(malloc(sizeof(*lock) + size));
	memcpy(lock->name, taking->name, size);
	lock->fd = taking->fd;
	lock->next = locks->first;
	locks->first = lock;
	taking->fd = -1;
	call_ok(taking->call, value_null());
}

/* ---- the call ---- */

/* The name as that of a file: everything but letters, digits, - and _ is written as %XX. */
static char *file_name(const char *name)
{
	struct buffer text = {0};
	struct value v;
	char *copy;

	for (; *name; name++) {
		bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
			     (*name >= '0' && *name <= '9') || *name == '-' || *name == '_';

		if (plain)
			buffer_add_byte(&text, *name);
		else
			buffer_printf(&text, "%%%02X", (unsigned char)*name);
	}
	v = buffer_finish(&text);
	copy = memory_need(strdup(value_text_peek(v)));
	value_release(v);
	return copy;
}

static bool holds(struct live *live, const char *name)
{
	const struct lock *lock;

	for (lock = locks_of(live)->first; lock; lock = lock->next)
		if (strcmp(lock->name, name) == 0)
			return true;
	return false;
}

static void lock_take(struct effect_call *call)
{
	const struct live_options *options = live_options(call->live);
	struct value name = call_arg(call, 0);
	struct taking *taking;
	char *file;

	if (name.tag != VALUE_STRING || name.string->length == 0 ||
	    strlen(name.string->bytes) != name.string->length) {
		call_failed(call, "a lock's name must be a string that is not empty");
		return;
	}
	if (!options || !options->state_directory) {
		call_failed(call, "there is no directory of runplan's own in which the lock could stand");
		return;
	}
	if (holds(call->live, name.string->bytes)) {
		call_ok(call, value_null());
		return;
	}
	file = file_name(name.string->bytes);
	if (strlen(file) > NAME_MAX_BYTES) {
		call_failed(call, "the lock's name is too long");
		free(file);
		return;
	}
	taking = memory_need(calloc(1, sizeof(*taking)));
	taking->call = call;
	taking->name = name.string->bytes;
	taking->operator_name = options->operator_name;
	taking->fd = -1;
	taking->state = memory_need(strdup(options->state_directory));
	taking->directory = memory_need(malloc(strlen(options->state_directory) + 8));
	sprintf(taking->directory, "%s/locks", options->state_directory);
	taking->path = memory_need(malloc(strlen(taking->directory) + strlen(file) + 8));
	sprintf(taking->path, "%s/%s.lock", taking->directory, file);
	free(file);
	call->state = taking;
	call->free_state = taking_free;
	live_work(call->live, take_work, take_done, taking);
}

static struct value lock_simulate(const struct effect_request *request)
{
	(void)request;
	return value_null();
}

static const struct builtin lock_rows[] = {
    {.name = "lock.take",
     .signature = "(name: string)",
     .summary =
	 "What `lock \"name\"` does: keeps every other run under that name out until this one has ended.",
     .details = "The lock is the kernel's and ends with the process, however that ends. With a state in "
		"PostgreSQL it is held there as well, for all machines that share it. A run that holds it "
		"already, through a child plan, goes on.",
     .example = "lock \"thebot\"",
     .bad_input =
	 "A lock that another run holds is a failure which says who, since when, and for which plan.",
     .effect = EFFECT_READ,
     .flags = BUILTIN_INTERNAL | BUILTIN_RENEW | BUILTIN_GUARD,
     .start = lock_take,
     .simulate = lock_simulate},
};

const struct builtin_table lock_table = {
    .name = "lock",
    .summary = "Runs kept apart.",
    .rows = lock_rows,
    .row_count = sizeof(lock_rows) / sizeof(*lock_rows),
};
