/*
 * test_s3.c - s3.* against OpenStack Swift's S3 front, which checks signatures and hashes
 * (tests/s3_server.py), and against a server that answers what no store would.
 */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#include "builtins/xml.h"
#include "tests/unit/call_row.h"
#include "tests/unit/http_serve.h"
#include "tests/unit/scratch.h"

#define MS     INT64_C(1000000)
#define S      INT64_C(1000000000)
#define KEY    "lab:operator"
#define SECRET "s3-secret"

static struct serve fake;
static int port;
static pid_t store;

static struct value secret(const char *text)
{
	return value_mark(value_string(text), VALUE_SECRET);
}

static struct value endpoint(int at)
{
	return value_string_printf("http://127.0.0.1:%d", at);
}

#define AT_STORE                                                                                             \
	{"endpoint", endpoint(port)}, {"access_key", secret(KEY)},                                           \
	{                                                                                                    \
		"secret_key", secret(SECRET)                                                                 \
	}
#define AT_FAKE                                                                                              \
	{"endpoint", endpoint(fake.port)}, {"access_key", secret(KEY)},                                      \
	{                                                                                                    \
		"secret_key", secret(SECRET)                                                                 \
	}

/* The next outcome; what the call noted before it goes to `note`, where that is wanted. */
static struct outcome next_outcome(struct driver *driver, struct value *note)
{
	struct delivery delivery;

	for (;;) {
		if (!driver->ops->next(driver, live_now((struct live *)driver) + 60 * S, &delivery))
			fail_msg("the driver is broken");
		free(delivery.id);
		if (delivery.kind == DELIVERY_OUTCOME)
			return delivery.outcome;
		if (delivery.kind != DELIVERY_NOTE)
			fail_msg("no outcome came");
		if (note != NULL)
			value_put(note, value_copy(delivery.outcome.value));
		outcome_release(&delivery.outcome);
	}
}

static struct outcome run(const char *name, const struct row_arg *args)
{
	struct driver *driver = live_new(NULL);
	struct outcome outcome;

	row_start(driver, &s3_table, name, "call", args);
	outcome = next_outcome(driver, NULL);
	driver->ops->free(driver);
	return outcome;
}

static struct value ok(struct outcome outcome)
{
	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	return outcome.value;
}

/* Consumes the outcome: it failed, its message holds `words`, and neither it nor its details hold a key. */
static void fails(struct outcome outcome, enum outcome_kind kind, const char *words)
{
	struct value shown = value_to_text(outcome.value);

	if (outcome.kind != kind || strstr(value_text_peek(outcome.message), words) == NULL)
		fail_msg("wanted \"%s\" (%d), got \"%s\" (%d)", words, kind, value_text_peek(outcome.message),
			 outcome.kind);
	assert_null(strstr(value_text_peek(outcome.message), SECRET));
	assert_null(strstr(value_text_peek(shown), SECRET));
	value_release(shown);
	outcome_release(&outcome);
}

static struct outcome put(const char *path, const char *key)
{
	return run("s3.put", ARGS({"file", value_string(path)}, {"bucket", value_string("bucket")},
				  {"key", value_string(key)}, AT_STORE));
}

static struct outcome get(const char *key, const char *to)
{
	return run("s3.get", ARGS({"bucket", value_string("bucket")}, {"key", value_string(key)},
				  {"to", value_string(to)}, AT_STORE));
}

static struct outcome head(const char *key)
{
	return run("s3.head", ARGS({"bucket", value_string("bucket")}, {"key", value_string(key)}, AT_STORE));
}

static struct value list(const char *prefix, int at_most)
{
	return ok(run("s3.list", ARGS({"bucket", value_string("bucket")}, {"prefix", value_string(prefix)},
				      {"at_most", value_int(at_most)}, AT_STORE)));
}

static bool same_files(const char *one, const char *two)
{
	char a[65], b[65], error[300];

	return sha256_file(one, a, error, sizeof error) && sha256_file(two, b, error, sizeof error) &&
	       strcmp(a, b) == 0;
}

