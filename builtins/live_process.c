/*
 * live_process.c - child processes.
 *
 * A child gets a session and process group of its own (the operator's Ctrl-C is for runplan alone, and
 * nothing can ask a question on the terminal), descriptors 0 to 2, and the secret on 3: nothing else is
 * inherited. Its output comes through pipes, not through libuv's socket pairs: a socket cannot be opened
 * again as /dev/stderr, which shell scripts do.
 *
 * The end. Without a stop, a process has ended when it exited and its pipes are at their end; where a
 * grandchild keeps them open (a daemon it started), when nothing more came for a moment. After a stop, when
 * the whole group is gone or was killed, so that who is told "cancelled" may rely on nothing being left.
 */
#define _GNU_SOURCE 1 /* memfd_create(), pipe2() */
#include "builtins/live.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "builtins/live_inside.h"

#define KILL_AFTER_NS (5 * NS_PER_S)
/* How long pipes may stay open and quiet behind the process that exited, and open at all. */
#define LINGER_NS     (300 * NS_PER_MS)
#define LINGER_ROUNDS 10
/* How often a stopped group is looked at after its leader has exited. */
#define GROUP_LOOK_NS (50 * NS_PER_MS)

struct process_pipe {
	struct process *process;
	uv_pipe_t handle;
	bool open; /* initialised and not closed */
	char *bytes;
	size_t length, room;
	size_t seen; /* bytes that came, kept or not */
};

struct process {
	struct live *live;
	struct process *next, *previous;
	struct live_deferred step; /* reports what failed inside process_start() */
	unsigned open_handles;	   /* pipes: the memory goes when the last is closed */
	struct process_pipe in, out, err;
	uv_write_t write;
	char *input;
	size_t input_length;
	bool input_waits;
	struct live_timer *timeout, *kill, *linger;
	size_t output_max;
	int64_t timeout_ns;
	uint64_t began;
	pid_t pid;    /* and its group; 0: never started */
	pid_t *place; /* where the guardian sees it, while it is waited for; or NULL */
	bool exited, finished, stopping;
	int rounds;
	size_t seen; /* output at the last round */
	struct process_result result;
	void (*on_error)(void *context, const char *bytes, size_t length);
	void (*on_done)(void *context, const struct process_result *result);
	void *context;
	char error[300];
};

/* ---- the end ---- */

static void process_free(struct process *process)
{
	free(process->in.bytes);
	free(process->out.bytes);
	free(process->err.bytes);
	free(process->input);
	free(process);
}

static void handle_closed(uv_handle_t *handle)
{
	struct process *process = handle->data;

	if (--process->open_handles == 0 && process->finished)
		process_free(process);
}

static void pipe_close(struct process_pipe *pipe)
{
	if (!pipe->open)
		return;
	pipe->open = false;
	uv_close((uv_handle_t *)&pipe->handle, handle_closed);
}

static void timer_clear(struct live_timer **timer)
{
	live_timer_stop(*timer);
	*timer = NULL;
}

/* It is waited for, or being ended: should we die, its guardian ends it. */
static void guard_enter(struct process *process)
{
	struct live *live = process->live;

	process->place = guard_place(&live->guard, live->options.state_directory);
}

static void guard_leave(struct process *process)
{
	if (process->place != NULL)
		*process->place = 0;
	process->place = NULL;
}

static const char *pipe_text(const struct process_pipe *pipe)
{
	return pipe->bytes == NULL ? "" : pipe->bytes;
}

static void process_finish(struct process *process)
{
	struct live *live = process->live;
	struct process_result *result = &process->result;

	live_forget(live, &process->step);
	guard_leave(process);
	timer_clear(&process->timeout);
	timer_clear(&process->kill);
	timer_clear(&process->linger);
	pipe_close(&process->in);
	pipe_close(&process->out);
	pipe_close(&process->err);
	if (process->previous != NULL)
		process->previous->next = process->next;
	else
		live->processes = process->next;
	if (process->next != NULL)
		process->next->previous = process->previous;
	result->elapsed_ns = (int64_t)(uv_hrtime() - process->began);
	result->out = pipe_text(&process->out);
	result->err = pipe_text(&process->err);
	result->out_length = process->out.length;
	result->err_length = process->err.length;
	process->finished = true;
	process->on_done(process->context, result);
	if (process->open_handles == 0)
		process_free(process);
}

