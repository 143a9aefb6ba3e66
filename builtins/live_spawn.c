/*
 * live_spawn.c - how a child process begins: it shares our memory, and we stand still, until it is another
 * program (as with vfork), so that the start costs the same however much a run holds. Not by posix_spawn(3):
 * the kernel is to write the child's id where a guardian sees it (guard.h) before the child does anything, so
 * that no moment is left in which we may die and nobody knows of it.
 *
 * A program is found as execvp(3) finds it, in the PATH of the child's own environment. A file that holds no
 * known format is given to the shell.
 */
#define _GNU_SOURCE 1 /* clone(), environ */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <paths.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "builtins/live_inside.h"

#define SCRIPT_LINE 255 /* bytes of a script's first line that the kernel reads */

#define CHILD_STACK (16 * 1024) /* before it is another program */

struct launch {
	const struct process_options *options;
	const int *fds;
	char **env;
	volatile pid_t *group;
	/* Of one attempt. */
	const char *path;
	char *const *argv;
	volatile int error; /* why the child is no other program */
};

/* Our environment with the additions of `env`, which win. */
static char **environment_with(const char *const *env)
{
	size_t ours = 0, more = 0, count = 0;
	char **all;

	while (environ[ours] != NULL)
		ours++;
	while (env[more] != NULL)
		more++;
	all = live_alloc((ours + more + 1) * sizeof *all);
	for (size_t i = 0; i < ours; i++) {
		size_t name = strcspn(environ[i], "=") + 1, j;

		for (j = 0; j < more && strncmp(environ[i], env[j], name) != 0; j++)
			;
		if (j == more)
			all[count++] = environ[i];
	}
	for (size_t j = 0; j < more; j++)
		all[count++] = (char *)env[j];
	return all;
}

/* ---- the child: in our memory, on a stack of its own; system calls only ---- */

/* Every signal as at the start of a program: none ignored, no handler of ours (and so none blocked, then). */
__attribute__((no_sanitize("address", "undefined"))) static void signals_by_default(void)
{
	static const unsigned long action[8]; /* the kernel's: no handler, no flags, an empty mask */

	for (int i = 1; i <= _NSIG - 1; i++)
		syscall(SYS_rt_sigaction, i, action, NULL, _NSIG / 8);
}

/* What was handed in as its descriptors; of all others, also of those of libraries that forgot to say so,
 * none is left behind exec. */
__attribute__((no_sanitize("address", "undefined"))) static int place_descriptors(const int fds[4])
{
	int first = fds[3] >= 0 ? 4 : 3;

	for (int i = 0; i < first; i++) {
		int fd = fds[i];

		if (fd < 0)
			fd = open(_PATH_DEVNULL, (i == 0 ? O_RDONLY : O_RDWR) | O_CLOEXEC);
		if (fd < 0 || (fd == i ? fcntl(fd, F_SETFD, 0) : dup2(fd, i)) < 0)
			return -1;
	}
	if (syscall(SYS_close_range, (unsigned)first, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return 0;
	/* Before Linux 5.11 one by one. */
	for (long fd = first, end = sysconf(_SC_OPEN_MAX); fd < end && fd < 65536; fd++) {
		int flags = fcntl((int)fd, F_GETFD);

		if (flags >= 0)
			fcntl((int)fd, F_SETFD, flags | FD_CLOEXEC);
	}
	return 0;
}

__attribute__((no_sanitize("address", "undefined"))) static int child(void *context)
{
	struct launch *launch = context;
	const char *directory = launch->options->directory;
	sigset_t none;

	signals_by_default();
	if (setsid() >= 0 && place_descriptors(launch->fds) == 0 &&
	    (directory == NULL || chdir(directory) == 0)) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execve(launch->path, launch->argv, launch->env);
	}
	launch->error = errno;
	return 127;
}

/* 0, or why it was not started. */
static int launch_child(struct launch *launch, const char *path, char *const *argv)
{
	_Alignas(16) char stack[CHILD_STACK];
	sigset_t all, before;
	pid_t pid;

	launch->path = path;
	launch->argv = argv;
	launch->error = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* a handler of ours must not run in the child */
	pid = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | SIGCHLD,
		    launch, launch->group);
	if (pid < 0)
		launch->error = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid >= 0 && launch->error != 0)
		waitpid(pid, NULL, 0);
	if (launch->error != 0)
		*launch->group = 0;
	return launch->error;
}