static void test_keys_of_every_kind(void **state)
{
	static const char *const keys[] = {"plain",
					   "with space",
					   "plus+and%percent%20",
					   "\303\274n\303\257c\303\266d\303\251/\346\227\245\346\234\254",
					   "q?a=b&c=d#e",
					   "~tilde-_.!*'();:@=$,[]\"<>\\^`{|}",
					   "deep/er/and/deeper",
					   "a/../b",
					   "a/./b",
					   "trailing/"};
	const char *path = in_directory("up"), *back = in_directory("back");

	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct value object, found, listed;

		file_make(path, keys[i], strlen(keys[i]));
		object = ok(put(path, keys[i]));
		assert_string_equal(value_text_peek(record_peek(object, "key")), keys[i]);
		assert_int_equal(record_peek(object, "size").i, (int64_t)strlen(keys[i]));
		assert_int_equal(record_peek(object, "modified").tag, VALUE_TIME);
		found = ok(get(keys[i], back));
		assert_true(same_files(path, back));
		assert_int_equal(unlink(back), 0);
		listed = list(keys[i], 10);
		assert_int_equal(value_length(listed), 1);
		assert_string_equal(value_text_peek(record_peek(list_peek(listed, 0), "key")), keys[i]);
		assert_int_equal(record_peek(list_peek(listed, 0), "size").i, (int64_t)strlen(keys[i]));
		assert_int_equal(record_peek(list_peek(listed, 0), "modified").tag, VALUE_TIME);
		value_release(object);
		value_release(found);
		value_release(listed);
	}
}

static void test_no_bytes(void **state)
{
	struct value object, found;

	(void)state;
	file_make(in_directory("empty"), "", 0);
	object = ok(put(in_directory("empty"), "empty"));
	assert_int_equal(record_peek(object, "size").i, 0);
	found = ok(get("empty", in_directory("empty.back")));
	assert_int_equal(record_peek(found, "size").i, 0);
	assert_true(same_files(in_directory("empty"), in_directory("empty.back")));
	value_release(object);
	value_release(found);
}

static void test_200_mb_in_constant_memory(void **state)
{
	const char *path = in_directory("large"), *back = in_directory("large.back");
	static char block[1 << 20];
	FILE *file = fopen(path, "w");
	struct value object, found;
	long before;

	(void)state;
	for (int i = 0; i < 200; i++) {
		memset(block, 'a' + i % 26, sizeof block);
		block[0] = (char)i;
		assert_int_equal(fwrite(block, 1, sizeof block, file), sizeof block);
	}
	fclose(file);
	before = memory_peak();
	object = ok(put(path, "large"));
	found = ok(get("large", back));
	assert_true(same_files(path, back));
	assert_in_range(memory_peak() - before, 0, 40);
	value_release(object);
	value_release(found);
	unlink(path);
	unlink(back);
}

static void test_put_writes_over_nothing(void **state)
{
	struct value first, again;

	(void)state;
	file_make(in_directory("once"), "one", 3);
	first = ok(put(in_directory("once"), "once"));
	again = ok(put(in_directory("once"), "once"));
	assert_true(value_equal(first, again));
	value_release(first);
	value_release(again);
	file_make(in_directory("once"), "two", 3);
	fails(put(in_directory("once"), "once"), OUTCOME_FAILED,
	      "s3.put: bucket/once is there already, with other content: s3.put writes over no object");
	ok(run("s3.remove",
	       ARGS({"bucket", value_string("bucket")}, {"key", value_string("once")}, AT_STORE)));
	value_release(ok(put(in_directory("once"), "once")));
}

static void test_get_writes_over_nothing(void **state)
{
	(void)state;
	file_make(in_directory("source"), "text", 4);
	value_release(ok(put(in_directory("source"), "source")));
	fails(get("source", in_directory("source")), OUTCOME_FAILED,
	      "exists already: s3.get writes over no file");
	fails(get("source", in_directory("no/folder")), OUTCOME_FAILED, "No such file or directory");
	fails(get("source", in_directory("x/")), OUTCOME_FAILED, "s3.get needs the path of a file");
}

