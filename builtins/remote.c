/*
 * remote.c - see remote.h.
 *
 * A host has a master: `ssh -M`, our child, whose far side is a `cat` that ends with our end of its standard
 * input, so that nothing stays behind however the run ends. Every command is a session on the master's
 * connection. At most SESSIONS at a time, as sshd allows ten (MaxSessions): the master's own, these, and one
 * that stops one of these. The others wait.
 *
 * A session. The far line of sh tells its process id (sshd made it the leader of a group of its own) behind a
 * mark on standard error, and reads the command only then. So a session that is stopped before we know the id
 * does nothing ever; after it, a second session sends the signals to that group. What shells say at their
 * start stands before the mark and is dropped. The exit code comes behind a second mark: 255 of ssh is never
 * taken for the program's.
 */
#include "builtins/remote.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "builtins/http_parts.h"
#include "builtins/words.h"

#define SECOND	   INT64_C(1000000000)
#define SESSIONS   8
#define CONNECTING 16 /* hosts at a time: a handshake is work for the processor */
#define BEGINNING  32 /* sessions that have not begun yet, likewise */
#define CONNECT_MAX                                                                                          \
	(60 * SECOND)		  /* with names looked up, keys and jump hosts; ssh itself gives up sooner   \
				   */
#define BEGIN_MAX   (60 * SECOND) /* of a session on a connection that is there */
#define HALT_MAX    (9 * SECOND)  /* of the session that stops another; a bit less than a call's grace */
#define AGAIN_AFTER (SECOND / 5)
#define EXCERPT	    300
#define MARK_MAX    48
#define NOISE_MAX   4096 /* bytes of shells' first words and of marks, beside what is kept */

/* Behind a mark stands what happened, and a number. */
struct marks {
	char mark[MARK_MAX];
	size_t matched;
	bool inside; /* a line behind the mark */
	char line[32];
	size_t line_length, seen;
};

struct host {
	struct host *next;
	struct ssh *ssh;
	char *name;
	struct process *master;
	struct live_timer *timer;
	bool ready, slow;
	struct marks marks;
	struct remote *queue, **queue_tail; /* wait for a session */
	unsigned sessions;
	char socket[120];
};

struct ssh {
	struct live *live;
	struct host *hosts;
	unsigned connecting, beginning, numbers;
	char directory[80]; /* "": it could not be made */
};

struct remote {
	struct live *live;
	struct host *host;   /* NULL: on this machine */
	struct remote *next; /* in the host's queue */
	bool queued;
	char *program, *directory;
	char *input; /* the command and then its input */
	size_t input_length, output_max;
	struct process *session, *halt;
	struct live_timer *timer; /* to begin, then to end; or a report that is due */
	int64_t timeout_ns;
	struct marks marks;
	uint64_t began;
	long pid; /* there; 0: not yet */
	bool ended, no_directory, halted, slow, again;
	int not_run;		     /* 126, 127, ...: why it could not be run; 0: it was */
	size_t error_from, error_to; /* the program's own part of standard error */
	struct process_result result;
	void (*on_done)(void *context, const struct process_result *result);
	void *context;
	char *out, *err; /* of the result */
	char error[600];
};

static void host_pump(struct host *host);
static void ssh_pump(struct ssh *ssh);

/* ---- marks ---- */

static void marks_begin(struct marks *marks)
{
	unsigned char random[16];
	int length;

	memset(marks, 0, sizeof *marks);
	if (getrandom(random, sizeof random, 0) != sizeof random)
		abort();
	/* The first letter stands nowhere else in it: see marks_next(). */
	length = snprintf(marks->mark, sizeof marks->mark, "runplan:");
	for (size_t i = 0; i < sizeof random; i++)
		length +=
		    snprintf(marks->mark + length, sizeof marks->mark - (size_t)length, "%02x", random[i]);
}

/* Takes one byte; true when a line behind a mark is whole, which is then in marks->line. */
static bool marks_next(struct marks *marks, char c)
{
	marks->seen++;
	if (!marks->inside) {
		if (c == marks->mark[marks->matched])
			marks->matched++;
		else
			marks->matched = c == marks->mark[0];
		if (marks->mark[marks->matched] == '\0') {
			marks->inside = true;
			marks->matched = marks->line_length = 0;
		}
		return false;
	}
	if (c != '\n') {
		if (marks->line_length + 1 < sizeof marks->line)
			marks->line[marks->line_length++] = c;
		return false;
	}
	marks->line[marks->line_length] = '\0';
	marks->inside = false;
	return true;
}

