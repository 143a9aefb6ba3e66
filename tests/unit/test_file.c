/* test_file.c - file.* and random.secret on a real file system, its full disks and odd files included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#pragma GCC diagnostic ignored "-Wunused-function" /* of its helpers only some are used here */
#include "tests/unit/call_row.h"

static struct driver *driver;
static char home[] = "/tmp/runplan-file-XXXXXX";

static int open_home(void **state)
{
	(void)state;
	driver = live_new(NULL);
	umask(022);
	return driver && mkdtemp(home) && chdir(home) == 0 ? 0 : -1;
}

static int close_home(void **state)
{
	char command[100];

	(void)state;
	driver->ops->free(driver);
	if (chdir("/") != 0)
		return -1;
	snprintf(command, sizeof(command), "%s", home);
	if (fork() == 0)
		execlp("rm", "rm", "-rf", command, (char *)NULL);
	wait(NULL);
	return 0;
}

#define RUN(name, ...) row_run(driver, &file_table, name, ARGS(__VA_ARGS__))
#define S(name, text)                                                                                        \
	{                                                                                                    \
		name, value_string(text)                                                                     \
	}

static void assert_failed(struct outcome outcome, const char *message)
{
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_string_equal(value_text_peek(outcome.message), message);
	outcome_release(&outcome);
}

/* The answer in the exact form of value_encode(). */
static void assert_answer(struct outcome outcome, const char *expected)
{
	struct value text;

	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	text = value_encode(outcome.value);
	assert_string_equal(value_text_peek(text), expected);
	value_release(text);
	outcome_release(&outcome);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void assert_content(const char *path, const char *expected)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t length;

	assert_true(fd >= 0);
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(length >= 0);
	text[length] = '\0';
	assert_string_equal(text, expected);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Nothing that a write made on its way may stay. */
static void assert_no_parts(const char *directory)
{
	struct dirent *entry;
	DIR *list = opendir(directory);

	assert_non_null(list);
	while ((entry = readdir(list)))
		if (strstr(entry->d_name, ".part"))
			fail_msg("%s was left", entry->d_name);
	closedir(list);
}

static void test_read(void **state)
{
	(void)state;
	put("plain", "one\ntwo\n");
	assert_answer(RUN("file.read", S("path", "plain")), "\"one\\ntwo\\n\"");
	put("empty", "");
	assert_answer(RUN("file.read", S("path", "empty")), "\"\"");
	assert_failed(RUN("file.read", S("path", "none")),
		      "file.read: cannot read none: No such file or directory");
	assert_failed(RUN("file.read", S("path", "plain/x")),
		      "file.read: cannot read plain/x: Not a directory");
	assert_failed(RUN("file.read", S("path", ".")), "file.read: cannot read .: Is a directory");
	assert_failed(RUN("file.read", S("path", "")), "file.read: the path is empty");
	assert_failed(RUN("file.read", {"path", value_string_n("a\0b", 3)}),
		      "file.read: the path holds a NUL byte");
	assert_failed(RUN("file.read", {"path", value_int(1)}), "file.read: the path is no string");
	assert_answer(RUN("file.read", S("path", "plain"), {"max", value_size(8)}), "\"one\\ntwo\\n\"");
	assert_failed(RUN("file.read", S("path", "plain"), {"max", value_size(7)}),
		      "file.read: cannot read plain: it is larger than 7B");
	assert_failed(RUN("file.read", S("path", "plain"), {"max", value_size(-1)}),
		      "file.read: `max` must be between 0B and 1GiB");
	/* Neither waits for what never comes. */
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_failed(RUN("file.read", S("path", "fifo")),
		      "file.read: cannot read fifo: it is no regular file");
	assert_failed(RUN("file.read", S("path", "/dev/zero")),
		      "file.read: cannot read /dev/zero: it is no regular file");
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_failed(RUN("file.read", S("path", "loop")),
		      "file.read: cannot read loop: Too many levels of symbolic links");
}

static void test_look(void **state)
{
	struct timespec times[2] = {{.tv_sec = 1769860800}, {.tv_sec = 1769860800, .tv_nsec = 5}};

	(void)state;
	put("looked", "12345");
	assert_int_equal(utimensat(AT_FDCWD, "looked", times, 0), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_answer(RUN("file.exists", S("path", "looked")), "true");
	assert_answer(RUN("file.exists", S("path", ".")), "true");
	assert_answer(RUN("file.exists", S("path", "looked/x")), "false");
	assert_answer(RUN("file.exists", S("path", "dangling")), "false");
	assert_failed(RUN("file.exists", S("path", "loop")),
		      "file.exists: cannot look at loop: Too many levels of symbolic links");
	assert_answer(RUN("file.size", S("path", "looked")), "{\"$size\":5}");
	assert_failed(RUN("file.size", S("path", ".")),
		      "file.size: cannot take the size of .: Is a directory");
	assert_answer(RUN("file.modified", S("path", "looked")), "{\"$time\":1769860800000000005}");
	assert_failed(RUN("file.modified", S("path", "none")),
		      "file.modified: cannot look at none: No such file or directory");
	assert_answer(RUN("file.sha256", S("path", "looked")),
		      "\"5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5\"");
	assert_failed(RUN("file.sha256", S("path", "fifo")),
		      "file.sha256: cannot read fifo: it is no regular file");
}

static void test_list_and_newest(void **state)
{
	static const char *const names[] = {"d/b_1.dump", "d/a_2.dump", "d/c.txt", "d/.hidden.dump"};
	size_t i;

	(void)state;
	assert_int_equal(mkdir("d", 0777), 0);
	assert_answer(RUN("file.newest", S("pattern", "d")), "null");
	for (i = 0; i < 4; i++) {
		struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000 + (i == 3 ? 9 : i == 2)}};

		put(names[i], "x");
		assert_int_equal(utimensat(AT_FDCWD, names[i], times, 0), 0);
	}
	assert_int_equal(mkdir("d/newer.dump", 0777), 0);
	assert_answer(RUN("file.list", S("path", "d")),
		      "[\".hidden.dump\",\"a_2.dump\",\"b_1.dump\",\"c.txt\",\"newer.dump\"]");
	assert_failed(RUN("file.list", S("path", "d/c.txt")),
		      "file.list: cannot list d/c.txt: Not a directory");
	assert_answer(RUN("file.newest", S("pattern", "d")), "\"d/c.txt\"");
	assert_answer(RUN("file.newest", S("pattern", "d/")), "\"d/c.txt\"");
	assert_answer(RUN("file.newest", S("pattern", "d/*.dump")),
		      "\"d/b_1.dump\""); /* of two the last by name */
	assert_answer(RUN("file.newest", S("pattern", "d/c.txt")), "\"d/c.txt\"");
	assert_answer(RUN("file.newest", S("pattern", "none/*")), "null");
}