static void test_what_is_not_there(void **state)
{
	struct value nothing = ok(head("nothing"));

	(void)state;
	assert_int_equal(nothing.tag, VALUE_NULL);
	fails(get("nothing", in_directory("nothing")), OUTCOME_FAILED,
	      "s3.get: bucket/nothing: NoSuchKey: The specified key does not exist.");
	assert_false(file_there(in_directory("nothing")));
	assert_false(file_there(in_directory("nothing.part")));
	ok(run("s3.remove",
	       ARGS({"bucket", value_string("bucket")}, {"key", value_string("nothing")}, AT_STORE)));
	fails(put(in_directory("nothing"), "nothing"), OUTCOME_FAILED, "No such file or directory");
	fails(put(directory, "nothing"), OUTCOME_FAILED, "it is no regular file");
	fails(
	    run("s3.head", ARGS({"bucket", value_string("nobucket")}, {"key", value_string("x")}, AT_STORE)),
	    OUTCOME_FAILED, "s3.head: nobucket/x: NoSuchBucket: The specified bucket does not exist");
	fails(run("s3.list", ARGS({"bucket", value_string("nobucket")}, AT_STORE)), OUTCOME_FAILED,
	      "s3.list: nobucket: NoSuchBucket");
	file_make(in_directory("some"), "some", 4);
	fails(run("s3.put", ARGS({"file", value_string(in_directory("some"))},
				 {"bucket", value_string("nobucket")}, {"key", value_string("x")}, AT_STORE)),
	      OUTCOME_FAILED, "s3.put: nobucket/x: NoSuchBucket");
	fails(run("s3.remove",
		  ARGS({"bucket", value_string("nobucket")}, {"key", value_string("x")}, AT_STORE)),
	      OUTCOME_FAILED, "NoSuchBucket");
}