/* ---- what is sent ---- */

void remote_quote(struct buffer *line, const char *word)
{
	buffer_add_byte(line, '\'');
	for (; *word != '\0'; word++)
		if (*word == '\'')
			buffer_add_text(line, "'\\''");
		else
			buffer_add_byte(line, *word);
	buffer_add_byte(line, '\'');
}

static bool is_variable(const char *name, size_t length)
{
	if (length == 0 || (*name >= '0' && *name <= '9'))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!(name[i] == '_' || (name[i] >= '0' && name[i] <= '9') ||
		      (name[i] >= 'A' && name[i] <= 'Z') || (name[i] >= 'a' && name[i] <= 'z')))
			return false;
	return true;
}

/*
 * The command as a program of sh. Its parent survives a TERM for the group, to tell the code; in the
 * subshell, and so in the program, TERM is what it always was. The trap at exit runs only where exec did not.
 */
static void add_program(struct buffer *text, const struct marks *marks, const struct process_options *options)
{
	buffer_add_text(text, "exec 3>&2 2>/dev/null\ntrap : TERM\n(exec 2>&3 3>&-\n");
	if (options->directory != NULL) {
		const char *directory = options->directory;
		struct buffer path = {0};

		buffer_printf(&path, "%s%s", *directory == '/' ? "" : "./", directory);
		buffer_add_text(text, "cd ");
		remote_quote(text, path.string->bytes);
		buffer_printf(text, " 2>/dev/null || { echo '%s d 0' >&2; exit 1; }\n", marks->mark);
		buffer_free(&path);
	}
	buffer_printf(text, "trap 'c=$?; echo \"%s x $c\" >&2' EXIT\n", marks->mark);
	for (const char *const *env = options->env; env != NULL && *env != NULL; env++) {
		size_t name = strcspn(*env, "=");

		buffer_printf(text, "export %.*s=", (int)name, *env);
		remote_quote(text, *env + name + 1);
		buffer_add_byte(text, '\n');
	}
	buffer_add_text(text, "exec");
	for (const char *const *word = options->argv; *word != NULL; word++) {
		buffer_add_byte(text, ' ');
		remote_quote(text, *word);
	}
	buffer_printf(text, ")\nc=$?\necho '%s e '$c >&3\n", marks->mark);
}

/* How many lines there are, the lines, and the input behind them. */
static void make_input(struct remote *remote, const struct process_options *options)
{
	struct buffer program = {0};
	char head[24];
	size_t lines = 0, head_length;

	add_program(&program, &remote->marks, options);
	for (size_t i = 0; i < program.length; i++)
		lines += program.string->bytes[i] == '\n';
	head_length = (size_t)snprintf(head, sizeof head, "%zu\n", lines);
	remote->input_length = head_length + program.length + options->input_length;
	remote->input = memory_need(malloc(remote->input_length + 1));
	memcpy(remote->input, head, head_length);
	memcpy(remote->input + head_length, program.string->bytes, program.length);
	if (options->input_length > 0)
		memcpy(remote->input + head_length + program.length, options->input, options->input_length);
	explicit_bzero(program.string->bytes, program.length);
	buffer_free(&program);
}

static void input_free(struct remote *remote)
{
	if (remote->input != NULL)
		explicit_bzero(remote->input, remote->input_length);
	free(remote->input);
	remote->input = NULL;
}

/*
 * The far lines. The user's shell there, whichever it is, reads them once: one line between single quotes,
 * without a single quote, `!` or a backslash at its end, means the same to all of them.
 */
#define FAR_SESSION                                                                                          \
	"exec /bin/sh -c 'echo \"%s\"; echo \"%s p $$\" >&2; L=$(printf \"\\nx\"); L=${L%%x}; p=; "          \
	"IFS= read -r n || exit; while [ \"$n\" -gt 0 ]; do IFS= read -r l || exit; p=\"$p$l$L\"; "          \
	"n=$((n-1)); done; eval \"$p\"'"
#define FAR_MASTER "exec /bin/sh -c 'echo \"%s p $$\" >&2; exec cat >/dev/null'"
#define FAR_HALT                                                                                             \
	"exec /bin/sh -c 'g=-%ld; kill -s 0 -- $g 2>/dev/null || g=%ld; kill -s TERM -- $g 2>/dev/null; "    \
	"i=0; "                                                                                              \
	"while [ $i -lt 25 ]; do kill -s 0 -- $g 2>/dev/null || exit 0; sleep 0.2 2>/dev/null || sleep 1; "  \
	"i=$((i+1)); done; kill -s KILL -- $g 2>/dev/null; exit 0'"

