/*
 * live_spawn.c - how a child process begins: posix_spawn(3), whose child shares our memory until it is
 * another program, so that the start costs the same however much a run holds.
 *
 * A program is found as execvp(3) finds it, in the PATH of the child's own environment. A file that holds no
 * known format is given to the shell.
 */
#define _GNU_SOURCE 1 /* posix_spawn_file_actions_addchdir_np(), environ */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <paths.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "builtins/live_inside.h"

#define SCRIPT_LINE 255 /* bytes of a script's first line that the kernel reads */

struct launch {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	const struct process_options *options;
	char **env;
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

/* ---- the child's descriptors, directory, session and signals ---- */

/* Marks every descriptor above 2 close-on-exec: also those of libraries that forgot to, and inherited ones.
 */
static void seal_descriptors(void)
{
	if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* Before Linux 5.11 one by one. */
	for (long fd = 3, end = sysconf(_SC_OPEN_MAX); fd < end && fd < 65536; fd++) {
		int flags = fcntl((int)fd, F_GETFD);

		if (flags >= 0)
			fcntl((int)fd, F_SETFD, flags | FD_CLOEXEC);
	}
}

static int actions_add(posix_spawn_file_actions_t *actions, const char *directory, const int fds[4])
{
	int code = 0;

	for (int i = 0; i < 4 && code == 0; i++) {
		if (fds[i] >= 0)
			code = posix_spawn_file_actions_adddup2(actions, fds[i], i);
		else if (i < 3)
			code = posix_spawn_file_actions_addopen(actions, i, _PATH_DEVNULL,
								i == 0 ? O_RDONLY : O_RDWR, 0);
	}
	if (directory != NULL && code == 0)
		code = posix_spawn_file_actions_addchdir_np(actions, directory);
	return code;
}

/* A session of its own, and every signal as at the start of a program: none ignored, none blocked. */
static int attributes_set(posix_spawnattr_t *attributes)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setsigmask(attributes, &none);
	return posix_spawnattr_setflags(attributes,
					POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/* ---- the program ---- */

static int launch_script(struct launch *launch, const char *path, pid_t *pid)
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
	code = posix_spawn(pid, words[0], &launch->actions, &launch->attributes, words, launch->env);
	free(words);
	return code;
}

static int launch_file(struct launch *launch, const char *path, pid_t *pid)
{
	int code = posix_spawn(pid, path, &launch->actions, &launch->attributes,
			       (char **)launch->options->argv, launch->env);

	return code == ENOEXEC ? launch_script(launch, path, pid) : code;
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
static int launch_named(struct launch *launch, const char *name, pid_t *pid)
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
			code = launch_file(launch, path, pid);
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

int live_spawn(const struct process_options *options, const int fds[4], pid_t *pid)
{
	struct launch launch = {.options = options, .env = environ};
	const char *program = options->argv[0];
	int code;

	if (options->env != NULL)
		launch.env = environment_with(options->env);
	seal_descriptors();
	posix_spawn_file_actions_init(&launch.actions);
	posix_spawnattr_init(&launch.attributes);
	code = actions_add(&launch.actions, options->directory, fds);
	if (code == 0)
		code = attributes_set(&launch.attributes);
	if (code == 0)
		code = strchr(program, '/') != NULL ? launch_file(&launch, program, pid)
						    : launch_named(&launch, program, pid);
	posix_spawnattr_destroy(&launch.attributes);
	posix_spawn_file_actions_destroy(&launch.actions);
	if (launch.env != environ)
		free(launch.env);
	return code;
}