#define WITH(bad_key, bad_secret, more...)                                                                   \
	ARGS({"file", value_string(in_directory("signed"))}, {"bucket", value_string("bucket")},             \
	     {"key", value_string("signed")}, {"endpoint", endpoint(port)}, {"access_key", secret(bad_key)}, \
	     {"secret_key", secret(bad_secret)}, ##more)

static void test_signatures_are_checked(void **state)
{
	struct outcome outcome;

	(void)state;
	file_make(in_directory("signed"), "signed", 6);
	outcome = run("s3.put", WITH(KEY, SECRET "x"));
	assert_string_equal(value_text_peek(record_peek(outcome.value, "code")), "SignatureDoesNotMatch");
	assert_int_equal(record_peek(outcome.value, "status").i, 403);
	assert_false(value_truthy(record_peek(outcome.value, "retriable")));
	fails(outcome, OUTCOME_FAILED, "s3.put: bucket/signed: SignatureDoesNotMatch: ");
	fails(run("s3.put", WITH("lab:nobody", SECRET)), OUTCOME_FAILED, "SignatureDoesNotMatch");
	fails(run("s3.put", WITH(KEY, SECRET, {"region", value_string("eu-west-1")})), OUTCOME_FAILED,
	      "AuthorizationHeaderMalformed");
	assert_int_equal(ok(head("signed")).tag, VALUE_NULL);
}

static void test_virtual_host(void **state)
{
	struct value object;

	(void)state;
	file_make(in_directory("host"), "host", 4);
	object = ok(run("s3.put", ARGS({"file", value_string(in_directory("host"))},
				       {"bucket", value_string("bucket")}, {"key", value_string("by host")},
				       {"endpoint", value_string_printf("http://localhost:%d/", port)},
				       {"access_key", secret(KEY)}, {"secret_key", secret(SECRET)},
				       {"virtual_host", value_bool(true)})));
	value_release(object);
	value_release(ok(head("by host")));
}

static void test_list_in_pages(void **state)
{
	struct value all;

	(void)state;
	file_make(in_directory("page"), "x", 1);
	for (int i = 0; i < 25; i++) {
		char key[40];

		snprintf(key, sizeof key, "pages/%02d \303\274+%%", i);
		value_release(ok(put(in_directory("page"), key)));
	}
	all = list("pages/", 25);
	assert_int_equal(value_length(all), 25);
	value_release(all);
	fails(run("s3.list", ARGS({"bucket", value_string("bucket")}, {"prefix", value_string("pages/")},
				  {"at_most", value_int(24)}, AT_STORE)),
	      OUTCOME_FAILED, "more than 24 objects: give a longer prefix, or a larger at_most");
	all = list("no such", 5);
	assert_int_equal(value_length(all), 0);
	value_release(all);
}

static void test_settled_by_asking(void **state)
{
	struct driver *driver = live_new(NULL);
	struct value note = value_null(), other = record_new(2), empty = record_new(0);
	struct row_call call;
	struct outcome outcome;

	(void)state;
	file_make(in_directory("probe"), "probe", 5);
	row_start(driver, &s3_table, "s3.put", "put",
		  ARGS({"file", value_string(in_directory("probe"))}, {"bucket", value_string("bucket")},
		       {"key", value_string("probe")}, AT_STORE));
	outcome = next_outcome(driver, &note);
	value_release(ok(outcome));
	assert_int_equal(record_peek(note, "size").i, 5);
	call = row_request(&s3_table, "s3.put", "put",
			   ARGS({"file", value_string("/gone")}, {"bucket", value_string("bucket")},
				{"key", value_string("probe")}, AT_STORE));
	call.request.args = call.args;
	driver->ops->settle(driver, &call.request, note);
	assert_true(value_truthy(ok(next_outcome(driver, NULL))));
	record_set(&other, "size", value_size(5));
	record_set(&other, "sha256", value_string("00"));
	driver->ops->settle(driver, &call.request, other); /* something else is there: nobody knows */
	assert_int_equal(ok(next_outcome(driver, NULL)).tag, VALUE_NULL);
	driver->ops->settle(driver, &call.request, empty); /* nothing was sent */
	assert_int_equal(ok(next_outcome(driver, NULL)).tag, VALUE_BOOL);
	value_put(&call.args[2], value_string("never there"));
	driver->ops->settle(driver, &call.request, note);
	outcome = next_outcome(driver, NULL);
	assert_int_equal(ok(outcome).tag, VALUE_BOOL);
	assert_false(value_truthy(outcome.value));
	row_call_drop(&call);
	value_release(note);
	value_release(other);
	value_release(empty);
	driver->ops->free(driver);
}

static void test_what_the_arguments_must_be(void **state)
{
	static const struct {
		const char *name, *text, *words;
	} cases[] = {
	    {"bucket", "a/b", "a bucket's name has letters"},
	    {"bucket", "", "a bucket's name has letters"},
	    {"bucket", "..", "a bucket's name has letters"},
	    {"key", "", "a key has 1 to 1024 bytes"},
	    {"key", "a\nb", "a key has no line breaks"},
	    {"region", "eu west", "a region is a word"},
	    {"region", "", "a region is a word"},
	    {"endpoint", "ftp://x", "begins with http:// or https://"},
	    {"endpoint", "http://u:p@x", "an endpoint is a scheme, a host"},
	    {"endpoint", "http://x/path", "an endpoint is a scheme, a host"},
	    {"endpoint", "http://x?y", "an endpoint is a scheme, a host"},
	    {"access_key", "a\r\nb", "no line breaks in it"},
	    {"session_token", "a\r\nb", "no line breaks in it"},
	    {"secret_key", "", "no keys: give `access_key`"},
	};
	struct outcome outcome;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct row_call call = row_request(
		    &s3_table, "s3.head", "head",
		    ARGS({"bucket", value_string("bucket")}, {"key", value_string("key")}, AT_STORE));
		struct driver *driver = live_new(NULL);
		/* Where each stands in the signature. */
		size_t at = strcmp(cases[i].name, "bucket") == 0       ? 0
			    : strcmp(cases[i].name, "key") == 0	       ? 1
			    : strcmp(cases[i].name, "endpoint") == 0   ? 2
			    : strcmp(cases[i].name, "region") == 0     ? 3
			    : strcmp(cases[i].name, "access_key") == 0 ? 4
			    : strcmp(cases[i].name, "secret_key") == 0 ? 5
								       : 6;

		value_put(&call.args[at], value_string(cases[i].text));
		call.request.args = call.args;
		driver->ops->start(driver, &call.request);
		fails(next_outcome(driver, NULL), OUTCOME_FAILED, cases[i].words);
		row_call_drop(&call);
		driver->ops->free(driver);
	}
	outcome = run("s3.head", ARGS({"bucket", value_string("b")}, {"key", value_string("k")}));
	fails(outcome, OUTCOME_FAILED, "s3.head: no endpoint: give `endpoint:");
	fails(run("s3.list", ARGS({"bucket", value_string("b")}, {"at_most", value_int(0)}, AT_STORE)),
	      OUTCOME_FAILED, "at_most is from 1 to");
}