/* ---- ssh ---- */

/* Starts ssh on the host: as its master, or for a session of the master's. */
static struct process *ssh_start(struct host *host, bool master, const char *command,
				 struct process_options options)
{
	static const char *const env[] = {"SSH_ASKPASS_REQUIRE=never", NULL};
	const char *config = getenv("RUNPLAN_SSH_CONFIG"), *argv[48];
	size_t count = 0;

	argv[count++] = "ssh";
	if (config != NULL && *config != '\0') {
		argv[count++] = "-F";
		argv[count++] = config;
	}
	argv[count++] = "-S";
	argv[count++] = host->socket;
	argv[count++] = "-Tx";
#define OPTION(text) (argv[count++] = "-o", argv[count++] = (text))
	OPTION("BatchMode=yes");
	OPTION("LogLevel=ERROR");
	OPTION("ControlPersist=no");
	OPTION("RemoteCommand=none");
	OPTION("PermitLocalCommand=no");
	OPTION("ClearAllForwardings=yes");
	if (master) {
		OPTION("ControlMaster=yes");
		OPTION("StrictHostKeyChecking=yes");
		OPTION("ConnectTimeout=10");
		OPTION("ConnectionAttempts=1");
		OPTION("ServerAliveInterval=15");
		OPTION("ServerAliveCountMax=3");
	} else {
		OPTION("ControlMaster=no");
		OPTION("ProxyCommand=false"); /* without its master it makes no connection of its own */
	}
#undef OPTION
	argv[count++] = "--";
	argv[count++] = host->name;
	argv[count++] = command;
	argv[count] = NULL;
	options.argv = argv;
	options.env = env;
	return process_start(host->ssh->live, &options);
}

static bool holds(const char *text, const char *what)
{
	return strstr(text, what) != NULL;
}

/* Why ssh came to nothing, and what to do. */
static void say_why(char *out, size_t size, const char *host, const struct process_result *result)
{
	const char *said = result->err;
	struct value line, last = text_tail(said, result->err_length, 1);

	line = text_excerpt(value_text_peek(last), value_length(last), EXCERPT);
	value_release(last);
	if (!result->started)
		snprintf(out, size, "no connection to %s: %s", host, result->error);
	else if (holds(said, "HOST IDENTIFICATION HAS CHANGED"))
		snprintf(
		    out, size,
		    "no connection to %s: its host key has changed; if that is right, forget the old one "
		    "(ssh-keygen -R %s) and accept the new one (ssh %s)",
		    host, host, host);
	else if (holds(said, "Host key verification failed"))
		snprintf(out, size,
			 "no connection to %s: its host key is not known here; compare and accept it once "
			 "(ssh %s)",
			 host, host);
	else if (holds(said, "Permission denied") || holds(said, "Too many authentication failures"))
		snprintf(out, size, "no connection to %s: it refuses the key: %s", host,
			 value_text_peek(line));
	else if (value_length(line) > 0)
		snprintf(out, size, "no connection to %s: %s", host, value_text_peek(line));
	else
		snprintf(out, size, "no connection to %s: ssh ended with %d", host, result->code);
	value_release(line);
}

/* ---- a host's queue ---- */

static void queue_add(struct host *host, struct remote *remote)
{
	remote->queued = true;
	remote->next = NULL;
	*host->queue_tail = remote;
	host->queue_tail = &remote->next;
	host_pump(host);
}

static void queue_drop(struct host *host, struct remote *remote)
{
	struct remote **link = &host->queue;

	while (*link != remote)
		link = &(*link)->next;
	*link = remote->next;
	if (host->queue_tail == &remote->next)
		host->queue_tail = link;
	remote->queued = false;
}

/* ---- the end of a command ---- */

static void remote_free(struct remote *remote)
{
	live_timer_stop(remote->timer);
	input_free(remote);
	free(remote->out);
	free(remote->err);
	free(remote->program);
	free(remote->directory);
	free(remote);
}

static void remote_report(struct remote *remote)
{
	remote->on_done(remote->context, &remote->result);
	remote_free(remote);
}