static void look_again(struct process *process, int64_t delay_ns);
static void process_terminate(struct process *process);

/* Ends a process that has exited, or looks again later. */
static void process_check(struct process *process)
{
	bool pipes_open = process->out.open || process->err.open;

	if (!process->exited || process->finished)
		return;
	if (process->stopping) {
		/* process->kill is NULL once KILL was sent: what is left then is out of reach (another
		 * user's). */
		if (process->kill != NULL && guard_living(&(pid_t){process->pid}, 1) > 0)
			look_again(process, GROUP_LOOK_NS);
		else
			process_finish(process);
		return;
	}
	if (pipes_open && process->linger == NULL && process->rounds == 0)
		look_again(process, LINGER_NS);
	else if (!pipes_open)
		process_finish(process);
}

static bool pipe_has_more(const struct process_pipe *pipe)
{
	uv_os_fd_t fd;
	int bytes = 0;

	return pipe->open && uv_fileno((const uv_handle_t *)&pipe->handle, &fd) == 0 &&
	       ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

static void look(void *context)
{
	struct process *process = context;
	size_t seen = process->out.seen + process->err.seen;

	timer_clear(&process->linger);
	if (process->stopping) {
		process_check(process);
		return;
	}
	if ((seen != process->seen || pipe_has_more(&process->out) || pipe_has_more(&process->err)) &&
	    process->rounds++ < LINGER_ROUNDS) {
		process->seen = seen;
		look_again(process, LINGER_NS);
	} else if (!process->exited) {
		process_terminate(process);
	} else {
		process_finish(process);
	}
}

static void look_again(struct process *process, int64_t delay_ns)
{
	timer_clear(&process->linger);
	process->linger = live_timer_start(process->live, delay_ns, look, process);
}

static void exited(struct process *process)
{
	int status;

	/* What it leaves behind stays; left before it is reaped, as somebody else may get its id then. */
	if (!process->stopping)
		guard_leave(process);
	if (waitpid(process->pid, &status, 0) != process->pid)
		status = 0;
	process->exited = true;
	process->result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	process->result.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	timer_clear(&process->timeout);
	process->seen = process->out.seen + process->err.seen;
	process_check(process);
}

void live_process_reap(uv_signal_t *handle, int number)
{
	struct live *live = handle->data;
	struct process *next;

	(void)number;
	for (struct process *process = live->processes; process != NULL; process = next) {
		siginfo_t ended = {0};

		next = process->next;
		if (process->pid != 0 && !process->exited &&
		    waitid(P_PID, (id_t)process->pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    ended.si_pid != 0)
			exited(process);
	}
}

/* ---- stopping ---- */

static void kill_group(void *context)
{
	struct process *process = context;

	timer_clear(&process->kill);
	kill(-process->pid, SIGKILL);
	process_check(process);
}

static void process_terminate(struct process *process)
{
	if (process->stopping)
		return;
	process->stopping = true;
	if (process->exited) {
		guard_enter(process);
		if (process->place != NULL)
			*process->place = process->pid;
	}
	process->kill = live_timer_start(process->live, KILL_AFTER_NS, kill_group, process);
	/* A group that is already gone, with only its pipes kept open by others, ends at once. */
	kill(-process->pid, SIGTERM);
	kill(-process->pid, SIGCONT);
	if (process->exited)
		look_again(process, 0);
}

static void timed_out(void *context)
{
	struct process *process = context;

	timer_clear(&process->timeout);
	process->result.timed_out = true;
	process_terminate(process);
}

void process_stop(struct process *process)
{
	if (process->finished || process->result.cancelled)
		return;
	process->result.cancelled = true;
	if (process->pid != 0)
		process_terminate(process);
}

void live_process_kill(struct live *live)
{
	for (struct process *process = live->processes; process != NULL; process = process->next) {
		process->result.cancelled = true;
		if (process->pid == 0)
			continue;
		process->stopping = true;
		timer_clear(&process->kill);
		kill(-process->pid, SIGKILL);
	}
}

void live_process_abandon(struct live *live)
{
	while (live->processes != NULL) {
		live->processes->result.cancelled = true;
		process_finish(live->processes);
	}
}

void process_linger(struct process *process)
{
	if (process->exited || process->finished || process->stopping || process->linger != NULL)
		return;
	process->seen = process->out.seen + process->err.seen;
	look_again(process, LINGER_NS);
}

/* ---- its pipes ---- */

static void scratch_lend(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct process *process = handle->data;

	(void)suggested;
	*buffer = uv_buf_init(process->live->scratch, sizeof process->live->scratch);
}

static void output_keep(struct process *process, struct process_pipe *pipe, const char *bytes, size_t length)
{
	pipe->seen += length;
	if (length > process->output_max - pipe->length) {
		length = process->output_max - pipe->length;
		process->result.truncated = true;
	}
	if (pipe->length + length + 1 > pipe->room) {
		pipe->room = pipe->room * 2 + length + 1;
		pipe->bytes = memory_need(realloc(pipe->bytes, pipe->room));
	}
	memcpy(pipe->bytes + pipe->length, bytes, length);
	pipe->length += length;
	pipe->bytes[pipe->length] = '\0';
}

static void output_came(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
	struct process *process = stream->data;
	struct process_pipe *pipe =
	    (uv_pipe_t *)stream == &process->out.handle ? &process->out : &process->err;

	if (length > 0) {
		output_keep(process, pipe, buffer->base, (size_t)length);
		if (pipe == &process->err && process->on_error != NULL)
			process->on_error(process->context, buffer->base, (size_t)length);
	} else if (length < 0) {
		pipe_close(pipe);
		process_check(process);
	}
}

/* Its input is written, or it doesn't want it: the end of the input either way. */
static void input_written(uv_write_t *write, int status)
{
	struct process *process = write->handle->data;

	(void)status;
	pipe_close(&process->in);
}

static void input_write(struct process *process, char *bytes, size_t length)
{
	uv_buf_t buffer = uv_buf_init(bytes, (unsigned)length);

	uv_write(&process->write, (uv_stream_t *)&process->in.handle, &buffer, 1, input_written);
}

void process_input(struct process *process)
{
	if (!process->input_waits)
		return;
	process->input_waits = false;
	if (process->in.open)
		input_write(process, process->input, process->input_length);
}

static void pipe_open(struct process *process, struct process_pipe *pipe, int fd)
{
	uv_pipe_init(&process->live->loop, &pipe->handle, 0);
	pipe->handle.data = process;
	pipe->open = true;
	process->open_handles++;
	uv_pipe_open(&pipe->handle, fd);
}

/* ---- the start ---- */

/* The descriptors of the child (-1: /dev/null), and our ends of the pipes among them (-1: none). */
struct process_fds {
	int child[4];
	int ours[3];
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* An anonymous file with the secret, readable by its owner alone: libpq wants a plain file for a password
 * file. */
static int secret_fd(const char *secret)
{
	int fd = memfd_create("secret", MFD_CLOEXEC);
	size_t length = strlen(secret), done = 0;

	if (fd < 0)
		return -1;
	while (done < length) {
		ssize_t wrote = write(fd, secret + done, length - done);

		if (wrote < 0 && errno != EINTR)
			break;
		done += wrote < 0 ? 0 : (size_t)wrote;
	}
	if (done < length || fchmod(fd, S_IRUSR | S_IWUSR) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A pipe for descriptor `index` of the child. Our end blocks until it is on the loop, theirs always. */
static bool fds_pipe(struct process_fds *fds, int index)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) != 0)
		return false;
	fds->child[index] = pair[index == 0 ? 0 : 1];
	fds->ours[index] = pair[index == 0 ? 1 : 0];
	return true;
}

static bool fds_open(struct process_fds *fds, const struct process_options *options)
{
	*fds = (struct process_fds){{-1, -1, -1, -1}, {-1, -1, -1}};
	/* What was handed in first: it is closed whatever fails here. */
	if (options->input_fd > 0)
		fds->child[0] = options->input_fd;
	if (options->output_fd > 0)
		fds->child[1] = options->output_fd;
	if (fds->child[0] < 0 && options->input != NULL && !fds_pipe(fds, 0))
		return false;
	if ((fds->child[1] < 0 && !fds_pipe(fds, 1)) || !fds_pipe(fds, 2))
		return false;
	if (options->secret != NULL)
		fds->child[3] = secret_fd(options->secret);
	return options->secret == NULL || fds->child[3] >= 0;
}

/* Of a script that was saved with the line ends of Windows, the name has one more character. */
static void say_no_interpreter(struct process *process, const char *program, char *interpreter)
{
	size_t length = strlen(interpreter);
	bool windows = interpreter[length - 1] == '\r';

	if (windows)
		interpreter[length - 1] = '\0';
	snprintf(
	    process->error, sizeof process->error,
	    windows
		? "%.80s is a script for \"%s\" with a carriage return behind the name: it needs the line "
		  "ends of Unix"
		: "%.80s is a script for %s, and there is no such program",
	    program, interpreter);
}

static void say_not_started(struct process *process, const struct process_options *options, int error)
{
	const char *program = options->argv[0];
	char interpreter[200];
	struct stat directory;

	if (options->directory != NULL &&
	    (stat(options->directory, &directory) != 0 || !S_ISDIR(directory.st_mode)))
		snprintf(process->error, sizeof process->error, "no such directory: %s", options->directory);
	else if (error == ENOENT && live_spawn_interpreter(options, interpreter, sizeof interpreter))
		say_no_interpreter(process, program, interpreter);
	else if (error == ENOENT)
		snprintf(process->error, sizeof process->error, "no such program: %s", program);
	else if (error == EACCES)
		snprintf(process->error, sizeof process->error, "not an executable program: %s", program);
	else if (error == E2BIG)
		snprintf(process->error, sizeof process->error, "the arguments of %s are too long", program);
	else
		snprintf(process->error, sizeof process->error, "%s cannot be started: %s", program,
			 uv_strerror(uv_translate_sys_error(error)));
}

/* Takes our ends of the pipes onto the loop. */
static void process_connect(struct process *process, const struct process_options *options,
			    struct process_fds *fds)
{
	if (fds->ours[1] >= 0) {
		pipe_open(process, &process->out, fds->ours[1]);
		uv_read_start((uv_stream_t *)&process->out.handle, scratch_lend, output_came);
	}
	pipe_open(process, &process->err, fds->ours[2]);
	uv_read_start((uv_stream_t *)&process->err.handle, scratch_lend, output_came);
	if (fds->ours[0] >= 0) {
		process->input = live_alloc(options->input_length + 1);
		memcpy(process->input, options->input, options->input_length);
		process->input_length = options->input_length;
		process->input_waits = options->input_waits;
		pipe_open(process, &process->in, fds->ours[0]);
		if (!process->input_waits)
			input_write(process, process->input, process->input_length);
	}
	fds->ours[0] = fds->ours[1] = fds->ours[2] = -1;
}

static int start_guarded(struct process *process, const struct process_options *options, const int fds[4])
{
	int code;

	guard_enter(process);
	code = live_spawn(options, fds, process->place != NULL ? process->place : &process->pid);
	if (code != 0)
		process->place = NULL;
	else if (process->place != NULL)
		process->pid = *process->place;
	return code;
}

/* Tells, from the loop, that the process could not be started. */
static void report_not_started(void *context)
{
	process_finish(context);
}

struct process *process_start(struct live *live, const struct process_options *options)
{
	struct process *process = live_alloc(sizeof *process);
	struct process_fds fds;
	int code = ECANCELED;

	process->live = live;
	process->output_max = options->output_max != 0 ? options->output_max : LIVE_BODY_MAX;
	process->began = uv_hrtime();
	process->on_error = options->on_error;
	process->on_done = options->on_done;
	process->context = options->context;
	process->step = (struct live_deferred){.run = report_not_started, .context = process};
	process->next = live->processes;
	if (live->processes != NULL)
		live->processes->previous = process;
	live->processes = process;

	if (!fds_open(&fds, options))
		code = EMFILE;
	else if (!live->closing)
		code = start_guarded(process, options, fds.child);
	for (size_t i = 0; i < 4; i++)
		close_fd(&fds.child[i]);
	if (code == 0) {
		process->result.started = true;
		process_connect(process, options, &fds);
		if (options->timeout_ns > 0)
			process->timeout = live_timer_start(live, options->timeout_ns, timed_out, process);
	} else {
		process->result.cancelled = live->closing;
		say_not_started(process, options, code);
		process->result.error = process->error;
		live_defer(live, &process->step);
	}
	for (size_t i = 0; i < 3; i++)
		close_fd(&fds.ours[i]);
	return process;
}
