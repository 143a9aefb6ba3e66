/*
 * host.c - host.*: the machine itself. Each row is one program and the reading of what it prints, so that the
 * same can be asked wherever a program can be run.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/http_parts.h"
#include "builtins/live.h"
#include "builtins/remote.h"
#include "builtins/tables.h"
#include "builtins/words.h"
#include "interp/buffer.h"

#define KIB	1024
#define EXCERPT 300

/* What a row runs and how it reads the answer. */
struct host_row {
	const char *const *program; /* NULL-terminated */
	bool argument;		    /* the row's first one is the program's last */
	/* The answer; null with *problem set where the text is none. */
	struct value (*read)(const char *text, const char **problem);
	size_t timeout; /* where this argument stands; `host` stands behind it */
};

struct host_call {
	struct effect_call *call;
	const struct host_row *row;
	struct remote *process;
};

/* ---- a program run ---- */

static void host_cancel(struct effect_call *call)
{
	struct host_call *host = call->state;

	remote_stop(host->process);
}

/* Why there is no answer; NULL: there is one. Consumed by the caller. */
static struct value complaint(const struct host_call *host, const struct process_result *result)
{
	const char *program = host->row->program[0];
	struct value said = text_excerpt(result->err, result->err_length, EXCERPT), line = value_null();
	char text[48];

	if (!result->started)
		line = value_string(result->error);
	else if (result->lost)
		line = value_string(result->error);
	else if (result->cancelled)
		line = value_string_printf("cancelled while %s ran", program);
	else if (result->timed_out)
		line = value_string_printf("%s did not end within %s", program,
					   duration_text(call_int(host->call, host->row->timeout, 0), text));
	else if (result->code != 0 && value_length(said) > 0)
		line = value_copy(said);
	else if (result->code != 0)
		line = value_string_printf("%s ended with %d", program, result->code);
	value_release(said);
	return line;
}

static void host_done(void *context, const struct process_result *result)
{
	struct host_call *host = context;
	struct effect_call *call = host->call;
	struct value line = complaint(host, result), answer;
	const char *problem = NULL;
	bool stopped = result->started && (result->cancelled || result->timed_out || result->lost);

	host->process = NULL;
	call->cancel = NULL;
	if (line.tag != VALUE_NULL && stopped && call->builtin->effect == EFFECT_CHANGE) {
		call_unknown(call, "%s: %s; it may go on all the same", call->builtin->name,
			     value_text_peek(line));
	} else if (line.tag != VALUE_NULL) {
		call_failed(call, "%s: %s", call->builtin->name, value_text_peek(line));
	} else {
		answer = host->row->read(result->out, &problem);
		if (problem != NULL)
			call_failed(call, "%s: %s", call->builtin->name, problem);
		else
			call_ok(call, answer);
	}
	value_release(line);
}

