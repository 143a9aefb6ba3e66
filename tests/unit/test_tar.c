/* The build context: which paths a .dockerignore leaves out, and what the archive then holds, as tar reads
 * it. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "builtins/tar.h"

static const struct {
	const char *rules, *path;
	bool ignored;
} cases[] = {
    {"", "a", false},
    {"a", "a", true},
    {"a", "b", false},
    {"a", "a/b/c", true},
    {"a", "x/a", false},
    {"a", "ab", false},
    {"/a", "a", true},
    {"./a/", "a", true},
    {"a//b/./c", "a/b/c", true},
    {"a/../b", "b", true},
    {".", "a", false},
    {"/", "a", false},
    {"  a  \r\n", "a", true},
    {"# a\na", "a", true},
    {"# a", "a", false},
    {"#a", "#a", false},
    {"\\#a", "#a", true},
    {"\xef\xbb\xbf"
     "a",
     "a", true},
    {"*.log", "x.log", true},
    {"*.log", "d/x.log", false},
    {"*", "a/b", true},
    {"*/b", "a/b", true},
    {"*/b", "a/c/b", false},
    {"a?c", "abc", true},
    {"a?c", "a/c", false},
    {"a?", "a", false},
    {"**/x", "x", true},
    {"**/x", "a/x", true},
    {"**/x", "a/b/x", true},
    {"**/x", "a/bx", false},
    {"a/**", "a/b/c", true},
    {"a/**", "a", false},
    {"a/**/z", "a/z", true},
    {"a/**/z", "a/b/c/z", true},
    {"a/**/z", "a/b/c/y", false},
    {"**", "anything/at/all", true},
    {"**/*.go", "a/b.go", true},
    {"**/*.go", "b.go", true},
    {"**/*.go", "b.gox", false},
    {"[a-c]x", "bx", true},
    {"[a-c]x", "dx", false},
    {"[^a-c]x", "dx", true},
    {"[^a-c]x", "bx", false},
    {"[^a]", "/", false},
    {"[]a]x", "]x", true},
    {"[a", "a", false},
    {"[", "[", false},
    {"a[b/c", "a", false},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"*\n!keep", "keep", false},
    {"*\n!keep", "other", true},
    {"*\n!keep", "keep/inside", false},
    {"a\n!a/b", "a/b", false},
    {"a\n!a/b", "a/c", true},
    {"!a\na", "a", true},
    {"a\n!a\na/b", "a/b", true},
    {"a\n!a\na/b", "a/c", false},
    {"*.md\n! README.md", "README.md", false},
    {"*.md\n!README.md", "x.md", true},
    {"a b", "a b", true},
    {"\xc3\xbc", "\xc3\xbc", true},
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tar_rules *rules = tar_rules_parse(cases[i].rules, strlen(cases[i].rules));

		if (tar_rules_ignore(rules, cases[i].path) != cases[i].ignored)
			fail_msg("\"%s\" %s \"%s\"", cases[i].rules,
				 cases[i].ignored ? "takes" : "leaves out", cases[i].path);
		tar_rules_free(rules);
	}
}

