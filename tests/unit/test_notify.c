/*
 * test_notify.c - notify.mail against a real SMTP server with STARTTLS and logins (tests/smtp_server.py);
 * notify.slack, notify.teams and notify.status_page against a server that shows what came.
 */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#include "tests/unit/call_row.h"
#include "tests/unit/http_serve.h"
#include "tests/unit/scratch.h"

#define S	 INT64_C(1000000000)
#define LOGIN	 "deploy:pa:ss word\303\274"
#define PASSWORD "pa:ss word\303\274"

static struct serve fake;
static int plain_port, secure_port, mails;
static pid_t plain, secure;

static struct outcome run(const char *name, const struct row_arg *args)
{
	struct driver *driver = live_new(NULL);
	struct outcome outcome = row_run(driver, &notify_table, name, args);

	driver->ops->free(driver);
	return outcome;
}

static void ok(struct outcome outcome)
{
	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	outcome_release(&outcome);
}

static void fails(struct outcome outcome, enum outcome_kind kind, const char *words)
{
	if (outcome.kind != kind || strstr(value_text_peek(outcome.message), words) == NULL)
		fail_msg("wanted \"%s\", got \"%s\" (%d)", words, value_text_peek(outcome.message),
			 outcome.kind);
	assert_null(strstr(value_text_peek(outcome.message), PASSWORD));
	outcome_release(&outcome);
}

static struct value server(int port)
{
	return value_string_printf("localhost:%d", port);
}

#define PLAIN                                                                                                \
	{"smtp", server(plain_port)}, {"tls", value_string("never")},                                        \
	{                                                                                                    \
		"from", value_string("deploy@x.org")                                                         \
	}
#define SECURE(login_text)                                                                                   \
	{"smtp", server(secure_port)}, {"ca", value_string(in_directory("cert.pem"))},                       \
	    {"from", value_string("deploy@x.org")},                                                          \
	{                                                                                                    \
		"login", value_mark(value_string(login_text), VALUE_SECRET)                                  \
	}

static struct outcome mail(const char *to, const char *subject, const char *body)
{
	return run("notify.mail", ARGS({"to", value_string(to)}, {"subject", value_string(subject)},
				       {"body", value_string(body)}, PLAIN));
}

