/*
 * file.c - file.*: files of this machine; of others: file_remote.c.
 *
 * All of it blocks, so each call is a job for a thread of live_work(): `work` runs there, looks at the
 * arguments (whose counts it must not touch), and leaves an answer or a message; the job then ends the call
 * on the loop.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builtins/disk.h"
#include "builtins/file_append.h"
#include "builtins/file_remote.h"
#include "builtins/live.h"
#include "builtins/tables.h"
#include "builtins/words.h"
#include "interp/buffer.h"
#include "interp/regex.h"

#define FILE_HOST    ", host: string = null)"
#define LIST_MAX     100000 /* names of one directory */
#define TEMPLATE_MAX (16 * 1024 * 1024)

struct job {
	struct effect_call *call;
	bool (*work)(struct job *job); /* false: `error` says why */
	struct value answer;
	struct value text; /* file.replace, file.template: what was read there, then what is to be written */
	struct far_file *far; /* these two on another machine: the program there */
	char error[DISK_ERROR];
	bool ok;
};

static void job_free(void *state)
{
	struct job *job = state;

	value_release(job->answer);
	value_release(job->text);
	file_remote_free(job->far);
	free(job);
}

static void job_work(void *context)
{
	struct job *job = context;

	job->ok = job->work(job);
}

static void job_done(void *context)
{
	struct job *job = context;
	struct value answer = job->answer;

	if (!job->ok) {
		call_failed(job->call, "%s: %s", job->call->builtin->name, job->error);
		return;
	}
	job->answer = value_null();
	call_ok(job->call, answer);
}

/* The path at this place of the arguments can be given to the kernel. Ends the call where it can't. */
static bool check_path(struct effect_call *call, size_t index)
{
	struct value path = call_arg(call, index);
	const char *problem = NULL;

	if (path.tag != VALUE_STRING)
		problem = "the path is no string";
	else if (path.string->length == 0)
		problem = "the path is empty";
	else if (strlen(path.string->bytes) != path.string->length)
		problem = "the path holds a NUL byte";
	if (problem)
		call_failed(call, "%s: %s", call->builtin->name, problem);
	return !problem;
}

/* Rows that can be on another machine have `host` as their last argument. */
static bool is_remote(const struct effect_call *call)
{
	const char *signature = call->builtin->signature;

	return strstr(signature, FILE_HOST) != NULL && call_text(call, call->arg_count - 1) != NULL;
}

static void job_cancel(struct effect_call *call)
{
	file_remote_stop(((struct job *)call->state)->far);
}

static struct job *job_new(struct effect_call *call)
{
	struct job *job = memory_need(calloc(1, sizeof(*job)));

	job->call = call;
	call->state = job;
	call->free_state = job_free;
	return job;
}

/* Begins the work on a call whose first `paths` arguments are paths. */
static void job_start(struct effect_call *call, size_t paths, bool (*work)(struct job *job))
{
	struct job *job;
	size_t i;

	for (i = 0; i < paths; i++)
		if (!check_path(call, i))
			return;
	if (is_remote(call)) {
		file_remote_start(call);
		return;
	}
	job = job_new(call);
	job->work = work;
	live_work(call->live, job_work, job_done, job);
}

static const char *job_path(const struct job *job)
{
	return call_text(job->call, 0);
}

static bool job_failed(struct job *job, const char *what)
{
	return disk_failed(what, job_path(job), errno, job->error);
}

/* ---- reading ---- */

static bool read_work(struct job *job)
{
	return disk_read(job_path(job), call_int(job->call, 1, LIVE_BODY_MAX), &job->answer, NULL,
			 job->error);
}

static void file_read(struct effect_call *call)
{
	if (call_int(call, 1, LIVE_BODY_MAX) < 0 || call_int(call, 1, LIVE_BODY_MAX) > INT64_C(1) << 30)
		call_failed(call, "file.read: `max` must be between 0B and 1GiB");
	else
		job_start(call, 1, read_work);
}

static bool exists_work(struct job *job)
{
	struct stat st;

	if (stat(job_path(job), &st) == 0) {
		job->answer = value_bool(true);
		return true;
	}
	job->answer = value_bool(false);
	return errno == ENOENT || errno == ENOTDIR || job_failed(job, "look at");
}

static void file_exists(struct effect_call *call)
{
	job_start(call, 1, exists_work);
}

