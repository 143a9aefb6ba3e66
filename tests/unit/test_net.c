/* test_net.c - dns.*, tcp.*, tls.* and host.* against real servers, ports that are deaf, and this machine. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#include "tests/unit/call_row.h"
#include "tests/unit/driver_each.h"
#include "tests/unit/servers.h"

#define S  INT64_C(1000000000)
#define MS INT64_C(1000000)

static char directory[40];

static struct value answer_of(struct outcome outcome)
{
	struct value answer = value_copy(outcome.value);

	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	outcome_release(&outcome);
	return answer;
}

static void assert_fails(struct outcome outcome, const char *part, const char *reason)
{
	const char *message = value_text_peek(outcome.message);

	if (outcome.kind != OUTCOME_FAILED || strstr(message, part) == NULL)
		fail_msg("%d: %s\n   does not tell: %s", outcome.kind, message, part);
	if (reason != NULL)
		assert_string_equal(value_text_peek(record_peek(outcome.value, "reason")), reason);
	outcome_release(&outcome);
}

static bool has_text(struct value list, const char *text)
{
	for (size_t i = 0; i < value_length(list); i++)
		if (strcmp(value_text_peek(list_peek(list, i)), text) == 0)
			return true;
	return false;
}

static const char *text_of(struct value record, const char *key)
{
	return value_text_peek(record_peek(record, key));
}

/* ---- dns ---- */

static struct outcome resolve(const char *name, int64_t timeout)
{
	return row_run(driver, &dns_table, "dns.resolve",
		       ARGS({"name", value_string(name)}, {"timeout", value_duration(timeout)}));
}

static void test_resolve(void **state)
{
	struct value list = answer_of(resolve("localhost", 5 * S));

	(void)state;
	assert_true(has_text(list, "127.0.0.1") || has_text(list, "::1"));
	value_release(list);
	list = answer_of(resolve("127.0.0.1", 5 * S));
	assert_int_equal(value_length(list), 1);
	assert_true(has_text(list, "127.0.0.1"));
	value_release(list);
	list = answer_of(resolve("0:0:0:0:0:0:0:1", 5 * S));
	assert_true(has_text(list, "::1"));
	value_release(list);
	assert_fails(resolve("no-such-host.invalid", 20 * S),
		     "the host no-such-host.invalid is not known: ", NULL);
	assert_fails(resolve("", S), "this is no name of a host", NULL);
	assert_fails(resolve("two words", S), "this is no name of a host", NULL);
	assert_fails(
	    row_run(driver, &dns_table, "dns.resolve", ARGS({"name", value_string_n("localhost\0x", 11)})),
	    "this is no name of a host", NULL);
}

/*
 * A name server that takes questions and never answers; it holds the name `resolv.conf` in a mount namespace
 * of this process. -1: that takes rights which the test does not have.
 */
static int silent_name_server(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = inet_addr("127.99.0.53")};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char path[80];
	FILE *file;

	snprintf(path, sizeof path, "%s/resolv.conf", directory);
	file = fopen(path, "w");
	fputs("nameserver 127.99.0.53\noptions timeout:2 attempts:1\n", file);
	fclose(file);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0)
		return fd;
	close(fd);
	return -1;
}

static void test_resolver_hangs(void **state)
{
	int fd = silent_name_server();
	struct value answer;

	(void)state;
	if (fd < 0)
		skip();
	assert_fails(resolve("slow.example", 300 * MS),
		     "dns.resolve: no answer about slow.example within 300ms", NULL);
	row_start(driver, &dns_table, "dns.resolve", "slow", ARGS({"name", value_string("slow.example")}));
	driver->ops->cancel(driver, "slow");
	assert_fails(row_wait(driver), "cancelled", NULL);
	/* A host that nobody can tell of hangs no one else, even where every thread waits for it. */
	for (int i = 0; i < 8; i++) {
		char id[16];

		snprintf(id, sizeof id, "s%d", i);
		row_start(driver, &dns_table, "dns.resolve", id,
			  ARGS({"name", value_string("slow.example")}, {"timeout", value_duration(20 * S)}));
	}
	answer = answer_of(resolve("127.0.0.1", 500 * MS));
	value_release(answer);
	for (int i = 0; i < 8; i++) {
		char id[16];

		snprintf(id, sizeof id, "s%d", i);
		driver->ops->cancel(driver, id);
	}
	for (int i = 0; i < 8; i++)
		assert_fails(row_wait(driver), "cancelled", NULL);
	assert_fails(row_run(driver, &tcp_table, "tcp.connect",
			     ARGS({"host", value_string("slow.example")}, {"port", value_int(80)},
				  {"timeout", value_duration(300 * MS)})),
		     "no address of the host within 300ms", "no answer");
	umount("/etc/resolv.conf");
	close(fd);
}