/* The mail kept last by the server of that folder, decoded by Python's own mail parser into lines. */
static const char *kept(const char *folder, int number)
{
	static const char script[] =
	    "import sys, email, email.policy\n"
	    "head, raw = open(sys.argv[1], 'rb').read().split(b'\\n', 1)\n"
	    "assert max(len(l) for l in raw.split(b'\\r\\n')) <= 998 and raw.isascii()\n"
	    "m = email.message_from_bytes(raw, policy=email.policy.default)\n"
	    "assert not m.defects, m.defects\n"
	    "print(head.decode()); print(m['From']); print(m['To']); print(m['Subject'])\n"
	    "assert m['Date'] and m['Message-ID']\n"
	    "sys.stdout.write(m.get_content().replace('\\r\\n', '\\n'))\n";
	static char text[8000];
	char path[200];
	const char *argv[] = {"/usr/bin/python3", "-c", script, path, NULL};
	size_t length = 0;
	ssize_t got;
	pid_t pid;
	int out;

	snprintf(path, sizeof path, "%s/%s/mail.%d", directory, folder, number);
	pid = server_start(argv, &out);
	while ((got = read(out, text + length, sizeof text - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(out);
	waitpid(pid, NULL, 0);
	return text;
}

static void test_a_mail_as_it_arrives(void **state)
{
	static const char *const subjects[] = {
	    "v2 is live", "\303\234ber v2 \342\200\224 fertig", "=?a trap?=",
	    "a very long subject with \303\274 in it, which goes on and on until it no longer fits into one "
	    "encoded "
	    "word of seventy-five characters, \346\227\245\346\234\254\350\252\236"};
	static const char body[] = "Hello\n.\n.. two dots\nFrom here\nQUIT\n\303\274\342\202\254\n";
	char wanted[2000];

	(void)state;
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
		ok(mail("ops@x.org", subjects[i], body));
		snprintf(wanted, sizeof wanted, "deploy@x.org > ops@x.org\ndeploy@x.org\nops@x.org\n%s\n%s",
			 subjects[i], body);
		assert_string_equal(kept("plain", ++mails), wanted);
	}
	ok(mail("ops@x.org", "", ""));
	assert_string_equal(kept("plain", ++mails),
			    "deploy@x.org > ops@x.org\ndeploy@x.org\nops@x.org\n\n\n");
}

static void test_several_and_names(void **state)
{
	struct value to = list_new(2);

	(void)state;
	list_push(&to, value_string("J\303\274rgen \"J\" <j@x.org>"));
	list_push(&to, value_string("Ops, all of \"them\" <ops@x.org>"));
	ok(run("notify.mail",
	       ARGS({"to", to}, {"subject", value_string("s")}, {"body", value_string("b")}, PLAIN)));
	assert_string_equal(
	    kept("plain", ++mails),
	    "deploy@x.org > j@x.org ops@x.org\ndeploy@x.org\n\"J\303\274rgen \\\"J\\\"\" <j@x.org>, "
	    "\"Ops, all of \\\"them\\\"\" <ops@x.org>\ns\nb\n");
}

static void test_line_breaks_and_no_addresses(void **state)
{
	static const char *const bad[] = {"a@x.org\r\nBcc: b@x.org",
					  "a@x.org\nb",
					  "no address",
					  "@x.org",
					  "a@",
					  "<a@x.org",
					  "A <a@x.org> b",
					  "a@x.org, b@x.org",
					  "a b@x.org",
					  "j\303\274@x.org",
					  "",
					  "a@b@c",
					  "A <a@x.org>>"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		fails(mail(bad[i], "s", "b"), OUTCOME_FAILED, "notify.mail: an address ");
	fails(mail("a@x.org", "s\r\nBcc: b@x.org", "b"), OUTCOME_FAILED, "a subject is one line");
	fails(run("notify.mail", ARGS({"to", list_new(0)}, {"subject", value_string("s")},
				      {"body", value_string("b")}, PLAIN)),
	      OUTCOME_FAILED, "nobody is to get it");
	fails(run("notify.mail", ARGS({"to", value_string("a@x.org")}, {"subject", value_string("s")},
				      {"body", value_string("b")}, {"smtp", server(plain_port)},
				      {"from", value_string("a@x.org\nX: y")})),
	      OUTCOME_FAILED, "an address has a line break in it");
	fails(run("notify.mail", ARGS({"to", value_string("a@x.org")}, {"subject", value_string("s")},
				      {"body", value_string("b")}, {"smtp", value_string("x/y@z")},
				      {"from", value_string("a@x.org")})),
	      OUTCOME_FAILED, "smtp is a host");
	fails(run("notify.mail", ARGS({"to", value_string("a@x.org")}, {"subject", value_string("s")},
				      {"body", value_string("b")}, {"login", value_string(LOGIN)}, PLAIN)),
	      OUTCOME_FAILED, "a login goes over TLS only");
}

static void test_starttls_and_login(void **state)
{
	(void)state;
	ok(run("notify.mail", ARGS({"to", value_string("ops@x.org")}, {"subject", value_string("s")},
				   {"body", value_string("b")}, SECURE(LOGIN))));
	assert_string_equal(kept("secure", 1), "deploy@x.org > ops@x.org\ndeploy@x.org\nops@x.org\ns\nb\n");
	fails(run("notify.mail", ARGS({"to", value_string("ops@x.org")}, {"subject", value_string("s")},
				      {"body", value_string("b")}, SECURE(LOGIN "x"))),
	      OUTCOME_FAILED, "the login is refused");
	fails(run("notify.mail", ARGS({"to", value_string("ops@x.org")}, {"subject", value_string("s")},
				      {"body", value_string("b")}, {"smtp", server(secure_port)},
				      {"from", value_string("a@x.org")})),
	      OUTCOME_FAILED, "its certificate is not accepted");
	fails(run("notify.mail", ARGS({"to", value_string("ops@x.org")}, {"subject", value_string("s")},
				      {"body", value_string("b")}, {"smtp", server(plain_port)},
				      {"from", value_string("a@x.org")})),
	      OUTCOME_FAILED, "it offers no TLS");
	fails(run("notify.mail", ARGS({"to", value_string("ops@x.org")}, {"subject", value_string("s")},
				      {"body", value_string("b")}, {"smtp", server(secure_port)},
				      {"from", value_string("a@x.org")}, {"tls", value_string("never")})),
	      OUTCOME_FAILED, "530");
}

static void test_what_the_server_refuses(void **state)
{
	struct outcome outcome;

	(void)state;
	fails(mail("refused@x.org", "s", "b"), OUTCOME_FAILED, "550 5.1.1 nobody of that name here");
	fails(mail("busy@x.org", "s", "b"), OUTCOME_FAILED, "451 4.7.1 come back later");
	outcome =
	    run("notify.mail", ARGS({"to", value_string("hang@x.org")}, {"subject", value_string("s")},
				    {"body", value_string("b")}, {"timeout", value_duration(S)}, PLAIN));
	fails(outcome, OUTCOME_FAILED, "timed out after 1s");
	fails(mail("lost@x.org", "s", "b"), OUTCOME_UNKNOWN, "the mail may have gone out");
	mails++;
	fails(run("notify.mail", ARGS({"to", value_string("a@x.org")}, {"subject", value_string("s")},
				      {"body", value_string("b")}, {"smtp", server(servers_free_port())},
				      {"tls", value_string("never")}, {"from", value_string("a@x.org")})),
	      OUTCOME_FAILED, "nobody can be reached there");
}

static void test_cancel_a_mail(void **state)
{
	struct driver *driver = live_new(NULL);
	struct delivery delivery;

	(void)state;
	row_start(driver, &notify_table, "notify.mail", "m",
		  ARGS({"to", value_string("hang@x.org")}, {"subject", value_string("s")},
		       {"body", value_string("b")}, PLAIN));
	assert_true(driver->ops->next(driver, live_now((struct live *)driver) + S / 5, &delivery));
	assert_int_equal(delivery.kind, DELIVERY_TIME);
	driver->ops->cancel(driver, "m");
	fails(row_wait(driver), OUTCOME_FAILED, "cancelled");
	driver->ops->free(driver);
}

/* ---- messages by HTTP ---- */

/* The server answers with what was asked; an answer without "id" shows it in the message of the failure. */
static struct value url(const char *path)
{
	return value_mark(value_string_printf("http://127.0.0.1:%d%s", fake.port, path), VALUE_SECRET);
}

static void test_chats(void **state)
{
	(void)state;
	ok(run("notify.slack", ARGS({"url", url("/ok")}, {"text", value_string("a <!channel> & b")})));
	ok(run("notify.teams", ARGS({"url", url("/ok")}, {"text", value_string("**a**")})));
	fails(run("notify.slack", ARGS({"url", url("/status/403")}, {"text", value_string("a")})),
	      OUTCOME_FAILED, "notify.slack: ***: answered 403: status 403");
	fails(run("notify.slack", ARGS({"url", url("/refusing")}, {"text", value_string("a <!here> & b")})),
	      OUTCOME_FAILED, "answered 400: no_service");
	fails(run("notify.teams",
		  ARGS({"url", url("/close")}, {"text", value_string("a")}, {"retries", value_int(0)})),
	      OUTCOME_UNKNOWN, "notify.teams: ***: ");
}

static int seen_body(const char *name, const struct row_arg *args, struct value *json)
{
	int ends[2], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	struct driver *driver = live_new(NULL);
	static char text[20000];
	char error[160], *body;
	ssize_t got, length = 0;
	struct row_call call = row_request(&notify_table, name, "call", args);
	size_t at = strcmp(name, "notify.status_page") == 0 ? 7 : 0;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&address, &size);
	port = ntohs(address.sin_port);
	pid = fork();
	if (pid == 0) {
		static const char answer[] =
		    "HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{\"id\":\"inc\"}";
		int fd = accept(listener, NULL, NULL);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		got = recv(fd, text, sizeof text, 0);
		if (write(ends[1], text, (size_t)got) != got || send(fd, answer, sizeof answer - 1, 0) < 0)
			_exit(1);
		_exit(0);
	}
	close(ends[1]);
	close(listener);
	value_put(&call.args[at], value_string_printf("http://127.0.0.1:%d/v1/", port));
	call.request.args = call.args;
	driver->ops->start(driver, &call.request);
	ok(row_wait(driver));
	row_call_drop(&call);
	driver->ops->free(driver);
	waitpid(pid, NULL, 0);
	while ((got = read(ends[0], text + length, sizeof text - 1 - (size_t)length)) > 0)
		length += got;
	text[length] = '\0';
	close(ends[0]);
	body = strstr(text, "\r\n\r\n");
	assert_non_null(body);
	assert_true(value_from_json(body + 4, strlen(body + 4), json, error));
	if (at == 7)
		assert_non_null(strstr(text, "Authorization: OAuth the-key\r\n"));
	return strncmp(text, "PATCH /v1/pages/page1/incidents/inc1 ", 37) == 0 ? 2
	       : strncmp(text, "POST /v1/pages/page1/incidents ", 31) == 0     ? 1
									       : 0;
}

static void test_what_goes_out(void **state)
{
	struct value json, components = record_new(1), card;

	(void)state;
	seen_body("notify.slack",
		  ARGS({"url", url("/")}, {"text", value_string("a <!here> & \303\274\n\"b\"")}), &json);
	assert_string_equal(value_text_peek(record_peek(json, "text")),
			    "a &lt;!here&gt; &amp; \303\274\n\"b\"");
	value_release(json);
	seen_body("notify.teams", ARGS({"url", url("/")}, {"text", value_string("**a** <b>")}), &json);
	card = record_peek(list_peek(record_peek(json, "attachments"), 0), "content");
	card = list_peek(record_peek(list_peek(record_peek(card, "body"), 0), "inlines"), 0);
	assert_string_equal(value_text_peek(record_peek(card, "text")), "**a** <b>");
	value_release(json);
	record_set(&components, "c1", value_string("degraded_performance"));
	assert_int_equal(seen_body("notify.status_page",
				   ARGS({"page", value_string("page1")}, {"title", value_string("v2")},
					{"key", value_mark(value_string("the-key"), VALUE_SECRET)},
					{"components", components}),
				   &json),
			 1);
	card = record_peek(json, "incident");
	assert_string_equal(value_text_peek(record_peek(card, "name")), "v2");
	assert_string_equal(value_text_peek(record_peek(card, "status")), "investigating");
	assert_string_equal(value_text_peek(list_peek(record_peek(card, "component_ids"), 0)), "c1");
	value_release(json);
	assert_int_equal(
	    seen_body("notify.status_page",
		      ARGS({"page", value_string("page1")}, {"title", value_string("v2")},
			   {"key", value_mark(value_string("the-key"), VALUE_SECRET)},
			   {"status", value_string("resolved")}, {"incident", value_string("inc1")}),
		      &json),
	    2);
	value_release(json);
}

static void test_an_answer_that_is_not_http(void **state)
{
	struct canned how = {.bytes = "220 mail.example ESMTP\r\n", .length = 24, .hangs = true};
	int port;
	pid_t pid = servers_canned(&how, &port);

	(void)state;
	fails(run("notify.webhook", ARGS({"url", value_string_printf("http://127.0.0.1:%d/", port)},
					 {"text", value_string("x")}, {"retries", value_int(0)})),
	      OUTCOME_UNKNOWN, "the answer is not HTTP (127.0.0.1:");
	servers_stop(pid);
}

static struct outcome page(const char *id, const char *path)
{
	return run("notify.status_page",
		   ARGS({"page", value_string(id)}, {"title", value_string("v2")},
			{"key", value_mark(value_string("the-key"), VALUE_SECRET)},
			{"timeout", value_duration(S)},
			{"server", value_string_printf("http://127.0.0.1:%d%s", fake.port, path)}));
}

static void test_a_status_page_that_refuses(void **state)
{
	(void)state;
	fails(page("p/../x", "/"), OUTCOME_FAILED, "an id has letters, digits, - and _ only");
	fails(page("p", "/nobody"), OUTCOME_FAILED, "answered 404");
	fails(page("p", "/noid"), OUTCOME_FAILED, "not an answer of its API: it has no id");
	fails(run("notify.status_page", ARGS({"page", value_string("p")}, {"title", value_string("t")})),
	      OUTCOME_FAILED, "no key: give `key`");
}

static const char *fake_answer(const char *path, const char **type, int *status)
{
	*type = "application/json";
	if (strcmp(path, "/refusing") == 0) {
		*status = 400;
		return "no_service";
	}
	return strncmp(path, "/noid/", 6) == 0 ? "{\"name\": \"x\"}" : NULL;
}

static int setup(void **state)
{
	char cert[200], key[200], plain_folder[200], secure_folder[200], number[20], secure_number[20];
	const char *make[] = {"openssl",  "req",
			      "-x509",	  "-newkey",
			      "rsa:2048", "-nodes",
			      "-days",	  "2",
			      "-subj",	  "/CN=localhost",
			      "-addext",  "subjectAltName=DNS:localhost",
			      "-out",	  cert,
			      "-keyout",  key,
			      NULL};
	const char *plain_argv[] = {"tests/smtp_server.py", plain_folder, number, NULL};
	const char *secure_argv[] = {
	    "tests/smtp_server.py", secure_folder, secure_number, cert, key, LOGIN, NULL};
	int out, secure_out;

	(void)state;
	directory_make("runplan-notify");
	snprintf(cert, sizeof cert, "%s/cert.pem", directory);
	snprintf(key, sizeof key, "%s/key.pem", directory);
	snprintf(plain_folder, sizeof plain_folder, "%s/plain", directory);
	snprintf(secure_folder, sizeof secure_folder, "%s/secure", directory);
	mkdir(plain_folder, 0700);
	mkdir(secure_folder, 0700);
	waitpid(server_start(make, NULL), NULL, 0);
	plain_port = servers_free_port();
	secure_port = servers_free_port();
	snprintf(number, sizeof number, "%d", plain_port);
	snprintf(secure_number, sizeof secure_number, "%d", secure_port);
	fake.answer = fake_answer;
	serve_start(&fake);
	plain = server_start(plain_argv, &out);
	secure = server_start(secure_argv, &secure_out);
	return server_said(out, "ready") && server_said(secure_out, "ready") ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	servers_stop(plain);
	servers_stop(secure);
	serve_stop(&fake);
	directory_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_mail_as_it_arrives),
	    cmocka_unit_test(test_several_and_names),
	    cmocka_unit_test(test_line_breaks_and_no_addresses),
	    cmocka_unit_test(test_starttls_and_login),
	    cmocka_unit_test(test_what_the_server_refuses),
	    cmocka_unit_test(test_cancel_a_mail),
	    cmocka_unit_test(test_chats),
	    cmocka_unit_test(test_what_goes_out),
	    cmocka_unit_test(test_an_answer_that_is_not_http),
	    cmocka_unit_test(test_a_status_page_that_refuses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