static bool modified_work(struct job *job)
{
	struct stat st;

	if (stat(job_path(job), &st) != 0)
		return job_failed(job, "look at");
	job->answer = value_time((int64_t)st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec);
	return true;
}

static void file_modified(struct effect_call *call)
{
	job_start(call, 1, modified_work);
}

static bool size_work(struct job *job)
{
	struct stat st;

	if (stat(job_path(job), &st) != 0)
		return job_failed(job, "look at");
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return job_failed(job, "take the size of");
	}
	job->answer = value_size(st.st_size);
	return true;
}

static void file_size(struct effect_call *call)
{
	job_start(call, 1, size_work);
}

static bool mode_work(struct job *job)
{
	struct stat st;
	char text[8];

	if (stat(job_path(job), &st) != 0)
		return job_failed(job, "look at");
	snprintf(text, sizeof(text), "%04o", (unsigned)(st.st_mode & 07777));
	job->answer = value_string(text);
	return true;
}

static void file_mode(struct effect_call *call)
{
	job_start(call, 1, mode_work);
}

static bool sha256_work(struct job *job)
{
	char hex[65];
	struct stat st;

	if (stat(job_path(job), &st) != 0)
		return job_failed(job, "read");
	if (!S_ISREG(st.st_mode)) {
		snprintf(job->error, sizeof(job->error), "cannot read %.300s: it is no regular file",
			 job_path(job));
		return false;
	}
	if (!sha256_file(job_path(job), hex, job->error, sizeof(job->error)))
		return false;
	job->answer = value_string(hex);
	return true;
}

static void file_sha256(struct effect_call *call)
{
	job_start(call, 1, sha256_work);
}

static int compare_names(const void *a, const void *b)
{
	const struct value *left = a, *right = b;

	return value_compare(*left, *right, NULL);
}

static bool list_work(struct job *job)
{
	DIR *directory = opendir(job_path(job));
	struct dirent *entry;

	if (!directory)
		return job_failed(job, "list");
	job->answer = list_new(0);
	for (errno = 0; (entry = readdir(directory)); errno = 0) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (value_length(job->answer) == LIST_MAX) {
			closedir(directory);
			snprintf(job->error, sizeof(job->error),
				 "cannot list %.300s: it has more than %d entries", job_path(job), LIST_MAX);
			return false;
		}
		list_push(&job->answer, value_string(entry->d_name));
	}
	if (errno != 0) {
		job_failed(job, "list");
		closedir(directory);
		return false;
	}
	closedir(directory);
	if (value_length(job->answer) > 1)
		qsort(job->answer.list->items, value_length(job->answer), sizeof(struct value),
		      compare_names);
	return true;
}

static void file_list(struct effect_call *call)
{
	job_start(call, 1, list_work);
}

/* Newer, or of the same instant and last by name: two looks at the same files find the same one. */
static void take_newer(const char *path, char **best, struct timespec *best_time)
{
	struct stat st;
	bool newer;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	newer = !*best || st.st_mtim.tv_sec > best_time->tv_sec ||
		(st.st_mtim.tv_sec == best_time->tv_sec &&
		 (st.st_mtim.tv_nsec > best_time->tv_nsec ||
		  (st.st_mtim.tv_nsec == best_time->tv_nsec && strcmp(path, *best) > 0)));
	if (!newer)
		return;
	free(*best);
	*best = memory_need(strdup(path));
	*best_time = st.st_mtim;
}

static bool newest_in_directory(struct job *job, char **best, struct timespec *when)
{
	const char *path = job_path(job);
	DIR *directory = opendir(path);
	size_t length = strlen(path);
	struct dirent *entry;

	if (!directory)
		return job_failed(job, "list");
	while ((entry = readdir(directory))) {
		char *name;

		if (entry->d_name[0] == '.')
			continue;
		name = memory_need(malloc(length + strlen(entry->d_name) + 2));
		sprintf(name, "%s%s%s", path, path[length - 1] == '/' ? "" : "/", entry->d_name);
		take_newer(name, best, when);
		free(name);
	}
	closedir(directory);
	return true;
}

static bool newest_in_pattern(struct job *job, char **best, struct timespec *when)
{
	glob_t found = {0};
	int result = glob(job_path(job), GLOB_NOSORT, NULL, &found);
	size_t i;

	if (result != 0 && result != GLOB_NOMATCH) {
		errno = result == GLOB_NOSPACE ? ENOMEM : EIO;
		globfree(&found);
		return job_failed(job, "look for");
	}
	for (i = 0; result == 0 && i < found.gl_pathc; i++)
		take_newer(found.gl_pathv[i], best, when);
	globfree(&found);
	return true;
}