/* ---- tcp ---- */

static struct outcome tcp_to(const char *host, int64_t port, int64_t timeout)
{
	return row_run(driver, &tcp_table, "tcp.connect",
		       ARGS({"host", value_string(host)}, {"port", value_int(port)},
			    {"timeout", value_duration(timeout)}));
}

static void test_tcp(void **state)
{
	struct deaf deaf = servers_deaf();
	int port, listener = servers_listen(4, &port);
	struct value answer = answer_of(tcp_to("localhost", port, 5 * S));

	(void)state;
	assert_string_equal(text_of(answer, "address"), "127.0.0.1");
	assert_true(record_peek(answer, "time").i > 0);
	value_release(answer);
	close(listener);
	assert_fails(tcp_to("127.0.0.1", port, 5 * S), "connection refused", "refused");
	assert_fails(tcp_to("127.0.0.1", deaf.port, 200 * MS), "no connection within 200ms", "no answer");
	assert_fails(tcp_to("no-such-host.invalid", 80, 20 * S), "is not known", "unknown host");
	assert_fails(tcp_to("127.0.0.1", 0, S), "a port is from 1 to 65535", NULL);
	assert_fails(tcp_to("127.0.0.1", 65536, S), "a port is from 1 to 65535", NULL);
	assert_fails(tcp_to("", 80, S), "this is no name of a host", NULL);
	row_start(driver, &tcp_table, "tcp.connect", "slow",
		  ARGS({"host", value_string("127.0.0.1")}, {"port", value_int(deaf.port)}));
	driver->ops->cancel(driver, "slow");
	assert_fails(row_wait(driver), "cancelled", NULL);
	/* The run ends while one is on its way. */
	row_start(driver, &tcp_table, "tcp.connect", "left",
		  ARGS({"host", value_string("127.0.0.1")}, {"port", value_int(deaf.port)}));
	servers_undeaf(&deaf);
}

/* ---- tls ---- */

static pid_t serve_tls(const char *name, int *port)
{
	char certificate[40], key[40], accept[24];
	const char *argv[] = {"openssl", "s_server", "-quiet",	"-www", "-cert", certificate,
			      "-key",	 key,	     "-accept", accept, NULL};
	pid_t pid;

	*port = servers_free_port();
	snprintf(certificate, sizeof certificate, "%s.pem", name);
	snprintf(key, sizeof key, "%s.key", name);
	snprintf(accept, sizeof accept, "127.0.0.1:%d", *port);
	pid = servers_start(directory, *port, argv);
	assert_true(pid > 0);
	return pid;
}

static struct outcome certificate(int port, const char *ca, const char *server_name)
{
	return row_run(driver, &tls_table, "tls.certificate",
		       ARGS({"host", value_string("127.0.0.1")}, {"port", value_int(port)},
			    {"ca", ca == NULL ? value_null() : value_string_printf("%s/%s", directory, ca)},
			    {"server_name", value_string(server_name)}, {"timeout", value_duration(5 * S)}));
}