/* ---- the program ---- */

static int launch_script(struct launch *launch, const char *path)
{
	const char *const *argv = launch->options->argv;
	size_t count = 0;
	char **words;
	int code;

	while (argv[count] != NULL)
		count++;
	words = live_alloc((count + 2) * sizeof *words);
	words[0] = (char *)_PATH_BSHELL;
	words[1] = (char *)path;
	memcpy(words + 2, argv + 1, count * sizeof *words);
	code = launch_child(launch, words[0], words);
	free(words);
	return code;
}

static int launch_file(struct launch *launch, const char *path)
{
	int code = launch_child(launch, path, (char *const *)launch->options->argv);

	return code == ENOEXEC ? launch_script(launch, path) : code;
}

static const char *path_of(char **env)
{
	for (; *env != NULL; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return _PATH_DEFPATH;
}

static bool is_elsewhere(int code)
{
	return code == ENOENT || code == ENOTDIR || code == EACCES || code == ESTALE || code == ENODEV ||
	       code == ETIMEDOUT;
}

/* A name without a slash: the first directory of PATH where it can be run; of the errors, EACCES says most.
 */
static int launch_named(struct launch *launch, const char *name)
{
	const char *from = path_of(launch->env);
	char path[PATH_MAX];
	bool denied = false;

	for (;;) {
		int length = (int)strcspn(from, ":"), code;

		code = snprintf(path, sizeof path, "%.*s%s%s", length, from, length > 0 ? "/" : "", name) >=
			       (int)sizeof path
			   ? ENOENT
			   : 0;
		/* Asked first, as a child that comes to nothing is dear; only a child knows what is relative
		 * to its directory. */
		if (code == 0 && path[0] == '/' && access(path, F_OK) != 0)
			code = errno;
		if (code == 0)
			code = launch_file(launch, path);
		if (!is_elsewhere(code))
			return code;
		denied |= code == EACCES;
		if (from[length] == '\0')
			return denied ? EACCES : ENOENT;
		from += length + 1;
	}
}

/* The program that the first line of the file at `path` (in `directory`) names, if it is a script and that is
 * missing. */
static bool interpreter_of(int directory, const char *path, char *name, size_t size)
{
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char line[SCRIPT_LINE + 1];
	ssize_t length = fd < 0 ? -1 : read(fd, line, SCRIPT_LINE);
	const char *from = line + 2;

	if (fd >= 0)
		close(fd);
	line[length > 0 ? length : 0] = '\0';
	if (strncmp(line, "#!", 2) != 0)
		return false;
	from += strspn(from, " \t");
	snprintf(name, size, "%.*s", (int)strcspn(from, " \t\n"), from);
	return *name != '\0' && faccessat(directory, name, F_OK, 0) != 0;
}

bool live_spawn_interpreter(const struct process_options *options, char *name, size_t size)
{
	const char *program = options->argv[0], *from;
	char **env = options->env != NULL ? environment_with(options->env) : environ;
	int directory = options->directory != NULL ? open(options->directory, O_PATH | O_CLOEXEC) : AT_FDCWD;
	bool script = false;
	char path[PATH_MAX];

	if (strchr(program, '/') != NULL)
		script = interpreter_of(directory, program, name, size);
	else
		for (from = path_of(env); !script; from += strcspn(from, ":") + 1) {
			int length = (int)strcspn(from, ":");

			snprintf(path, sizeof path, "%.*s%s%s", length, from, length > 0 ? "/" : "", program);
			script = faccessat(directory, path, X_OK, 0) == 0 &&
				 interpreter_of(directory, path, name, size);
			if (from[length] == '\0')
				break;
		}
	if (directory >= 0)
		close(directory);
	if (env != environ)
		free(env);
	return script;
}

int live_spawn(const struct process_options *options, const int fds[4], volatile pid_t *group)
{
	struct launch launch = {.options = options, .fds = fds, .env = environ, .group = group};
	const char *program = options->argv[0];
	int code;

	if (options->env != NULL)
		launch.env = environment_with(options->env);
	code = strchr(program, '/') != NULL ? launch_file(&launch, program) : launch_named(&launch, program);
	if (launch.env != environ)
		free(launch.env);
	return code;
}