static void host_begin(struct effect_call *call, const struct host_row *row)
{
	static const char *const env[] = {"LC_ALL=C", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=", NULL};
	const char *argv[16];
	struct host_call *host = memory_need(calloc(1, sizeof *host));
	struct value argument = call_arg(call, 0);
	struct process_options options;
	size_t count = 0;

	*host = (struct host_call){.call = call, .row = row};
	call->state = host;
	if (row->argument && (argument.tag != VALUE_STRING || value_length(argument) == 0 ||
			      strlen(value_text_peek(argument)) != value_length(argument))) {
		call_failed(call, "%s: its argument is empty, or has a NUL in it", call->builtin->name);
		return;
	}
	for (; row->program[count] != NULL; count++)
		argv[count] = row->program[count];
	if (row->argument)
		argv[count++] = value_text_peek(argument);
	argv[count] = NULL;
	options = (struct process_options){
	    .argv = argv,
	    .env = env,
	    .timeout_ns = call_int(call, row->timeout, 0),
	    .on_done = host_done,
	    .context = host,
	};
	call->cancel = host_cancel;
	host->process = remote_start(call->live, call_text(call, row->timeout + 1), &options);
}

/* ---- what they print ---- */

/* The words of a line; how many there were, at most `max`. */
static size_t words_in(const char *line, size_t length, const char **words, size_t *lengths, size_t max)
{
	const char *end = line + length;
	size_t count = 0;

	while (line < end && count < max) {
		while (line < end && isblank((unsigned char)*line))
			line++;
		if (line == end)
			break;
		words[count] = line;
		while (line < end && !isblank((unsigned char)*line))
			line++;
		lengths[count] = (size_t)(line - words[count]);
		count++;
	}
	return count;
}

static bool is_number(const char *word, size_t length)
{
	return length > 0 && length < 16 && strspn(word, "0123456789") >= length;
}

static struct value share(int64_t used, int64_t of)
{
	return value_percent(of > 0 ? (double)used / (double)of : 0);
}

/*
 * df -P: "/dev/sda1  1000  400  500  45% /". Name and mount point may have blanks in them, so the numbers are
 * looked for. Used and available make less than the whole where some is kept for root.
 */
static struct value disk_read(const char *text, const char **problem)
{
	const char *line = strchr(text, '\n'), *words[40];
	size_t lengths[40], count, i;
	struct value record;
	int64_t whole, used, available;

	line = line == NULL ? text : line + 1;
	count = words_in(line, strcspn(line, "\n"), words, lengths, 40);
	for (i = 1; i + 4 < count; i++)
		if (is_number(words[i], lengths[i]) && is_number(words[i + 1], lengths[i + 1]) &&
		    is_number(words[i + 2], lengths[i + 2]) && words[i + 3][lengths[i + 3] - 1] == '%')
			break;
	if (i + 4 >= count) {
		*problem = "df printed something else than sizes";
		return value_null();
	}
	whole = strtoll(words[i], NULL, 10) * KIB;
	used = strtoll(words[i + 1], NULL, 10) * KIB;
	available = strtoll(words[i + 2], NULL, 10) * KIB;
	record = record_new(5);
	record_set(&record, "size", value_size(whole));
	record_set(&record, "free", value_size(whole - used));
	record_set(&record, "available", value_size(available));
	record_set(&record, "used", share(used, used + available));
	record_set(&record, "mount", value_string_n(words[i + 4], strcspn(words[i + 4], "\n")));
	return record;
}

/* "MemTotal:  16000 kB" of /proc/meminfo; -1: there is none. */
static int64_t memory_line(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n')
		if (strncmp(at, name, length) == 0 && at[length] == ':')
			return strtoll(at + length + 1, NULL, 10) * KIB;
	return -1;
}

static struct value memory_read(const char *text, const char **problem)
{
	int64_t whole = memory_line(text, "MemTotal"), available = memory_line(text, "MemAvailable");
	int64_t swap = memory_line(text, "SwapTotal"), swap_free = memory_line(text, "SwapFree");
	struct value record;

	if (whole <= 0 || available < 0 || swap < 0 || swap_free < 0) {
		*problem = "/proc/meminfo does not tell the memory";
		return value_null();
	}
	record = record_new(5);
	record_set(&record, "size", value_size(whole));
	record_set(&record, "available", value_size(available));
	record_set(&record, "used", share(whole - available, whole));
	record_set(&record, "swap", value_size(swap));
	record_set(&record, "swap_free", value_size(swap_free));
	return record;
}

static struct value load_read(const char *text, const char **problem)
{
	static const char *const names[] = {"one", "five", "fifteen"};
	struct value record = record_new(3);

	for (size_t i = 0; i < 3; i++) {
		char *end;
		double load = strtod(text, &end);

		if (end == text) {
			*problem = "/proc/loadavg does not tell the load";
			value_release(record);
			return value_null();
		}
		record_set(&record, names[i], value_float(load));
		text = end;
	}
	return record;
}

static struct value boot_id_read(const char *text, const char **problem)
{
	size_t length = strspn(text, "0123456789abcdef-");

	if (length == 36)
		return value_string_n(text, length);
	*problem = "the kernel's boot_id is none";
	return value_null();
}

/* "ActiveState=active" of systemctl show; "" where there is none. Lent by `text`. */
static const char *property(const char *text, const char *name, size_t *length)
{
	size_t name_length = strlen(name);

	*length = 0;
	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n')
		if (strncmp(at, name, name_length) == 0 && at[name_length] == '=') {
			*length = strcspn(at + name_length + 1, "\n");
			return at + name_length + 1;
		}
	return "";
}

static struct value service_read(const char *text, const char **problem)
{
	static const struct {
		const char *name, *property;
	} texts[] = {{"state", "ActiveState"},
		     {"detail", "SubState"},
		     {"result", "Result"},
		     {"enabled", "UnitFileState"}};
	struct value record;
	const char *loaded, *number;
	size_t length;

	loaded = property(text, "LoadState", &length);
	if (strncmp(loaded, "loaded", length) != 0 || length == 0) {
		*problem = length == 9 && strncmp(loaded, "not-found", 9) == 0
			       ? "systemd knows no such service"
			       : "systemd cannot load the service's unit file";
		return value_null();
	}
	record = record_new(6);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *value = property(text, texts[i].property, &length);

		record_set(&record, texts[i].name, value_string_n(value, length));
	}
	number = property(text, "MainPID", &length);
	record_set(&record, "pid", value_int(strtoll(number, NULL, 10)));
	number = property(text, "NRestarts", &length);
	record_set(&record, "restarts", value_int(strtoll(number, NULL, 10)));
	return record;
}