/* ---- a server that is none ---- */

static const char *fake_answer(const char *path, const char **type, int *status)
{
	*type = "application/xml";
	if (strstr(path, "/slowdown") != NULL) {
		*status = 503;
		return "<Error><Code>SlowDown</Code><Message>Please reduce your\nrequest "
		       "rate.</Message></Error>";
	}
	if (strstr(path, "/elsewhere") != NULL) {
		*status = 301;
		return "<Error><Code>PermanentRedirect</Code><Message>Use the endpoint of the "
		       "bucket.</Message></Error>";
	}
	if (strstr(path, "/plain") != NULL) {
		*type = "text/plain";
		*status = 502;
		return "bad gateway";
	}
	if (strstr(path, "/notalist") != NULL)
		return "<html><body>hello</body></html>";
	if (strstr(path, "/halfalist") != NULL)
		return "<ListBucketResult><Contents><Key>a</Key>";
	if (strstr(path, "/nosize") != NULL)
		return "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>";
	if (strstr(path, "/endless") != NULL)
		return "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t"
		       "</NextContinuationToken></ListBucketResult>";
	if (strstr(path, "/laughs") != NULL)
		return "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><ListBucketResult>&a;</ListBucketResult>";
	if (strstr(path, "/deep") != NULL)
		return "<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       "aaaaaaaa"
		       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       "aaaaaaaaaa"
		       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       "aaaaaaaaaa"
		       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       "aaaaaaaaaa/>";
	return NULL;
}

static struct outcome fake_list(const char *bucket)
{
	return run("s3.list", ARGS({"bucket", value_string(bucket)}, AT_FAKE));
}

/* The bucket stands in the host, so that the key is one of the fake's own paths. */
static struct outcome fake_get(const char *key)
{
	return run("s3.get", ARGS({"bucket", value_string("b")}, {"key", value_string(key)},
				  {"to", value_string(in_directory("fake"))}, {"stall", value_duration(S)},
				  {"virtual_host", value_bool(true)},
				  {"endpoint", value_string_printf("http://localhost:%d", fake.port)},
				  {"access_key", secret(KEY)}, {"secret_key", secret(SECRET)}));
}

static void test_answers_of_no_store(void **state)
{
	struct outcome outcome = fake_list("slowdown");

	(void)state;
	assert_true(value_truthy(record_peek(outcome.value, "retriable")));
	fails(outcome, OUTCOME_FAILED,
	      "s3.list: slowdown: SlowDown: Please reduce your request rate. (it may work when it is tried "
	      "again)");
	fails(fake_list("elsewhere"), OUTCOME_FAILED, "PermanentRedirect: Use the endpoint");
	fails(fake_list("plain"), OUTCOME_FAILED,
	      "answered 502: bad gateway (it may work when it is tried again)");
	fails(fake_list("notalist"), OUTCOME_FAILED, "not an answer of S3: it is no list of objects");
	fails(fake_list("halfalist"), OUTCOME_FAILED, "not an answer of S3: no element found in line 1");
	fails(fake_list("nosize"), OUTCOME_FAILED, "it is no list of objects");
	fails(fake_list("endless"), OUTCOME_FAILED, "there is more, and no way on");
	fails(fake_list("laughs"), OUTCOME_FAILED, "it has a document type");
	fails(fake_list("deep"), OUTCOME_FAILED, "it nests too deep");
	fails(fake_list("unknown"), OUTCOME_FAILED, "answered 404: no such path");
}

static void test_half_an_answer_leaves_no_file(void **state)
{
	(void)state;
	fails(fake_get("cut"), OUTCOME_FAILED, "the connection ended before the whole answer came");
	fails(fake_get("hang"), OUTCOME_FAILED, "nothing came or went for 1s");
	fails(fake_get("manyheaders"), OUTCOME_FAILED, "headers exceed 256KiB");
	assert_false(file_there(in_directory("fake")));
	assert_false(file_there(in_directory("fake.part")));
}