/* Rules that backtrack must end all the same. */
static void test_rules_that_backtrack(void **state)
{
	struct tar_rules *rules = tar_rules_parse("a*a*a*a*a*b", 11);

	(void)state;
	assert_false(tar_rules_ignore(rules, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	tar_rules_free(rules);
}

/* ---- the archive ---- */

static char directory[] = "/tmp/rp-tar-XXXXXX";

static int shell(const char *format, ...)
{
	char script[2000];
	va_list list;

	va_start(list, format);
	vsnprintf(script, sizeof script, format, list);
	va_end(list);
	const char *argv[] = {"bash", "-c", script, NULL};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static bool archive(const char *from, const char *const *always, char *error, size_t size)
{
	struct tar_rules *rules = tar_rules_read(from, error, size);
	char path[100];
	FILE *out;
	bool good;

	if (rules == NULL)
		return false;
	snprintf(path, sizeof path, "%s/out.tar", directory);
	out = fopen(path, "we");
	assert_non_null(out);
	good = tar_write(from, rules, always, out, error, size);
	assert_int_equal(fclose(out), 0);
	tar_rules_free(rules);
	return good;
}

static int begin(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/rp-tar-XXXXXX");
	assert_non_null(mkdtemp(directory));
	return 0;
}

static int finish(void **state)
{
	(void)state;
	return shell("rm -rf %s", directory);
}

static void test_archive_is_what_tar_reads(void **state)
{
	char from[100], error[500] = "";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(from, sizeof from, "%s/in", directory);
	assert_int_equal(
	    shell(
		"mkdir -p %s && cd %s && mkdir -p a/b 'sp ace' && echo one >a/one && : >empty && "
		"head -c 512 /dev/zero >block && head -c 1000000 /dev/urandom >large && chmod 4711 a/one && "
		"ln -s ../a/one a/b/link && ln -s $(printf 'l%%.0s' {1..150}) longlink && mkfifo pipe && "
		"n=$(printf 'n%%.0s' {1..100}) && echo x >$n && mkdir -p $n$n/$n && echo y >$n$n/$n/${n}z && "
		"echo u >'ünï' && touch -d '1990-01-01 00:00:00 UTC' a/one && chmod 700 a/b",
		from, from),
	    0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", from);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_true(archive(from, NULL, error, sizeof error));
	close(fd);
	/* The same files, modes, times and links; and the size is whole blocks. */
	assert_int_equal(
	    shell(
		"cd %s && rm in/socket && mkdir un && tar -C un -xpf out.tar && "
		"f() { (cd $1 && find . -mindepth 1 -printf '%%p %%y %%m %%l %%T@\\n' | sed 's/\\.0*$//' | "
		"sort); } && "
		"diff <(f in | sed 's/\\.[0-9]*$//') <(f un | sed 's/\\.[0-9]*$//') && "
		"diff -r --no-dereference -x pipe in un && test $(( $(stat -c %%s out.tar) %% 512 )) = 0 && "
		"! tar -tvf out.tar | grep -v ' 0/0 '",
		directory),
	    0);
}

static void test_archive_leaves_out(void **state)
{
	static const char *const always[] = {"sub/Dockerfile", ".dockerignore", NULL};
	char from[100], error[500] = "";

	(void)state;
	snprintf(from, sizeof from, "%s/in", directory);
	assert_int_equal(shell("mkdir -p %s && cd %s && mkdir -p sub keep/deep no && touch sub/Dockerfile "
			       "sub/x keep/a keep/deep/b no/c top && "
			       "printf '*\\n!keep\\nkeep/a\\n' >.dockerignore",
			       from, from),
			 0);
	assert_true(archive(from, always, error, sizeof error));
	assert_int_equal(shell("cd %s && diff <(tar -tf out.tar) <(printf '%%s\\n' .dockerignore keep/ "
			       "keep/deep/ keep/deep/b "
			       "sub/Dockerfile)",
			       directory),
			 0);
}

static void test_archive_failures(void **state)
{
	char from[100], error[500] = "";
	struct tar_rules *rules = tar_rules_parse("", 0);
	FILE *full = fopen("/dev/full", "we");

	(void)state;
	snprintf(from, sizeof from, "%s/none", directory);
	assert_false(archive(from, NULL, error, sizeof error));
	assert_non_null(strstr(error, "/none: No such file or directory"));
	snprintf(from, sizeof from, "%s/in", directory);
	assert_int_equal(shell("mkdir -p %s/.dockerignore", from), 0);
	assert_false(archive(from, NULL, error, sizeof error));
	assert_non_null(strstr(error, ".dockerignore"));
	assert_int_equal(shell("rmdir %s/.dockerignore && head -c 100000 /dev/zero >%s/x", from, from), 0);
	assert_non_null(full);
	assert_false(tar_write(from, rules, NULL, full, error, sizeof error));
	assert_non_null(strstr(error, "cannot write the archive: No space left"));
	fclose(full);
	tar_rules_free(rules);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rules),      cmocka_unit_test(test_rules_that_backtrack),
	    T(test_archive_is_what_tar_reads), T(test_archive_leaves_out),
	    T(test_archive_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