static struct value nothing_read(const char *text, const char **problem)
{
	(void)text;
	(void)problem;
	return value_null();
}

/* ---- the rows ---- */

static const struct host_row disk_row = {.program = (const char *const[]){"df", "-P", "-k", "--", NULL},
					 .argument = true,
					 .read = disk_read,
					 .timeout = 1};
static const struct host_row memory_row = {
    .program = (const char *const[]){"cat", "/proc/meminfo", NULL}, .read = memory_read, .timeout = 0};
static const struct host_row load_row = {
    .program = (const char *const[]){"cat", "/proc/loadavg", NULL}, .read = load_read, .timeout = 0};
static const struct host_row boot_id_row = {
    .program = (const char *const[]){"cat", "/proc/sys/kernel/random/boot_id", NULL},
    .read = boot_id_read,
    .timeout = 0};
static const struct host_row service_row = {
    .program = (const char *const[]){"systemctl", "show", "--no-pager", "-p",
				     "LoadState,ActiveState,SubState,Result,UnitFileState,MainPID,NRestarts",
				     "--", NULL},
    .argument = true,
    .read = service_read,
    .timeout = 1};
static const struct host_row restart_row = {
    .program = (const char *const[]){"systemctl", "--no-ask-password", "restart", "--", NULL},
    .argument = true,
    .read = nothing_read,
    .timeout = 1};

static void disk_start(struct effect_call *call)
{
	host_begin(call, &disk_row);
}

static void memory_start(struct effect_call *call)
{
	host_begin(call, &memory_row);
}

static void load_start(struct effect_call *call)
{
	host_begin(call, &load_row);
}

static void boot_id_start(struct effect_call *call)
{
	host_begin(call, &boot_id_row);
}

/* systemctl would take a star for many services. */
static bool service_usable(struct effect_call *call)
{
	struct value name = call_arg(call, 0);
	const char *text = value_text_peek(name);
	size_t length = value_length(name);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) &&
		    (text[i] == '\0' || strchr(":_.@\\-", text[i]) == NULL))
			length = 0;
	if (length == 0 || length > 255)
		call_failed(call, "%s: a service's name is letters, digits and :_.@\\-", call->builtin->name);
	return length > 0 && length <= 255;
}

static void service_start(struct effect_call *call)
{
	if (service_usable(call))
		host_begin(call, &service_row);
}

static void restart_start(struct effect_call *call)
{
	if (service_usable(call))
		host_begin(call, &restart_row);
}

static struct value describe_row(const struct effect_request *request, const struct host_row *row)
{
	struct buffer line = {0};