static void test_nobody_listens(void **state)
{
	int closed = servers_free_port();

	(void)state;
	file_make(in_directory("refused"), "x", 1);
	fails(
	    run("s3.put", ARGS({"file", value_string(in_directory("refused"))}, {"bucket", value_string("b")},
			       {"key", value_string("k")}, {"endpoint", endpoint(closed)},
			       {"access_key", secret(KEY)}, {"secret_key", secret(SECRET)})),
	    OUTCOME_FAILED, "connection refused");
}

/* A relay before the store that lets `budget` bytes through and then holds its breath: a transfer to cancel
 * in. */
static void test_cancel_in_mid_transfer(void **state)
{
	struct driver *driver = live_new(NULL);
	const char *path = in_directory("cancelled");
	static char block[1 << 20];
	FILE *file = fopen(path, "w");
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	struct delivery delivery;
	struct outcome outcome;
	pid_t relay;

	(void)state;
	for (int i = 0; i < 64; i++)
		assert_int_equal(fwrite(block, 1, sizeof block, file), sizeof block);
	fclose(file);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 8), 0);
	getsockname(listener, (struct sockaddr *)&address, &length);
	relay = fork();
	if (relay == 0) { /* says 404 to the HEAD, and never reads the whole of the PUT */
		static const char no[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
		char bytes[4096];
		int fd = accept(listener, NULL, NULL);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (recv(fd, bytes, sizeof bytes, 0) > 0 && send(fd, no, sizeof no - 1, 0) > 0)
			pause();
		_exit(0);
	}
	row_start(driver, &s3_table, "s3.put", "put",
		  ARGS({"file", value_string(path)}, {"bucket", value_string("b")},
		       {"key", value_string("k")}, {"endpoint", endpoint(ntohs(address.sin_port))},
		       {"access_key", secret(KEY)}, {"secret_key", secret(SECRET)}));
	do {
		assert_true(driver->ops->next(driver, INT64_MAX, &delivery));
		free(delivery.id);
		outcome_release(&delivery.outcome);
	} while (delivery.kind != DELIVERY_NOTE);
	assert_true(driver->ops->next(driver, live_now((struct live *)driver) + S, &delivery));
	assert_int_equal(delivery.kind, DELIVERY_TIME);
	driver->ops->cancel(driver, "put");
	outcome = next_outcome(driver, NULL);
	fails(outcome, OUTCOME_FAILED, "s3.put: b/k: cancelled");
	driver->ops->free(driver);
	kill(relay, SIGKILL);
	waitpid(relay, NULL, 0);
	close(listener);
	unlink(path);
}

static int setup(void **state)
{
	char folder[100], number[20];
	const char *argv[] = {"tests/s3_server.py", "run", folder, number, "bucket", NULL};
	int out;

	(void)state;
	directory_make("runplan-s3");
	snprintf(folder, sizeof folder, "%s/store", directory);
	port = servers_free_port();
	snprintf(number, sizeof number, "%d", port);
	fake.answer = fake_answer;
	serve_start(&fake);
	store = server_start(argv, &out);
	return server_said(out, "ready") ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	servers_stop(store);
	serve_stop(&fake);
	directory_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_200_mb_in_constant_memory),
	    cmocka_unit_test(test_keys_of_every_kind),
	    cmocka_unit_test(test_no_bytes),
	    cmocka_unit_test(test_put_writes_over_nothing),
	    cmocka_unit_test(test_get_writes_over_nothing),
	    cmocka_unit_test(test_what_is_not_there),
	    cmocka_unit_test(test_signatures_are_checked),
	    cmocka_unit_test(test_virtual_host),
	    cmocka_unit_test(test_list_in_pages),
	    cmocka_unit_test(test_settled_by_asking),
	    cmocka_unit_test(test_what_the_arguments_must_be),
	    cmocka_unit_test(test_answers_of_no_store),
	    cmocka_unit_test(test_half_an_answer_leaves_no_file),
	    cmocka_unit_test(test_nobody_listens),
	    cmocka_unit_test(test_cancel_in_mid_transfer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