static void fail(struct remote *remote, const char *error)
{
	remote->result = (struct process_result){
	    .error = remote->error, .cancelled = remote->result.cancelled, .out = "", .err = ""};
	if (error != remote->error)
		snprintf(remote->error, sizeof remote->error, "%s", error);
	remote_report(remote);
}

static void report_due(void *context)
{
	struct remote *remote = context;

	fail(remote, remote->error);
}

/* Fails it from the loop: never inside remote_start() and remote_stop(). */
static void fail_later(struct remote *remote)
{
	live_timer_stop(remote->timer);
	remote->timer = live_timer_start(remote->live, 0, report_due, remote);
}

/* How it ended, where it began. */
static void set_end(struct remote *remote)
{
	struct process_result *result = &remote->result;
	bool stopped = result->cancelled || result->timed_out;

	result->started = true;
	if (!remote->ended && stopped && remote->halted) {
		result->code = 128 + 9; /* the shell that would have told it was killed as well */
	} else if (!remote->ended) {
		result->lost = true;
		result->error = remote->error;
		snprintf(remote->error, sizeof remote->error, "the connection to %s was lost",
			 remote->host->name);
	}
	if (stopped && (result->code == 128 + 15 || result->code == 128 + 9))
		result->signal = result->code - 128;
}