static void test_write(void **state)
{
	struct stat before, after;

	(void)state;
	assert_answer(RUN("file.write", S("path", "w"), S("text", "one\n")), "null");
	assert_content("w", "one\n");
	assert_int_equal(mode_of("w"), 0644);
	assert_int_equal(stat("w", &before), 0);
	assert_answer(RUN("file.write", S("path", "w"), S("text", "two\n"), S("mode", "0640")), "null");
	assert_int_equal(mode_of("w"), 0640);
	assert_int_equal(stat("w", &after), 0);
	assert_true(before.st_ino !=
		    after.st_ino); /* another file took its place: a reader sees the old or the new */
	assert_answer(RUN("file.write", S("path", "w"), S("text", "three\n")), "null");
	assert_int_equal(mode_of("w"), 0640);
	if (geteuid() == 0) {
		assert_int_equal(chown("w", 12345, 54321), 0);
		assert_answer(RUN("file.write", S("path", "w"), S("text", "four\n")), "null");
		assert_int_equal(stat("w", &after), 0);
		assert_int_equal(after.st_uid, 12345);
		assert_int_equal(after.st_gid, 54321);
	}
	assert_answer(
	    RUN("file.write", S("path", "s"), {"text", value_mark(value_string("hunter2"), VALUE_SECRET)}),
	    "null");
	assert_int_equal(mode_of("s"), 0600);

	/* Through a link, not over it. */
	assert_int_equal(mkdir("real", 0777), 0);
	put("real/target", "old");
	assert_int_equal(symlink("real/target", "link"), 0);
	assert_answer(RUN("file.write", S("path", "link"), S("text", "new")), "null");
	assert_content("real/target", "new");
	assert_int_equal(lstat("link", &after), 0);
	assert_true(S_ISLNK(after.st_mode));

	assert_failed(RUN("file.write", S("path", "no/such/y"), S("text", "x")),
		      "file.write: cannot write no/such/y: No such file or directory");
	assert_failed(RUN("file.write", S("path", "w/y"), S("text", "x")),
		      "file.write: cannot write w/y: Not a directory");
	assert_failed(RUN("file.write", S("path", "real"), S("text", "x")),
		      "file.write: cannot write real: Is a directory");
	assert_failed(RUN("file.write", S("path", "/dev/null"), S("text", "x")),
		      "file.write: cannot write /dev/null: it is no regular file");
	assert_failed(RUN("file.write", S("path", "dangling"), S("text", "x")),
		      "file.write: cannot write dangling: No such file or directory");
	assert_failed(RUN("file.write", S("path", "x"), {"text", value_int(5)}),
		      "file.write: the text is no string but int");
	assert_failed(RUN("file.write", S("path", "x"), S("text", "x"), S("mode", "0999")),
		      "file.write: `mode` must be an octal number such as \"0640\"");
	assert_failed(RUN("file.write", S("path", "x"), S("text", "x"), S("mode", "")),
		      "file.write: `mode` must be an octal number such as \"0640\"");
	assert_failed(RUN("file.write", S("path", "x"), S("text", "x"), S("mode", "u+x")),
		      "file.write: `mode` must be an octal number such as \"0640\"");
	assert_no_parts(".");
	assert_no_parts("real");
}