static void test_certificate(void **state)
{
	int port;
	pid_t pid = serve_tls("good", &port);
	struct value answer = answer_of(certificate(port, "ca.pem", "localhost")), got;
	char expected[80];
	FILE *file;

	(void)state;
	assert_string_equal(text_of(answer, "subject"), "CN=localhost,O=Tests");
	assert_string_equal(text_of(answer, "issuer"), "CN=Test CA");
	assert_int_equal(value_length(record_peek(answer, "names")), 3);
	assert_true(has_text(record_peek(answer, "names"), "app.example"));
	assert_true(has_text(record_peek(answer, "names"), "127.0.0.1"));
	assert_true(record_peek(answer, "trusted").b);
	assert_int_equal(record_peek(answer, "problem").tag, VALUE_NULL);
	assert_true(record_peek(answer, "not_before").i == 1704067200 * S);
	assert_true(record_peek(answer, "not_after").i == INT64_C(4102444799) * S);
	assert_true(record_peek(answer, "days_left").i > 20000);
	assert_string_equal(text_of(answer, "protocol"), "TLSv1.3");
	/* The fingerprint is what openssl says. */
	assert_true(servers_shell(directory, "openssl x509 -in good.pem -noout -fingerprint -sha256 | "
					     "sed 's/.*=//; s/://g' | tr A-F a-f >fingerprint"));
	{
		char path[80];

		snprintf(path, sizeof path, "%s/fingerprint", directory);
		file = fopen(path, "r");
		assert_non_null(fgets(expected, sizeof expected, file));
		fclose(file);
	}
	expected[64] = '\0';
	assert_string_equal(text_of(answer, "sha256"), expected);
	/* http.* tells the same end. */
	got = answer_of(row_run(driver, &http_table, "http.get",
				ARGS({"url", value_string_printf("https://localhost:%d/", port)},
				     {"ca", value_string_printf("%s/ca.pem", directory)})));
	assert_true(value_equal(record_peek(got, "certificate_expires"), record_peek(answer, "not_after")));
	value_release(got);
	value_release(answer);
	/* By its address, and by another of its names. */
	answer = answer_of(certificate(port, "ca.pem", NULL));
	assert_true(record_peek(answer, "trusted").b);
	value_release(answer);
	answer = answer_of(certificate(port, "ca.pem", "app.example"));
	assert_true(record_peek(answer, "trusted").b);
	value_release(answer);
	assert_fails(certificate(port, "none.pem", NULL), "ca: no certificates can be read", "tls");
	servers_stop(pid);
}

/* One that no browser would take is an answer. */
static void test_bad_certificates(void **state)
{
	static const struct {
		const char *name, *ca, *server_name, *problem;
		int sign; /* of days_left */
	} cases[] = {
	    {"expired", "ca.pem", "localhost", "certificate has expired", -1},
	    {"future", "ca.pem", "localhost", "certificate is not yet valid", 1},
	    {"wrong", "ca.pem", "localhost", "hostname mismatch", 1},
	    {"wrong", "ca.pem", NULL, "IP address mismatch", 1},
	    {"self", "ca.pem", "localhost", "self-signed certificate", 1},
	    {"good", NULL, "localhost", "unable to get local issuer certificate", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int port;
		pid_t pid = serve_tls(cases[i].name, &port);
		struct value answer = answer_of(certificate(port, cases[i].ca, cases[i].server_name));

		assert_false(record_peek(answer, "trusted").b);
		assert_string_equal(text_of(answer, "problem"), cases[i].problem);
		assert_true(record_peek(answer, "days_left").i * cases[i].sign > 0);
		value_release(answer);
		servers_stop(pid);
	}
}

static void test_no_certificate(void **state)
{
	static const struct {
		struct canned how;
		const char *part, *reason;
	} cases[] = {
	    {{.bytes = "", .hangs = true}, "no answer to TLS's handshake within 1s", "no answer"},
	    {{.bytes = ""}, "during TLS's handshake", "tls"},
	    {{.bytes = "\x16\x03\x03\x00\x7a\x02", .length = 6}, "", NULL},
	    {{.bytes = "\x16\x03\x03\x00\x7a\x02", .length = 6, .hangs = true},
	     "no answer to TLS's handshake",
	     "no answer"},
	    {{.bytes = "HTTP/1.1 400 Bad Request\r\n\r\n", .length = 28, .hangs = true},
	     "TLS: wrong version number",
	     "tls"},
	};
	struct deaf deaf = servers_deaf();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int port;
		pid_t pid = servers_canned(&cases[i].how, &port);

		assert_fails(row_run(driver, &tls_table, "tls.certificate",
				     ARGS({"host", value_string("127.0.0.1")}, {"port", value_int(port)},
					  {"timeout", value_duration(1 * S)})),
			     cases[i].part, cases[i].reason);
		servers_stop(pid);
	}
	assert_fails(certificate(servers_free_port(), NULL, NULL), "connection refused", "refused");
	assert_fails(row_run(driver, &tls_table, "tls.certificate",
			     ARGS({"host", value_string("127.0.0.1")}, {"port", value_int(deaf.port)},
				  {"timeout", value_duration(200 * MS)})),
		     "no connection within 200ms", "no answer");
	row_start(driver, &tls_table, "tls.certificate", "slow",
		  ARGS({"host", value_string("127.0.0.1")}, {"port", value_int(deaf.port)}));
	driver->ops->cancel(driver, "slow");
	assert_fails(row_wait(driver), "cancelled", NULL);
	servers_undeaf(&deaf);
}