static bool newest_work(struct job *job)
{
	struct timespec when = {0};
	char *best = NULL;
	struct stat st;
	bool directory = stat(job_path(job), &st) == 0 && S_ISDIR(st.st_mode);
	bool ok = directory ? newest_in_directory(job, &best, &when) : newest_in_pattern(job, &best, &when);

	job->answer = value_string(best);
	free(best);
	return ok;
}

static void file_newest(struct effect_call *call)
{
	job_start(call, 1, newest_work);
}

/* ---- writing ---- */

/* "0640" as chmod takes it; -1 where it is null. False and the call's end where it is anything else. */
static bool take_mode(struct effect_call *call, size_t index, int *mode)
{
	const char *text = call_text(call, index);
	char *end;
	long number;

	*mode = -1;
	if (call_arg(call, index).tag == VALUE_NULL)
		return true;
	number = text && *text ? strtol(text, &end, 8) : -1;
	if (number < 0 || number > 07777 || *end != '\0' || text[0] == '-' || text[0] == '+' ||
	    text[0] == ' ') {
		call_failed(call, "%s: `mode` must be an octal number such as \"0640\"", call->builtin->name);
		return false;
	}
	*mode = (int)number;
	return true;
}

static bool check_text(struct effect_call *call, size_t index)
{
	if (call_arg(call, index).tag == VALUE_STRING)
		return true;
	call_failed(call, "%s: the text is no string but %s", call->builtin->name,
		    value_tag_name((enum value_tag)call_arg(call, index).tag));
	return false;
}

static int job_mode(const struct job *job, size_t index)
{
	const char *text = call_text(job->call, index);

	return text ? (int)strtol(text, NULL, 8) : -1;
}

static bool write_work(struct job *job)
{
	struct value text = call_arg(job->call, 1);

	return disk_write(job_path(job), text.string->bytes, text.string->length, job_mode(job, 2),
			  text.flags & VALUE_SECRET, job->error);
}

static void file_write(struct effect_call *call)
{
	int mode;

	if (check_text(call, 1) && take_mode(call, 2, &mode))
		job_start(call, 1, write_work);
}

static bool copy_work(struct job *job)
{
	return disk_copy(job_path(job), call_text(job->call, 1), job_mode(job, 2), job->error);
}

static void file_copy(struct effect_call *call)
{
	int mode;

	if (take_mode(call, 2, &mode))
		job_start(call, 2, copy_work);
}

/* Consumes the line. */
static struct value with_host(struct value line, struct value host)
{
	struct buffer text = {0};

	buffer_add(&text, value_text_peek(line), value_length(line));
	words_add_host(&text, host);
	value_release(line);
	return buffer_finish(&text);
}

static struct value describe_text(const struct effect_request *request)
{
	struct value path = value_show(request->args[0], 200), text = request->args[1], line;
	const char *what;
	char size[48];

	if (value_is_secret(text)) /* its length is nobody's business either */
		what = "a secret";
	else
		what = text.tag == VALUE_UNKNOWN ? "<unknown>" : size_text((int64_t)value_length(text), size);
	line = value_string_printf("%s: %s (%s)", request->builtin->name, value_text_peek(path), what);
	value_release(path);
	return with_host(line, request->args[request->arg_count - 1]);
}

static void file_append(struct effect_call *call)
{
	if (check_text(call, 1) && check_path(call, 0))
		file_append_start(call, call_text(call, 2));
}

static void append_probe(struct effect_call *call)
{
	file_append_probe(call, call_text(call, 2));
}