static void test_copy(void **state)
{
	char *large = calloc(1, 300001);
	struct stat st;

	(void)state;
	put("from", "DATABASE_URL=postgres://u:hunter2@h/d\n");
	assert_int_equal(chmod("from", 0640), 0);
	assert_answer(RUN("file.mode", S("path", "from")), "\"0640\"");
	assert_answer(RUN("file.copy", S("from", "from"), S("to", "to")), "null");
	assert_content("to", "DATABASE_URL=postgres://u:hunter2@h/d\n");
	assert_int_equal(mode_of("to"), 0640);
	assert_answer(RUN("file.copy", S("from", "from"), S("to", "to"), S("mode", "0600")), "null");
	assert_int_equal(mode_of("to"), 0600);
	assert_answer(RUN("file.copy", S("from", "to"), S("to", "to")), "null");
	assert_content("to", "DATABASE_URL=postgres://u:hunter2@h/d\n");
	memset(large, 'x', 300000); /* several blocks */
	put("large", large);
	assert_answer(RUN("file.copy", S("from", "large"), S("to", "large.copy")), "null");
	assert_int_equal(stat("large.copy", &st), 0);
	assert_int_equal(st.st_size, 300000);
	free(large);

	assert_failed(RUN("file.copy", S("from", "none"), S("to", "x")),
		      "file.copy: cannot read none: No such file or directory");
	assert_failed(RUN("file.copy", S("from", "."), S("to", "x")),
		      "file.copy: cannot read .: Is a directory");
	assert_failed(RUN("file.copy", S("from", "/dev/null"), S("to", "x")),
		      "file.copy: cannot read /dev/null: it is no regular file");
	assert_failed(RUN("file.copy", S("from", "from"), S("to", "no/such")),
		      "file.copy: cannot write no/such: No such file or directory");
	assert_failed(RUN("file.copy", S("from", "from"), S("to", "/dev/full")),
		      "file.copy: cannot write /dev/full: it is no regular file");
	assert_failed(RUN("file.copy", S("from", "from"), S("to", "x"), S("mode", "rw")),
		      "file.copy: `mode` must be an octal number such as \"0640\"");
	assert_failed(RUN("file.mode", S("path", "none")),
		      "file.mode: cannot look at none: No such file or directory");
	assert_no_parts(".");
}

/* Both end as the system's own: a small tmpfs stands for the full disk. Needs root. */
static void test_full_disk(void **state)
{
	static char big[100 * 1024];
	char part[sizeof(big)];

	(void)state;
	memset(big, 'x', sizeof(big));
	memset(part, 'y', 1000);
	assert_int_equal(mkdir("full", 0777), 0);
	if (mount("tmpfs", "full", "tmpfs", 0, "size=64k") != 0)
		skip();
	put("full/kept", "as it was");
	assert_failed(RUN("file.write", S("path", "full/kept"), {"text", value_string_n(big, sizeof(big))}),
		      "file.write: cannot write full/kept: No space left on device");
	assert_content("full/kept", "as it was");
	assert_failed(RUN("file.append", S("path", "full/kept"), {"text", value_string_n(big, sizeof(big))}),
		      "file.append: cannot write full/kept: No space left on device");
	assert_content("full/kept", "as it was");
	assert_failed(RUN("file.append", S("path", "full/new"), {"text", value_string_n(big, sizeof(big))}),
		      "file.append: cannot write full/new: No space left on device");
	assert_no_parts("full");
	assert_int_equal(umount("full"), 0);
}