	for (size_t i = 0; row->program[i] != NULL; i++)
		words_add(&line, row->program[i]);
	if (row->argument)
		words_add_value(&line, request->args[0]);
	words_add_host(&line, request->args[row->timeout + 1]);
	return buffer_finish(&line);
}

static struct value restart_describe(const struct effect_request *request)
{
	return describe_row(request, &restart_row);
}

/* ---- the table ---- */

#define SYSTEMD "systemd's, by `systemctl`; `.service` may be left out."

static const struct builtin host_rows[] = {
    {.name = "host.disk",
     .signature = "(path: path = \"/\", timeout: duration = 10s, host: string = null) -> host_disk",
     .summary = "How much room the file system has on which a path lies.",
     .example = "host.disk(\"/var/lib\").available > 10GiB",
     .bad_input = "A path that does not exist, and a file system that does not answer within `timeout`, fail "
		  "the call.",
     .effect = EFFECT_READ,
     .start = disk_start},
    {.name = "host.memory",
     .signature = "(timeout: duration = 10s, host: string = null) -> host_memory",
     .summary = "How much memory the machine has, and how much of it can be had.",
     .example = "host.memory().used < 90%",
     .bad_input = "A machine without /proc fails the call.",
     .effect = EFFECT_READ,
     .start = memory_start},
    {.name = "host.load",
     .signature = "(timeout: duration = 10s, host: string = null) -> host_load",
     .summary = "How many processes ran or wanted to, on average.",
     .example = "host.load().five < 8",
     .bad_input = "A machine without /proc fails the call.",
     .effect = EFFECT_READ,
     .start = load_start},
    {.name = "host.boot_id",
     .signature = "(timeout: duration = 10s, host: string = null) -> string",
     .summary = "What the kernel calls this boot of the machine: another text after each one.",
     .example = "host.boot_id()",
     .bad_input = "A machine without /proc fails the call.",
     .effect = EFFECT_READ,
     .start = boot_id_start},
    {.name = "host.service",
     .signature = "(name: string, timeout: duration = 10s, host: string = null) -> host_service",
     .summary = "The state of a service of the machine.",
     .details = "The services are " SYSTEMD " One that has failed is an answer.",
     .example = "host.service(\"nginx\").state == \"active\"",
     .bad_input = "A service that systemd does not know, and a machine without systemd, fail the call.",
     .effect = EFFECT_READ,
     .start = service_start},
    {.name = "host.restart_service",
     .signature = "(name: string, timeout: duration = 90s, host: string = null)",
     .summary = "Stop a service of the machine where it runs, start it, and wait until it has started.",
     .details = "The services are " SYSTEMD " An interrupted restart is done again.",
     .example = "host.restart_service(\"nginx\")",
     .bad_input =
	 "A service that does not start, that systemd does not know or that one may not restart, and a "
	 "machine without systemd, fail the call; after `timeout` it is unknown whether it happens still.",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = restart_start,
     .describe = restart_describe},
};

static const struct builtin_type host_types[] = {
    {"host_disk", "{ size: size, free: size, available: size, used: percent, mount: string }",
     "A file system: `free` counts what is kept for root, `available` does not, and `used` is as df tells "
     "it."},
    {"host_memory", "{ size: size, available: size, used: percent, swap: size, swap_free: size }",
     "`available` is what programs can have without swapping, `used` the rest."},
    {"host_load", "{ one: float, five: float, fifteen: float }", "Averages over so many minutes."},
    {"host_service",
     "{ state: string, detail: string, result: string, enabled: string, pid: int, restarts: int }",
     "systemd's ActiveState (active, inactive, failed, activating, ...), SubState (running, dead, ...), "
     "Result "
     "(success, exit-code, ...) and UnitFileState; `pid` is 0 where nothing runs, `restarts` counts those by "
     "systemd "
     "itself."},
};

const struct builtin_table host_table = {
    .name = "host",
    .summary = "The machine itself, or another one (`host`, as `exec` has it): disks, memory, services.",
    .rows = host_rows,
    .row_count = sizeof host_rows / sizeof *host_rows,
    .types = host_types,
    .type_count = sizeof host_types / sizeof *host_types,
};