/* ---- host ---- */

static void test_disk(void **state)
{
	struct value answer =
	    answer_of(row_run(driver, &host_table, "host.disk", ARGS({"path", value_string("/")})));
	struct statvfs fs;
	double used;

	(void)state;
	assert_int_equal(statvfs("/", &fs), 0);
	assert_int_equal(record_peek(answer, "size").tag, VALUE_SIZE);
	assert_true(record_peek(answer, "size").i == (int64_t)(fs.f_blocks * fs.f_frsize));
	assert_true(record_peek(answer, "available").i > 0);
	assert_true(record_peek(answer, "free").i >= record_peek(answer, "available").i);
	used = record_peek(answer, "used").f;
	assert_int_equal(record_peek(answer, "used").tag, VALUE_PERCENT);
	assert_true(used > 0 && used < 1);
	assert_string_equal(text_of(answer, "mount"), "/");
	value_release(answer);
	assert_fails(row_run(driver, &host_table, "host.disk", ARGS({"path", value_string("/no/such/path")})),
		     "No such file or directory", NULL);
	assert_fails(row_run(driver, &host_table, "host.disk", ARGS({"path", value_string("")})), "is empty",
		     NULL);
	/* A path that looks like an option is a path. */
	assert_fails(row_run(driver, &host_table, "host.disk", ARGS({"path", value_string("--help")})),
		     "No such file or directory", NULL);
}

static void test_memory_load_boot(void **state)
{
	struct value answer = answer_of(row_run(driver, &host_table, "host.memory", ARGS()));
	int64_t whole = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	char boot_id[40];
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

	(void)state;
	assert_true(record_peek(answer, "size").i > whole / 100 * 99 &&
		    record_peek(answer, "size").i < whole / 100 * 101);
	assert_true(record_peek(answer, "available").i < record_peek(answer, "size").i);
	assert_int_equal(record_peek(answer, "used").tag, VALUE_PERCENT);
	value_release(answer);
	answer = answer_of(row_run(driver, &host_table, "host.load", ARGS()));
	assert_true(record_peek(answer, "one").f >= 0);
	value_release(answer);
	assert_non_null(fgets(boot_id, sizeof boot_id, file));
	fclose(file);
	boot_id[36] = '\0';
	answer = answer_of(row_run(driver, &host_table, "host.boot_id", ARGS()));
	assert_string_equal(value_text_peek(answer), boot_id);
	value_release(answer);
}

static void test_service_names(void **state)
{
	static const char *const wrong[] = {"", "*", "a b", "a/b", "[a]", "nginx\n"};
	struct value line;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_fails(
		    row_run(driver, &host_table, "host.service", ARGS({"name", value_string(wrong[i])})),
		    "a service's name is letters, digits", NULL);
		assert_fails(row_run(driver, &host_table, "host.restart_service",
				     ARGS({"name", value_string(wrong[i])})),
			     "a service's name is letters, digits", NULL);
	}
	assert_fails(row_run(driver, &host_table, "host.service", ARGS({"name", value_string_n("a\0b", 3)})),
		     "a service's name is letters, digits", NULL);
	/* With systemd or without: one that is not there is told, and not taken for one that is stopped. */
	assert_fails(
	    row_run(driver, &host_table, "host.service", ARGS({"name", value_string("runplan-no-such")})),
	    "host.service: ", NULL);
	line = row_describe(&host_table, "host.restart_service", ARGS({"name", value_string("nginx")}));
	assert_string_equal(value_text_peek(line), "systemctl --no-ask-password restart -- nginx");
	value_release(line);
}

static int start(void **state)
{
	(void)state;
	servers_directory(directory);
	return servers_certificates(directory) ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	servers_remove(directory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    /* First: the threads that resolve must be in its mount namespace. */
	    TEST(test_resolver_hangs), TEST(test_resolve),	    TEST(test_tcp),
	    TEST(test_certificate),    TEST(test_bad_certificates), TEST(test_no_certificate),
	    TEST(test_disk),	       TEST(test_memory_load_boot), TEST(test_service_names),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