static char *copy_of(const char *bytes, size_t length)
{
	char *copy = memory_need(malloc(length + 1));

	memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

/* The program's own of what ssh brought: behind the marks and without them. */
static void take_output(struct remote *remote, const struct process_result *ssh)
{
	struct process_result *result = &remote->result;
	size_t mark = strlen(remote->marks.mark) + 1, max = remote->output_max;
	const char *out = memmem(ssh->out, ssh->out_length, remote->marks.mark, mark - 1);
	size_t before = out != NULL ? (size_t)(out - ssh->out) + mark : ssh->out_length;
	size_t from = remote->error_from, to = remote->error_to != 0 ? remote->error_to : ssh->err_length;

	if (before > ssh->out_length)
		before = ssh->out_length;
	if (to > ssh->err_length)
		to = ssh->err_length;
	if (from > to)
		from = to;
	result->out_length = ssh->out_length - before;
	result->err_length = to - from;
	result->truncated = ssh->truncated || result->out_length > max || result->err_length > max;
	if (result->out_length > max)
		result->out_length = max;
	if (result->err_length > max)
		result->err_length = max;
	result->out = remote->out = copy_of(ssh->out + before, result->out_length);
	result->err = remote->err = copy_of(ssh->err + from, result->err_length);
}

static void say_not_begun(struct remote *remote, const struct process_result *ssh)
{
	const char *host = remote->host->name;
	struct value said = text_excerpt(ssh->err, ssh->err_length, EXCERPT);

	if (remote->result.cancelled)
		snprintf(remote->error, sizeof remote->error, "cancelled before it began on %s", host);
	else if (remote->slow)
		snprintf(remote->error, sizeof remote->error, "%s began nothing within %d s", host,
			 (int)(BEGIN_MAX / SECOND));
	else if (!ssh->started)
		snprintf(remote->error, sizeof remote->error, "%s", ssh->error);
	else if (holds(ssh->err, "open refused by peer"))
		snprintf(
		    remote->error, sizeof remote->error,
		    "%s lets one connection have too few sessions (MaxSessions of its sshd): 10 are needed",
		    host);
	else if (!remote->host->ready || ssh->code == 255)
		snprintf(remote->error, sizeof remote->error, "the connection to %s was lost", host);
	else
		snprintf(remote->error, sizeof remote->error, "%s runs no programs for us: %s", host,
			 value_length(said) > 0 ? value_text_peek(said) : "its shell is none");
	value_release(said);
}

static void say_not_run(struct remote *remote, const char *said, size_t length)
{
	const char *host = remote->host->name;
	struct value text = text_excerpt(said, length, EXCERPT);

	if (remote->no_directory)
		snprintf(remote->error, sizeof remote->error, "no such directory on %s: %s", host,
			 remote->directory);
	else if (remote->not_run == 127)
		snprintf(remote->error, sizeof remote->error, "no such program on %s: %s", host,
			 remote->program);
	else if (remote->not_run == 126)
		snprintf(remote->error, sizeof remote->error, "not an executable program on %s: %s", host,
			 remote->program);
	else
		snprintf(remote->error, sizeof remote->error, "%s cannot be started on %s: %s",
			 remote->program, host, value_text_peek(text));
	value_release(text);
}

/* Its session has ended, and what stopped it. */
static void session_report(struct remote *remote)
{
	set_end(remote);
	if (remote->ended && (remote->no_directory || remote->not_run != 0)) {
		say_not_run(remote, remote->err, remote->result.err_length);
		fail(remote, remote->error);
	} else {
		remote_report(remote);
	}
}

static void session_again(void *context)
{
	struct remote *remote = context;

	live_timer_stop(remote->timer);
	remote->timer = NULL;
	queue_add(remote->host, remote);
}

/*
 * Its connection may have been lost before it began, and we hear of the master's end only now. Nothing was
 * done, so it may be begun once more, on a new connection then.
 */
static bool retry_later(struct remote *remote, const struct process_result *ssh)
{
	struct marks *marks = &remote->marks;

	if (remote->again || remote->slow || remote->result.cancelled || !ssh->started || ssh->code != 255 ||
	    holds(ssh->err, "open refused by peer"))
		return false;
	remote->again = true;
	marks->matched = marks->seen = 0;
	marks->inside = false;
	remote->timer = live_timer_start(remote->live, AGAIN_AFTER, session_again, remote);
	return true;
}

static void session_done(void *context, const struct process_result *ssh)
{
	struct remote *remote = context;
	struct host *host = remote->host;

	remote->session = NULL;
	live_timer_stop(remote->timer);
	remote->timer = NULL;
	if (remote->pid == 0) {
		host->ssh->beginning--;
		if (!retry_later(remote, ssh)) {
			say_not_begun(remote, ssh);
			fail(remote, remote->error);
		}
	} else {
		if (!remote->ended)
			remote->result.elapsed_ns = (int64_t)(uv_hrtime() - remote->began);
		take_output(remote, ssh);
		if (remote->halt == NULL)
			session_report(remote);
	}
	host->sessions--;
	ssh_pump(host->ssh);
}

/* ---- stopping ---- */

static void halt_done(void *context, const struct process_result *result)
{
	struct remote *remote = context;

	remote->halt = NULL;
	remote->halted = result->started && result->code == 0 && !result->timed_out && !result->cancelled;
	if (remote->session != NULL)
		process_linger(remote->session);
	else
		session_report(remote);
}

/* The signals, by a session of their own. */
static void halt_start(struct remote *remote)
{
	struct process_options options = {.timeout_ns = HALT_MAX, .on_done = halt_done, .context = remote};
	char command[400];

	if (remote->halt != NULL || remote->ended)
		return;
	snprintf(command, sizeof command, FAR_HALT, remote->pid, remote->pid);
	remote->halt = ssh_start(remote->host, false, command, options);
}

void remote_stop(struct remote *remote)
{
	if (remote->host == NULL) {
		if (remote->session != NULL)
			process_stop(remote->session);
		return;
	}
	if (remote->result.cancelled || remote->ended)
		return;
	remote->result.cancelled = true;
	if (remote->queued)
		queue_drop(remote->host, remote);
	if (remote->session == NULL && remote->pid == 0) {
		snprintf(remote->error, sizeof remote->error, "cancelled before it began on %s",
			 remote->host->name);
		fail_later(remote);
	} else if (remote->session != NULL && remote->pid == 0) {
		process_stop(remote->session);
	} else if (remote->session != NULL) {
		halt_start(remote);
	}
}

static void timed_out(void *context)
{
	struct remote *remote = context;

	live_timer_stop(remote->timer);
	remote->timer = NULL;
	remote->result.timed_out = true;
	halt_start(remote);
}

static void began_not(void *context)
{
	struct remote *remote = context;

	live_timer_stop(remote->timer);
	remote->timer = NULL;
	remote->slow = true;
	process_stop(remote->session);
}

/* ---- a session ---- */

static void session_began(struct remote *remote, long pid)
{
	live_timer_stop(remote->timer);
	remote->timer = NULL;
	if (remote->result.cancelled || remote->slow || pid <= 1)
		return; /* it is being stopped, and what it waits for never comes */
	remote->pid = pid;
	remote->host->ssh->beginning--;
	remote->began = uv_hrtime();
	remote->error_from = remote->marks.seen;
	if (remote->timeout_ns > 0)
		remote->timer = live_timer_start(remote->live, remote->timeout_ns, timed_out, remote);
	process_input(remote->session);
	input_free(remote);
	ssh_pump(remote->host->ssh);
}

static void session_told(struct remote *remote, char what, long number)
{
	if (what == 'p' && remote->pid == 0)
		session_began(remote, number);
	if (what == 'p' || remote->pid == 0 || remote->ended)
		return;
	if (remote->error_to == 0)
		remote->error_to =
		    remote->marks.seen - strlen(remote->marks.mark) - remote->marks.line_length - 1;
	if (what == 'd')
		remote->no_directory = true;
	else if (what == 'x')
		remote->not_run = number == 0 ? 1 : (int)number;
	if (what != 'e')
		return;
	remote->ended = true;
	remote->result.code = (int)number;
	remote->result.elapsed_ns = (int64_t)(uv_hrtime() - remote->began);
	live_timer_stop(remote->timer);
	remote->timer = NULL;
	process_linger(remote->session);
}

static void session_said(void *context, const char *bytes, size_t length)
{
	struct remote *remote = context;

	for (size_t i = 0; i < length; i++)
		if (marks_next(&remote->marks, bytes[i]) && remote->marks.line_length > 2)
			session_told(remote, remote->marks.line[1], strtol(remote->marks.line + 2, NULL, 10));
}

static void session_start(struct remote *remote)
{
	struct process_options options = {.input = remote->input,
					  .input_length = remote->input_length,
					  .input_waits = true,
					  .output_max = remote->output_max + NOISE_MAX,
					  .on_error = session_said,
					  .on_done = session_done,
					  .context = remote};
	char command[600];

	snprintf(command, sizeof command, FAR_SESSION, remote->marks.mark, remote->marks.mark);
	remote->host->sessions++;
	remote->host->ssh->beginning++;
	remote->timer = live_timer_start(remote->live, BEGIN_MAX, began_not, remote);
	remote->session = ssh_start(remote->host, false, command, options);
}

/* ---- a host's connection ---- */

static void master_connected(struct host *host)
{
	struct ssh *ssh = host->ssh;

	host->ready = true;
	live_timer_stop(host->timer);
	host->timer = NULL;
	ssh->connecting--;
	ssh_pump(ssh);
}

static void master_said(void *context, const char *bytes, size_t length)
{
	struct host *host = context;

	for (size_t i = 0; i < length; i++)
		if (marks_next(&host->marks, bytes[i]) && !host->ready)
			master_connected(host);
}

static void queue_fail(struct host *host, const char *error)
{
	struct remote *waiting = host->queue, *next;

	host->queue = NULL;
	host->queue_tail = &host->queue;
	for (; waiting != NULL; waiting = next) {
		next = waiting->next;
		waiting->queued = false;
		fail(waiting, error);
	}
}

/* It never came about, or it is lost: then what runs ends by itself, and the next command makes a new one. */
static void master_done(void *context, const struct process_result *result)
{
	struct host *host = context;
	struct ssh *ssh = host->ssh;
	bool was_ready = host->ready;
	char error[600];

	host->master = NULL;
	host->ready = false;
	live_timer_stop(host->timer);
	host->timer = NULL;
	unlink(host->socket);
	if (!was_ready) {
		ssh->connecting--;
		if (host->slow)
			snprintf(error, sizeof error, "no connection to %s: it did not answer within %d s",
				 host->name, (int)(CONNECT_MAX / SECOND));
		else
			say_why(error, sizeof error, host->name, result);
		queue_fail(host, error);
	}
	ssh_pump(ssh);
}

static void master_slow(void *context)
{
	struct host *host = context;

	live_timer_stop(host->timer);
	host->timer = NULL;
	host->slow = true;
	process_stop(host->master);
}

static void master_start(struct host *host)
{
	struct process_options options = {.input = "",
					  .input_waits = true,
					  .on_error = master_said,
					  .on_done = master_done,
					  .context = host};
	struct ssh *ssh = host->ssh;
	char command[200];

	host->slow = false;
	marks_begin(&host->marks);
	snprintf(command, sizeof command, FAR_MASTER, host->marks.mark);
	ssh->connecting++;
	host->timer = live_timer_start(ssh->live, CONNECT_MAX, master_slow, host);
	host->master = ssh_start(host, true, command, options);
}

/* Begins what can be begun. */
static void host_pump(struct host *host)
{
	if (host->queue != NULL && host->master == NULL && host->ssh->connecting < CONNECTING)
		master_start(host);
	while (host->ready && host->queue != NULL && host->sessions < SESSIONS &&
	       host->ssh->beginning < BEGINNING) {
		struct remote *first = host->queue;

		queue_drop(host, first);
		session_start(first);
	}
}

static void ssh_pump(struct ssh *ssh)
{
	for (struct host *host = ssh->hosts; host != NULL; host = host->next)
		host_pump(host);
}

/* ---- the run's connections ---- */

static void *ssh_make(struct live *live)
{
	struct ssh *ssh = memory_need(calloc(1, sizeof *ssh));
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	ssh->live = live;
	/* ssh makes a name of its own beside the socket's, and a socket's name has room for 107 bytes. */
	if (runtime == NULL || *runtime != '/' || strlen(runtime) > 40 || access(runtime, W_OK) != 0)
		runtime = "/tmp";
	snprintf(ssh->directory, sizeof ssh->directory, "%s/runplan-ssh.XXXXXX", runtime);
	if (mkdtemp(ssh->directory) == NULL)
		ssh->directory[0] = '\0';
	return ssh;
}

static void ssh_free(void *kept)
{
	struct ssh *ssh = kept;

	while (ssh->hosts != NULL) {
		struct host *host = ssh->hosts;

		ssh->hosts = host->next;
		unlink(host->socket);
		free(host->name);
		free(host);
	}
	if (ssh->directory[0] != '\0')
		rmdir(ssh->directory);
	free(ssh);
}

static struct host *host_of(struct ssh *ssh, const char *name)
{
	struct host *host;

	for (host = ssh->hosts; host != NULL; host = host->next)
		if (strcmp(host->name, name) == 0)
			return host;
	host = memory_need(calloc(1, sizeof *host));
	host->ssh = ssh;
	host->name = memory_need(strdup(name));
	host->queue_tail = &host->queue;
	host->next = ssh->hosts;
	snprintf(host->socket, sizeof host->socket, "%s/%u", ssh->directory, ++ssh->numbers);
	ssh->hosts = host;
	return host;
}

/* Why it cannot be run on another machine, in `error`. */
static bool is_usable(const char *name, const struct process_options *options, char *error, size_t size)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@:[]%/";

	if (*name == '\0' || *name == '-' || strlen(name) > 255 || name[strspn(name, letters)] != '\0') {
		snprintf(error, size, "`host` is no name of a host: \"%.60s\"", name);
		return false;
	}
	if (options->argv[0][0] == '-') {
		snprintf(error, size,
			 "%.60s: a name that begins with a dash cannot be run on another machine",
			 options->argv[0]);
		return false;
	}
	for (const char *const *env = options->env; env != NULL && *env != NULL; env++) {
		int length = (int)strcspn(*env, "=");

		if (!is_variable(*env, (size_t)length)) {
			snprintf(error, size,
				 "no shell can hold a variable with the name %.*s, so it cannot go to "
				 "another machine",
				 length > 60 ? 60 : length, *env);
			return false;
		}
	}
	return true;
}