/* A directory that this process may not write to: as another user, where the tests run as root. */
static void test_no_permission(void **state)
{
	pid_t child;
	int status;

	(void)state;
	assert_int_equal(chmod(home, 0755), 0);
	assert_int_equal(mkdir("closed", 0755), 0);
	put("closed/file", "x");
	assert_int_equal(chmod("closed/file", 0600), 0);
	assert_int_equal(mkdir("hidden", 0700), 0);
	child = fork();
	if (child == 0) {
		if (geteuid() == 0 ? setgid(65534) != 0 || setuid(65534) != 0 : chmod("closed", 0555) != 0)
			_exit(3);
		driver = live_new(NULL);
		struct outcome write = RUN("file.write", S("path", "closed/new"), S("text", "x"));
		struct outcome read = RUN("file.read", S("path", "closed/file"));
		struct outcome exists = RUN("file.exists", S("path", "hidden/x"));
		bool root = geteuid() == 65534;

		if (strcmp(value_text_peek(write.message),
			   "file.write: cannot write closed/new: Permission denied") != 0)
			_exit(1);
		if (root && strcmp(value_text_peek(read.message),
				   "file.read: cannot read closed/file: Permission denied") != 0)
			_exit(1);
		if (root && strcmp(value_text_peek(exists.message),
				   "file.exists: cannot look at hidden/x: Permission denied") != 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void test_append(void **state)
{
	(void)state;
	assert_answer(RUN("file.append", S("path", "log"), S("text", "one\n")), "null");
	assert_answer(RUN("file.append", S("path", "log"), S("text", "two\n")), "null");
	assert_content("log", "one\ntwo\n");
	assert_int_equal(mode_of("log"), 0644);
	assert_failed(RUN("file.append", S("path", "fifo"), S("text", "x")),
		      "file.append: cannot write fifo: No such device or address");
	assert_failed(RUN("file.append", S("path", "."), S("text", "x")),
		      "file.append: cannot write .: Is a directory");
}

#define APPEND(path_, text_) ARGS(S("path", path_), S("text", text_))
#define SETTLE_APPEND(path_, text_, note_)                                                                   \
	row_settle(driver, &file_table, "file.append", APPEND(path_, text_), note_)

static void assert_doubt(struct outcome outcome, const char *why)
{
	assert_int_equal(outcome.kind, OUTCOME_UNKNOWN);
	assert_string_equal(value_text_peek(outcome.message), why);
	outcome_release(&outcome);
}

/* What is on record before it is written; then the file is as it was. */
static struct value append_note(const char *path, const char *text, const char *before)
{
	struct value note;

	row_start(driver, &file_table, "file.append", "call", APPEND(path, text));
	assert_answer(row_wait_noted(driver, &note), "null");
	if (before)
		put(path, before);
	else
		assert_int_equal(unlink(path), 0);
	return note;
}

static void test_append_settles(void **state)
{
	const char *grown = "settled has grown since it had 4 bytes, but does not go on with the text there";
	const char *other = "settled is not the file any more that it was, or was cut";
	struct value note;

	(void)state;
	assert_answer(SETTLE_APPEND("settled", "two\n", value_null()), "false");
	put("settled", "one\n");
	note = append_note("settled", "two\n", "one\n");
	assert_answer(SETTLE_APPEND("settled", "two\n", note), "false");
	put("settled", "one\ntwo\n");
	assert_answer(SETTLE_APPEND("settled", "two\n", note), "true");
	put("settled", "one\ntwo\nof another\n");
	assert_answer(SETTLE_APPEND("settled", "two\n", note), "true");
	put("settled", "one\ntw"); /* it was cut off in the middle */
	assert_doubt(SETTLE_APPEND("settled", "two\n", note), grown);
	put("settled", "one\nof another\n");
	assert_doubt(SETTLE_APPEND("settled", "two\n", note), grown);
	put("settled", "one\nof another\ntwo\n"); /* perhaps ours, perhaps another's */
	assert_doubt(SETTLE_APPEND("settled", "two\n", note), grown);
	put("settled", "on");
	assert_doubt(SETTLE_APPEND("settled", "two\n", note), other);
	put("beside", "one\ntwo\n"); /* rotated away */
	assert_int_equal(rename("beside", "settled"), 0);
	assert_doubt(SETTLE_APPEND("settled", "two\n", note), other);
	assert_int_equal(unlink("settled"), 0);
	assert_doubt(SETTLE_APPEND("settled", "two\n", note), other);
	assert_int_equal(mkdir("settled", 0755), 0);
	assert_doubt(SETTLE_APPEND("settled", "two\n", note), "cannot read settled: it is no regular file");
	assert_int_equal(rmdir("settled"), 0);
	value_release(note);

	note = append_note("settled", "one\n", NULL); /* there was no file */
	assert_answer(SETTLE_APPEND("settled", "one\n", note), "false");
	put("settled", "");
	assert_answer(SETTLE_APPEND("settled", "one\n", note), "false");
	put("settled", "one\n");
	assert_answer(SETTLE_APPEND("settled", "one\n", note), "true");
	value_release(note);
}

/* More than a block, so that it is compared piece by piece. */
static void test_append_settles_long_text(void **state)
{
	static char text[200001];
	struct value note;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)('a' + i % 23);
	note = append_note("long", text, NULL);
	put("long", text);
	assert_answer(SETTLE_APPEND("long", text, note), "true");
	text[sizeof(text) - 2] = '!';
	assert_doubt(SETTLE_APPEND("long", text, note),
		     "long has grown since it had 0 bytes, but does not go on with the text there");
	value_release(note);
}

/* The same text, at once, to one file by two names: no two of them note the same place. */
static void test_append_takes_turns(void **state)
{
	char id[16], content[4 * 40 + 1] = "";
	bool noted[40] = {false};
	int ended = 0;

	(void)state;
	put("turns", "");
	assert_int_equal(symlink("turns", "same"), 0);
	for (int i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "%d", i);
		row_start(driver, &file_table, "file.append", id, APPEND(i % 2 ? "turns" : "same", "one\n"));
		strcat(content, "one\n");
	}
	driver->ops->cancel(driver, "39");
	while (ended < 40) {
		struct delivery delivery;

		assert_true(driver->ops->next(driver, INT64_MAX, &delivery));
		if (delivery.kind == DELIVERY_NOTE) {
			int64_t place = record_peek(delivery.outcome.value, "size").i / 4;

			assert_true(place >= 0 && place < 40 && !noted[place]);
			noted[place] = true;
		} else {
			ended++;
			assert_int_equal(delivery.outcome.kind,
					 strcmp(delivery.id, "39") == 0 ? OUTCOME_FAILED : OUTCOME_OK);
		}
		free(delivery.id);
		outcome_release(&delivery.outcome);
	}
	content[4 * 39] = '\0';
	assert_content("turns", content);
}

static void test_remove_and_mkdir(void **state)
{
	(void)state;
	put("gone", "x");
	assert_answer(RUN("file.remove", S("path", "gone")), "true");
	assert_answer(RUN("file.remove", S("path", "gone")), "false");
	assert_answer(RUN("file.mkdir", S("path", "m/n/o/"), S("mode", "0750")), "null");
	assert_int_equal(mode_of("m/n/o"), 0750);
	assert_int_equal(mode_of("m/n"), 0755);
	assert_answer(RUN("file.mkdir", S("path", "m/n/o"), S("mode", "0700")), "null");
	assert_int_equal(mode_of("m/n/o"), 0750);
	assert_failed(RUN("file.remove", S("path", "m")),
		      "file.remove: cannot remove m: Directory not empty");
	assert_answer(RUN("file.remove", S("path", "m/n/o")), "true");
	put("m/file", "x");
	assert_failed(RUN("file.mkdir", S("path", "m/file")),
		      "file.mkdir: cannot make m/file: Not a directory");
	assert_failed(RUN("file.mkdir", S("path", "m/file/x")),
		      "file.mkdir: cannot make m/file: Not a directory");
	/* The link goes, what it leads to stays. */
	assert_int_equal(symlink("m/file", "to_file"), 0);
	assert_answer(RUN("file.remove", S("path", "to_file")), "true");
	assert_content("m/file", "x");
}

static struct outcome replace(const struct row_arg *args, struct value *note)
{
	row_start(driver, &file_table, "file.replace", "call", args);
	return row_wait_noted(driver, note);
}

/* What settles a replace of which only this note is on record. */
static bool settled(const struct row_arg *args, struct value note, bool *known)
{
	struct outcome outcome = row_settle(driver, &file_table, "file.replace", args, note);

	assert_int_equal(outcome.kind, OUTCOME_OK);
	*known = outcome.value.tag == VALUE_BOOL;
	return value_truthy(outcome.value);
}

static void test_replace(void **state)
{
	struct value note;
	bool known;

	(void)state;
	put("conf", "server blue;\nbackup blue;\n");
	assert_int_equal(chmod("conf", 0604), 0);
	assert_failed(replace(ARGS(S("path", "conf"), S("with", "x"), S("old", "red")), &note),
		      "file.replace: conf does not hold what is to be replaced");
	assert_failed(replace(ARGS(S("path", "conf"), S("with", "x")), &note),
		      "file.replace: either `old` or `pattern` must be given");
	assert_failed(
	    replace(ARGS(S("path", "conf"), S("with", "x"), S("old", "a"), S("pattern", "a")), &note),
	    "file.replace: either `old` or `pattern` must be given");
	assert_failed(replace(ARGS(S("path", "conf"), S("with", "x"), S("old", "")), &note),
		      "file.replace: `old` is empty");
	assert_failed(replace(ARGS(S("path", "conf"), S("with", "x"), S("pattern", "(")), &note),
		      "file.replace: missing closing parenthesis");
	assert_failed(replace(ARGS(S("path", "none"), S("with", "x"), S("old", "a")), &note),
		      "file.replace: cannot read none: No such file or directory");
	assert_content("conf", "server blue;\nbackup blue;\n");

	assert_answer(replace(ARGS(S("path", "conf"), S("with", "$1\\0&"), S("old", "blue")), &note), "2");
	assert_content("conf", "server $1\\0&;\nbackup $1\\0&;\n");
	assert_int_equal(mode_of("conf"), 0604);
	assert_true(settled(ARGS(S("path", "conf"), S("with", "x"), S("old", "blue")), note, &known));
	put("conf", "server blue;\nbackup blue;\n");
	assert_false(settled(ARGS(S("path", "conf"), S("with", "x"), S("old", "blue")), note, &known));
	assert_true(known);
	assert_false(
	    settled(ARGS(S("path", "conf"), S("with", "x"), S("old", "blue")), value_null(), &known));
	assert_true(known);
	assert_int_equal(unlink("conf"), 0);
	settled(ARGS(S("path", "conf"), S("with", "x"), S("old", "blue")), note, &known);
	assert_false(known);
	value_release(note);

	put("conf", "a1b22c");
	assert_answer(replace(ARGS(S("path", "conf"), S("with", "#"), S("pattern", "\\d+")), &note), "2");
	assert_content("conf", "a#b#c");
	value_release(note);
}

static void assert_described(const char *name, const struct row_arg *args, const char *expected)
{
	struct value line = row_describe(&file_table, name, args);

	assert_string_equal(value_text_peek(line), expected);
	value_release(line);
}

static void test_preview(void **state)
{
	(void)state;
	assert_described("file.write", ARGS(S("path", "/srv/x"), S("text", "12345")),
			 "file.write: \"/srv/x\" (5B)");
	assert_described("file.replace", ARGS(S("path", "/srv/x"), S("with", "green"), S("old", "blue")),
			 "file.replace: \"/srv/x\": each \"blue\" by \"green\"");
	assert_described("file.replace",
			 ARGS(S("path", "/srv/x"),
			      {"with", value_mark(value_string("hunter2"), VALUE_SECRET)},
			      S("pattern", "a+")),
			 "file.replace: \"/srv/x\": what matches \"a+\" by ***");
	assert_described("file.replace",
			 ARGS(S("path", "/srv/x"), S("with", "green"), S("old", "blue"), S("host", "web1")),
			 "file.replace: \"/srv/x\": each \"blue\" by \"green\"  (on \"web1\")");
}

static struct value values(const char *key, struct value v)
{
	struct value record = record_new(1);

	record_set(&record, key, v);
	return record;
}

static void test_template(void **state)
{
	struct value record = record_new(3), inner = record_new(1);

	(void)state;
	put("t.in", "server {{name}};\nshare {{ share }} of {{a.b}}; \\{{x}} {single} }}\n");
	record_set(&record, "name", value_string("green {{share}}"));
	record_set(&record, "share", value_percent(0.05));
	record_set(&inner, "b", value_int(7));
	record_set(&record, "a", inner);
	assert_answer(RUN("file.template", S("from", "t.in"), S("to", "t.out"), {"values", record}), "null");
	/* What a value holds isn't looked at again. */
	assert_content("t.out", "server green {{share}};\nshare 5% of 7; {{x}} {single} }}\n");

	assert_failed(RUN("file.template", S("from", "t.in"), S("to", "t.out"),
			  {"values", values("name", value_string("x"))}),
		      "file.template: t.in:2: there is no value for {{share}}");
	assert_failed(RUN("file.template", S("from", "t.in"), S("to", "t.out"),
			  {"values", values("name", value_null())}),
		      "file.template: t.in:1: there is no value for {{name}}");
	assert_content("t.out", "server green {{share}};\nshare 5% of 7; {{x}} {single} }}\n");
	put("t.bad", "\n{{ name");
	assert_failed(RUN("file.template", S("from", "t.bad"), S("to", "t.out"),
			  {"values", values("name", value_int(1))}),
		      "file.template: t.bad:2: {{ wants a name and }} behind it; \\{{ stands for itself");
	put("t.bad", "{{a..b}}");
	assert_failed(RUN("file.template", S("from", "t.bad"), S("to", "t.out"),
			  {"values", values("a", record_new(0))}),
		      "file.template: t.bad:1: there is no value for {{a..b}}");
	assert_failed(RUN("file.template", S("from", "t.in"), S("to", "t.out"), {"values", value_int(1)}),
		      "file.template: `values` must be a record");
	put("t.secret", "{{pw}}");
	assert_answer(RUN("file.template", S("from", "t.secret"), S("to", "t.key"),
			  {"values", values("pw", value_mark(value_string("hunter2"), VALUE_SECRET))}),
		      "null");
	assert_int_equal(mode_of("t.key"), 0600);
	put("t.empty", "");
	assert_answer(RUN("file.template", S("from", "t.empty"), S("to", "t.out"), {"values", record_new(0)}),
		      "null");
	assert_content("t.out", "");
}

#define SECRET(...) row_run(driver, &random_table, "random.secret", ARGS(__VA_ARGS__))

static void test_random_secret(void **state)
{
	struct outcome first = SECRET(S("to", "token")), again = SECRET(S("to", "token")),
		       other = SECRET(S("to", "token2"));

	(void)state;
	assert_int_equal(first.kind, OUTCOME_OK);
	assert_true(value_is_secret(first.value));
	assert_int_equal(value_length(first.value), 43);
	assert_int_equal(strspn(value_text_peek(first.value),
				"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
			 43);
	assert_int_equal(mode_of("token"), 0600);
	assert_content("token", value_text_peek(first.value));
	/* A call that is repeated after a crash finds the same one. */
	assert_true(value_equal(first.value, again.value));
	assert_false(value_equal(first.value, other.value));
	outcome_release(&first);
	outcome_release(&again);
	outcome_release(&other);
	put("token", "short\n");
	assert_failed(SECRET(S("to", "token")),
		      "random.secret: token is there, and holds no secret of at least 16 bytes");
	put("token", "0123456789abcdef\n");
	first = SECRET(S("to", "token"));
	assert_string_equal(value_text_peek(first.value), "0123456789abcdef");
	outcome_release(&first);
	assert_failed(SECRET(S("to", "no/such/token")),
		      "random.secret: cannot write no/such/token: No such file or directory");
	assert_failed(SECRET(S("to", "token3"), {"length", value_int(8)}),
		      "random.secret: `length` must be between 16 and 1024");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_look),
	    cmocka_unit_test(test_list_and_newest),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_copy),
	    cmocka_unit_test(test_full_disk),
	    cmocka_unit_test(test_no_permission),
	    cmocka_unit_test(test_append),
	    cmocka_unit_test(test_append_settles),
	    cmocka_unit_test(test_append_settles_long_text),
	    cmocka_unit_test(test_append_takes_turns),
	    cmocka_unit_test(test_remove_and_mkdir),
	    cmocka_unit_test(test_replace),
	    cmocka_unit_test(test_template),
	    cmocka_unit_test(test_preview),
	    cmocka_unit_test(test_random_secret),
	};

	return cmocka_run_group_tests(tests, open_home, close_home);
}