static bool remove_work(struct job *job)
{
	const char *path = job_path(job);
	struct stat st;

	job->answer = value_bool(false);
	if (lstat(path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR || job_failed(job, "remove");
	if ((S_ISDIR(st.st_mode) ? rmdir(path) : unlink(path)) != 0)
		return job_failed(job, "remove");
	job->answer = value_bool(true);
	return disk_sync_directory_of(path, job->error);
}

static void file_remove(struct effect_call *call)
{
	job_start(call, 1, remove_work);
}

static struct value answer_true(const struct effect_request *request)
{
	(void)request;
	return value_bool(true);
}

static bool make_directory(struct job *job, const char *path)
{
	struct stat st;

	if (mkdir(path, 0777) == 0)
		return true;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	return disk_failed("make", path, errno == EEXIST ? ENOTDIR : errno, job->error);
}

static bool mkdir_work(struct job *job)
{
	char *path = memory_need(strdup(job_path(job))), *slash = path;
	int mode = job_mode(job, 1);
	struct stat st;
	bool there = stat(path, &st) == 0, ok = true;

	while (ok && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		ok = make_directory(job, path);
		*slash = '/';
	}
	ok = ok && make_directory(job, path);
	if (ok && !there && mode >= 0 && chmod(path, (mode_t)mode) != 0)
		ok = job_failed(job, "set the mode of");
	free(path);
	return ok;
}

static void file_mkdir(struct effect_call *call)
{
	int mode;

	if (take_mode(call, 1, &mode))
		job_start(call, 1, mkdir_work);
}

/* ---- what is computed here, and written here or there ---- */

struct written {
	const char *path, *mode; /* mode: or NULL */
};

/* file.replace: the file that was read. file.template: the one that is made. */
static struct written written_of(const struct effect_call *call)
{
	bool template = strcmp(call->builtin->name, "file.template") == 0;

	return (struct written){call_text(call, template ? 1 : 0), template ? call_text(call, 3) : NULL};
}

static bool write_text_work(struct job *job)
{
	struct written file = written_of(job->call);

	return disk_write(file.path, job->text.string->bytes, job->text.string->length,
			  file.mode ? (int)strtol(file.mode, NULL, 8) : -1, value_is_secret(job->text),
			  job->error);
}

static void written_there(struct effect_call *call, struct value nothing)
{
	struct job *job = call->state;

	value_release(nothing);
	job_done(job);
}

/* job->text into the file. */
static void job_write(struct job *job)
{
	struct effect_call *call = job->call;
	struct written file = written_of(call);

	if (call->cancelled) {
		call_failed(call, "%s: cancelled before it wrote", call->builtin->name);
	} else if (is_remote(call)) {
		file_remote_free(job->far);
		job->far = file_remote_begin(call, &(struct file_remote){.row = "file.write",
									 .paths = {file.path},
									 .text = job->text,
									 .mode = file.mode,
									 .done = written_there});
		call->cancel = job_cancel;
	} else {
		job->work = write_text_work;
		live_work(call->live, job_work, job_done, job);
	}
}

/* The file at the first argument, which is on another machine. */
static void job_read_there(struct job *job, void (*done)(struct effect_call *call, struct value text),
			   void (*failed)(struct effect_call *call))
{
	job->far = file_remote_begin(job->call, &(struct file_remote){.row = "file.read",
								      .paths = {job_path(job)},
								      .max = TEMPLATE_MAX,
								      .done = done,
								      .failed = failed});
	job->call->cancel = job_cancel;
}

/* ---- replacing ---- */

/* FNV-1a, 64 bits: tells whether a file has the content that an interrupted call was about to give it. */
static struct value fingerprint(struct value text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < text.string->length; i++)
		hash = (hash ^ (unsigned char)text.string->bytes[i]) * UINT64_C(0x100000001b3);
	return value_string_printf("%016" PRIx64 "-%zu", hash, text.string->length);
}

static int64_t replace_text(struct value text, struct value old, struct value with, struct buffer *out)
{
	const char *at = text.string->bytes, *end = at + text.string->length, *hit;
	int64_t times = 0;

	while ((hit = memmem(at, (size_t)(end - at), old.string->bytes, old.string->length))) {
		buffer_add(out, at, (size_t)(hit - at));
		buffer_add(out, with.string->bytes, with.string->length);
		at = hit + old.string->length;
		times++;
		if (out->length > TEMPLATE_MAX)
			return -1;
	}
	buffer_add(out, at, (size_t)(end - at));
	return times;
}

static int64_t replace_pattern(struct job *job, struct value text, struct value with, struct buffer *out)
{
	struct value pattern = call_arg(job->call, 3);
	const char *at = text.string->bytes, *end = at + text.string->length;
	char problem[REGEX_ERROR];
	int64_t times = 0;
	size_t offset;
	struct regex *regex = regex_new(pattern.string->bytes, pattern.string->length, problem, &offset);
	bool ok = regex != NULL, found = true;

	if (regex)
		regex_begin(regex, text.string->bytes, text.string->length);
	while (ok && (ok = regex_next(regex, &found, problem)) && found) {
		size_t length;
		const char *match = regex_group(regex, 0, &length);

		buffer_add(out, at, (size_t)(match - at));
		buffer_add(out, with.string->bytes, with.string->length);
		at = match + length;
		times++;
		if (out->length > TEMPLATE_MAX) {
			snprintf(problem, sizeof(problem), "the text would exceed 16MiB");
			ok = false;
		}
	}
	regex_free(regex);
	if (!ok)
		snprintf(job->error, sizeof(job->error), "%s", problem);
	buffer_add(out, at, (size_t)(end - at));
	return ok ? times : -1;
}

/* In job->text, which becomes what is to be written. */
static bool replace_in_text(struct job *job)
{
	struct value old = call_arg(job->call, 2), with = call_arg(job->call, 1), text = job->text;
	struct buffer out = {0};
	int64_t times;

	snprintf(job->error, sizeof(job->error), "the text would exceed 16MiB");
	times = old.tag == VALUE_STRING ? replace_text(text, old, with, &out)
					: replace_pattern(job, text, with, &out);
	value_release(text);
	job->text = buffer_finish(&out);
	if (value_is_secret(with))
		job->text = value_mark(job->text, VALUE_SECRET);
	if (times == 0)
		snprintf(job->error, sizeof(job->error), "%.300s does not hold what is to be replaced",
			 job_path(job));
	job->answer = value_int(times);
	return times > 0;
}

static bool replace_work(struct job *job)
{
	return disk_read(job_path(job), TEMPLATE_MAX, &job->text, NULL, job->error) && replace_in_text(job);
}

/* What is to be written goes on record before it is. */
static void replace_noted(struct effect_call *call)
{
	job_write(call->state);
}

static void replace_done(void *context)
{
	struct job *job = context;
	struct value note;

	if (!job->ok) {
		job_done(job);
		return;
	}
	note = record_new(1);
	record_set(&note, "content", fingerprint(job->text));
	call_note(job->call, note, replace_noted);
}

static void replace_read(struct effect_call *call, struct value text)
{
	struct job *job = call->state;

	job->text = text;
	job->work = replace_in_text;
	live_work(call->live, job_work, replace_done, job);
}

static void file_replace(struct effect_call *call)
{
	struct value old = call_arg(call, 2), pattern = call_arg(call, 3);
	struct job *job;

	if (!check_text(call, 1) || !check_path(call, 0))
		return;
	if ((old.tag == VALUE_STRING) == (pattern.tag == VALUE_STRING)) {
		call_failed(call, "file.replace: either `old` or `pattern` must be given");
		return;
	}
	if (old.tag == VALUE_STRING && old.string->length == 0) {
		call_failed(call, "file.replace: `old` is empty");
		return;
	}
	job = job_new(call);
	job->work = replace_work;
	if (is_remote(call))
		job_read_there(job, replace_read, NULL);
	else
		live_work(call->live, job_work, replace_done, job);
}

static struct value replace_simulate(const struct effect_request *request)
{
	(void)request;
	return value_int(1);
}

static struct value replace_describe(const struct effect_request *request)
{
	const struct value *args = request->args;
	struct value path = value_show(args[0], 200), with = value_show(args[1], 80);
	struct value old = value_show(args[2].tag != VALUE_NULL ? args[2] : args[3], 80);
	struct value line = value_string_printf("file.replace: %s: %s %s by %s", value_text_peek(path),
						args[2].tag != VALUE_NULL ? "each" : "what matches",
						value_text_peek(old), value_text_peek(with));

	value_release(path);
	value_release(with);
	value_release(old);
	return with_host(line, args[request->arg_count - 1]);
}

/* Whether the file has the content that is on record. */
static struct value is_noted(const struct effect_call *call, struct value text)
{
	struct value now = fingerprint(text), noted = record_peek(call->intent, "content");
	bool same = value_equal(now, noted);

	value_release(now);
	return value_bool(same);
}

static bool replace_probe_work(struct job *job)
{
	if (!disk_read(job_path(job), TEMPLATE_MAX, &job->text, NULL, job->error))
		return true; /* and the answer is null */
	job->answer = is_noted(job->call, job->text);
	return true;
}

static void replace_probe_read(struct effect_call *call, struct value text)
{
	call_ok(call, is_noted(call, text));
	value_release(text);
}

static void replace_probe_failed(struct effect_call *call)
{
	call_ok(call, value_null());
}

/* Without a note nothing was written. With one, the file has the noted content, or the write did not happen.
 */
static void file_replace_probe(struct effect_call *call)
{
	if (record_peek(call->intent, "content").tag != VALUE_STRING)
		call_ok(call, value_bool(false));
	else if (is_remote(call))
		job_read_there(job_new(call), replace_probe_read, replace_probe_failed);
	else
		job_start(call, 1, replace_probe_work);
}

/* ---- templates ---- */

static bool is_name_byte(char c)
{
	return c == '_' || c == '.' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

/* The value that a dotted name stands for. Lent. False where there is none. */
static bool find_value(struct value values, const char *name, size_t length, struct value *out)
{
	char part[128];

	while (length > 0) {
		const char *dot = memchr(name, '.', length);
		size_t size = dot ? (size_t)(dot - name) : length;

		if (size == 0 || size >= sizeof(part))
			return false;
		memcpy(part, name, size);
		part[size] = '\0';
		if (!record_has(values, part))
			return false;
		values = record_peek(values, part);
		if (size + 1 == length)
			return false;
		length -= dot ? size + 1 : size;
		name += size + 1;
	}
	*out = values;
	return true;
}

static int line_of(struct value text, const char *at)
{
	const char *c;
	int line = 1;

	for (c = text.string->bytes; c < at; c++)
		line += *c == '\n';
	return line;
}

/* A value's text, made without touching the count of a string that the loop's thread may hold. */
static void add_value(struct buffer *out, struct value v)
{
	struct value text;

	if (v.tag == VALUE_STRING) {
		buffer_add(out, v.string->bytes, v.string->length);
		return;
	}
	text = value_to_text(v);
	buffer_add(out, text.string->bytes, text.string->length);
	value_release(text);
}

/* The placeholder at `at`, which is "{{". Moves it behind. */
static bool fill_placeholder(struct job *job, struct value template, const char **at, struct buffer *out,
			     bool *secret)
{
	const char *from = *at + 2, *end;
	struct value v;

	while (*from == ' ')
		from++;
	for (end = from; is_name_byte(*end);)
		end++;
	*at = end;
	while (**at == ' ')
		(*at)++;
	if (end == from || (*at)[0] != '}' || (*at)[1] != '}') {
		snprintf(job->error, sizeof(job->error),
			 "%.200s:%d: {{ wants a name and }} behind it; \\{{ stands for itself", job_path(job),
			 line_of(template, from));
		return false;
	}
	*at += 2;
	if (!find_value(call_arg(job->call, 2), from, (size_t)(end - from), &v) || v.tag == VALUE_NULL) {
		snprintf(job->error, sizeof(job->error), "%.200s:%d: there is no value for {{%.*s}}",
			 job_path(job), line_of(template, from), end - from > 60 ? 60 : (int)(end - from),
			 from);
		return false;
	}
	*secret |= value_is_secret(v);
	add_value(out, v);
	return true;
}

static bool fill_template(struct job *job, struct value template, struct buffer *out, bool *secret)
{
	const char *at = template.string->bytes, *end = at + template.string->length;

	while (at < end) {
		const char *brace = memmem(at, (size_t)(end - at), "{{", 2);

		if (!brace) {
			buffer_add(out, at, (size_t)(end - at));
			return true;
		}
		buffer_add(out, at, (size_t)(brace - at));
		at = brace;
		if (brace > template.string->bytes && brace[-1] == '\\') {
			buffer_cut(out, out->length - 1);
			buffer_add_text(out, "{{");
			at += 2;
		} else if (!fill_placeholder(job, template, &at, out, secret)) {
			return false;
		}
		if (out->length > TEMPLATE_MAX) {
			snprintf(job->error, sizeof(job->error), "the text would exceed 16MiB");
			return false;
		}
	}
	return true;
}

static bool template_work(struct job *job)
{
	struct buffer out = {0};
	struct value template;
	bool secret = false, ok;

	if (!disk_read(job_path(job), TEMPLATE_MAX, &template, NULL, job->error))
		return false;
	buffer_reserve(&out, 0);
	ok = fill_template(job, template, &out, &secret);
	value_release(template);
	job->text = buffer_finish(&out);
	if (secret)
		job->text = value_mark(job->text, VALUE_SECRET);
	return ok;
}

static void template_done(void *context)
{
	struct job *job = context;

	if (job->ok)
		job_write(job);
	else
		job_done(job);
}

static void file_template(struct effect_call *call)
{
	struct job *job;
	int mode;

	if (call_arg(call, 2).tag != VALUE_RECORD) {
		call_failed(call, "file.template: `values` must be a record");
		return;
	}
	if (!take_mode(call, 3, &mode) || !check_path(call, 0) || !check_path(call, 1))
		return;
	job = job_new(call);
	job->work = template_work;
	live_work(call->live, job_work, template_done, job);
}

#define NO_FILE                                                                                              \
	"A file that does not exist, may not be read, or is no regular file is a failure that names the "    \
	"path and the "                                                                                      \
	"system's reason; so is a path that is empty or holds a NUL byte."

#define NO_WRITE                                                                                             \
	"A missing directory, no permission, a full disk and a target that is no regular file are failures " \
	"that name the "                                                                                     \
	"path and the system's reason; the file is then what it was."

static const struct builtin file_rows[] = {
    {.name = "file.read",
     .signature = "(path: path, max: size = 4MiB" FILE_HOST " -> string",
     .summary = "The content of a file.",
     .details = "Bytes are taken as they are, the last newline included. Pipes and devices are not read.",
     .example = "text.trim(file.read(\"/etc/hostname\"))",
     .bad_input = "A file larger than `max` is a failure. " NO_FILE,
     .effect = EFFECT_READ,
     .start = file_read},
    {.name = "file.exists",
     .signature = "(path: path" FILE_HOST " -> bool",
     .summary = "Whether there is a file or a directory of this name.",
     .details = "A symbolic link counts as what it leads to.",
     .example = "file.exists(\"/etc/nginx/nginx.conf\")",
     .bad_input = "A directory on the way that may not be searched is a failure, not a no.",
     .effect = EFFECT_READ,
     .start = file_exists},
    {.name = "file.newest",
     .signature = "(pattern: path" FILE_HOST " -> any",
     .summary = "The path of the newest regular file in a directory, or among those that a pattern with `*`, "
		"`?` and `[...]` names; null where there is none.",
     .details = "Newest by the time of modification; of several with the same time the last by name. In a "
		"directory, names that begin with a dot are left out.",
     .example = "file.newest(\"/var/backups/thebot_*.dump\")",
     .bad_input =
	 "A directory that may not be listed is a failure; a pattern that matches nothing gives null.",
     .effect = EFFECT_READ,
     .start = file_newest},
    {.name = "file.modified",
     .signature = "(path: path" FILE_HOST " -> time",
     .summary = "When a file was last modified.",
     .example = "time.since(file.modified(\"/var/backups/thebot.dump\")) < 1d",
     .bad_input = "A file that does not exist or may not be looked at is a failure.",
     .effect = EFFECT_READ,
     .start = file_modified},
    {.name = "file.size",
     .signature = "(path: path" FILE_HOST " -> size",
     .summary = "How many bytes a file has.",
     .example = "file.size(\"/var/backups/thebot.dump\") > 1MB",
     .bad_input = "A file that does not exist, and a directory, are failures.",
     .effect = EFFECT_READ,
     .start = file_size},
    {.name = "file.mode",
     .signature = "(path: path" FILE_HOST " -> string",
     .summary = "Who may do what with a file, as chmod writes it: four octal digits.",
     .details = "Of what a symbolic link leads to.",
     .example = "file.mode(\"/etc/thebot/backend.env\") == \"0600\"",
     .bad_input = "A file that does not exist or may not be looked at is a failure.",
     .effect = EFFECT_READ,
     .start = file_mode},
    {.name = "file.sha256",
     .signature = "(path: path" FILE_HOST " -> string",
     .summary = "The SHA-256 digest of a file's content, in 64 hexadecimal digits.",
     .example = "file.sha256(\"/srv/release.tar\")",
     .bad_input = NO_FILE,
     .effect = EFFECT_READ,
     .start = file_sha256},
    {.name = "file.list",
     .signature = "(path: path" FILE_HOST " -> list(string)",
     .summary = "The names in a directory, in order, hidden ones included.",
     .example = "file.list(\"/etc/nginx/conf.d\")",
     .bad_input = "What is no directory, may not be read, or has more than 100000 entries is a failure.",
     .effect = EFFECT_READ,
     .start = file_list},
    {.name = "file.write",
     .signature = "(path: path, text: secret string, mode: string = null" FILE_HOST,
     .summary = "Give a file this content, whole or not at all.",
     .details = "The text is written beside the file, synced, and renamed over it, so whoever reads sees the "
		"old content or the new. A file that is there keeps its mode and owner; a new one gets what "
		"the umask leaves of 0666, or 0600 where the text is a secret; `mode: \"0640\"` says "
		"otherwise. A symbolic link is followed.",
     .example = "file.write(\"/srv/release\", \"v2\\n\", mode: \"0644\")",
     .bad_input = NO_WRITE,
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = file_write,
     .describe = describe_text},
    {.name = "file.copy",
     .signature = "(from: path, to: path, mode: string = null" FILE_HOST,
     .summary = "Copy a file, whole or not at all.",
     .details =
	 "What is in it is never shown or kept on record, so it may hold passwords. The copy has the mode "
	 "of `from` unless `mode` says otherwise. It is written as `file.write` does it.",
     .example = "file.copy(\"/etc/nginx/nginx.conf\", to: \"/var/backups/nginx.conf\")",
     .bad_input = "A `from` that is missing or no regular file is a failure. " NO_WRITE,
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = file_copy},
    {.name = "file.append",
     .signature = "(path: path, text: secret string" FILE_HOST,
     .summary = "Add text at the end of a file, which is made if it isn't there.",
     .details =
	 "Those of one run to files of one machine are made one after the other. An interrupted one is "
	 "settled by looking whether the file goes on with the text where it ended before, which is on "
	 "record before it is written; where something else stands there, or it is another file by now, "
	 "it is in doubt.",
     .example = "file.append(\"/var/log/releases\", \"v2\\n\")",
     .bad_input = NO_WRITE,
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = file_append,
     .probe = append_probe,
     .describe = describe_text},
    {.name = "file.replace",
     .signature =
	 "(path: path, with: secret string, old: secret string = null, pattern: string = null" FILE_HOST
	 " -> int",
     .summary =
	 "Replace each `old`, or each match of `pattern`, in a file by `with`; answers how many there were.",
     .details =
	 "`with` is plain text: a `$1` in it is just that. The file is rewritten as "
	 "`file.write` does it. With `host` it is read there, the text is made here, and written there.",
     .example = "file.replace(\"/etc/nginx/upstream.conf\", old: \"blue\", with: \"green\")",
     .bad_input = "A file that holds nothing to replace is a failure, and stays as it is. So are neither or "
		  "both of `old` and `pattern`, and a file of more than 16MiB. " NO_WRITE,
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = file_replace,
     .probe = file_replace_probe,
     .simulate = replace_simulate,
     .describe = replace_describe},
    {.name = "file.remove",
     .signature = "(path: path" FILE_HOST " -> bool",
     .summary = "Remove a file, a symbolic link or an empty directory; answers whether there was one.",
     .example = "file.remove(\"/srv/maintenance.html\")",
     .bad_input =
	 "A directory that is not empty, and no permission, are failures; a path that isn't there is none.",
     .thing = {"file", 0, 2, NULL},
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = file_remove,
     .simulate = answer_true},
    {.name = "file.mkdir",
     .signature = "(path: path, mode: string = null" FILE_HOST,
     .summary = "Make a directory, and those above it that are missing.",
     .details = "A directory that is there already stays as it is, its mode included.",
     .example = "file.mkdir(\"/var/backups/thebot\", mode: \"0750\")",
     .bad_input = "Something on the way that is no directory, and no permission, are failures.",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = file_mkdir},
    {.name = "file.template",
     .signature = "(from: path, to: path, values: secret record, mode: string = null" FILE_HOST,
     .summary = "Write a file from a template in which `{{name}}` stands for the value of that name.",
     .details = "`{{ name }}` is the same, `{{a.b}}` the field b of a, and `\\{{` two braces. A value is put "
		"in as its text shows, without quoting: a template knows no language. The file is written as "
		"`file.write` does it; with a secret in it, a new one gets the mode 0600. With `host` the "
		"template is still a file of this machine, and `to` one of the other.",
     .example = "file.template(\"/srv/upstream.conf.in\", to: \"/srv/upstream.conf\", values: { colour: "
		"\"green\" })",
     .bad_input = "A name without a value, or with null for one, and a `{{` that no `}}` closes are failures "
		  "that name the template's line. " NO_WRITE,
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = file_template},
};

const struct builtin_table file_table = {
    .name = "file",
    .summary =
	"Files of this machine and, with `host`, of others: by ssh as `exec` does it, and by the POSIX shell "
	"and GNU coreutils there. A path that does not begin with `/` is then below the login's home.",
    .rows = file_rows,
    .row_count = sizeof(file_rows) / sizeof(*file_rows),
};