static void here_done(void *context, const struct process_result *result)
{
	struct remote *remote = context;

	remote->session = NULL;
	remote->on_done(remote->context, result);
	remote_free(remote);
}

struct remote *remote_start(struct live *live, const char *host, const struct process_options *options)
{
	struct remote *remote = memory_need(calloc(1, sizeof *remote));
	struct process_options here = *options;
	struct ssh *ssh;

	remote->live = live;
	remote->on_done = options->on_done;
	remote->context = options->context;
	if (host == NULL) {
		here.on_done = here_done;
		here.context = remote;
		remote->session = process_start(live, &here);
		return remote;
	}
	ssh = live_keep(live, "ssh", ssh_make, ssh_free);
	remote->host = host_of(ssh, host);
	remote->output_max = options->output_max != 0 ? options->output_max : LIVE_BODY_MAX;
	remote->timeout_ns = options->timeout_ns;
	remote->program = memory_need(strdup(options->argv[0]));
	remote->directory = options->directory != NULL ? memory_need(strdup(options->directory)) : NULL;
	if (ssh->directory[0] == '\0')
		snprintf(remote->error, sizeof remote->error,
			 "no directory can be made for the connections of ssh");
	if (ssh->directory[0] == '\0' || !is_usable(host, options, remote->error, sizeof remote->error)) {
		fail_later(remote);
		return remote;
	}
	marks_begin(&remote->marks);
	make_input(remote, options);
	queue_add(remote->host, remote);
	return remote;
}
