/*
 * compose.* against a real engine and the compose that is installed, in projects of their own in temporary
 * directories.
 */
#define _GNU_SOURCE 1
#include "docker_help.h"

#include "builtins/compose_tool.h"
#include "builtins/yaml.h"

static char directory[200]; /* of the current test's project */

static const char stack[] = "version: '2.4'\n"
			    "x-common: &common\n"
			    "  labels: { who: \"it's me\" }\n"
			    "services:\n"
			    "  web:\n"
			    "    <<: *common\n"
			    "    image: ${BOX:-none}\n"
			    "    init: true\n"
			    "    command: [\"sh\", \"-c\", \"echo $$GREETING; sleep 100000\"]\n"
			    "    environment: { GREETING: \"${GREETING:-none}\" }\n"
			    "    depends_on: [db]\n"
			    "  db:\n"
			    "    <<: *common\n"
			    "    image: ${BOX:-none}\n"
			    "    init: true\n"
			    "    command: [\"sleep\", \"100000\"]\n"
			    "  broken:\n"
			    "    image: ${BOX:-none}\n"
			    "    command: [\"nope\"]\n"
			    "  built:\n"
			    "    image: ${PREFIX:-none}-built:1\n"
			    "    build: { context: ., args: { WHO: nobody } }\n"
			    "  sleeper:\n"
			    "    image: ${BOX:-none}\n"
			    "    command: [\"sleep\", \"${NAP:-1}\"]\n";

static int open_each(void **state)
{
	char pattern[64], box[64];

	(void)state;
	unsetenv("DOCKER_HOST");
	snprintf(pattern, sizeof pattern, "/tmp/%s-XXXXXX", help_prefix);
	assert_non_null(mkdtemp(pattern));
	snprintf(directory, sizeof directory, "%s", pattern);
	help_write(directory, "docker-compose.yml", stack);
	snprintf(box, sizeof box, "%s-box:1", help_prefix);
	setenv("BOX", box, 1);
	setenv("PREFIX", help_prefix, 1);
	setenv("NAP", help_seconds(2), 1);
	help_open();
	return 0;
}

static int close_each(void **state)
{
	char script[sizeof directory + 200];

	(void)state;
	help_shut();
	help_sweep_containers();
	snprintf(script, sizeof script, "rm -rf '%s'", directory);
	HELP_RUN("sh", "-c", script);
	return 0;
}

#define IN(name, json, ...)                                                                                  \
	call(name, "{\"directory\": \"%s\", " json "}", directory __VA_OPT__(, ) __VA_ARGS__)

static struct value ps(void)
{
	return expect_ok(call("compose.ps", "{\"directory\": \"%s\"}", directory));
}

/* The one container of a service in a list of compose.ps(); lent. */
static struct value service_of(struct value list, const char *service)
{
	struct value found = value_null();

	for (size_t i = 0; i < value_length(list); i++)
		if (strcmp(value_text_peek(record_peek(list_peek(list, i), "service")), service) == 0) {
			assert_int_equal(found.tag, VALUE_NULL);
			found = list_peek(list, i);
		}
	return found;
}

static void expect_state(const char *service, const char *wanted)
{
	struct value list = ps();

	if (wanted == NULL)
		assert_int_equal(service_of(list, service).tag, VALUE_NULL);
	else
		expect_field(service_of(list, service), "state", wanted);
	value_release(list);
}

static struct value id_of(const char *service)
{
	struct value list = ps(), id = value_copy(record_peek(service_of(list, service), "id"));

	assert_int_equal(id.tag, VALUE_STRING);
	value_release(list);
	return id;
}

/* ---- the life of a project ---- */

static void test_up_exec_ps_stop_down(void **state)
{
	struct value r, list;

	(void)state;
	expect_done(IN("compose.up", "\"service\": \"web\", \"env\": {\"GREETING\": \"!good morning\"}"));
	list = ps();
	assert_int_equal(value_length(list), 2); /* db comes with it */
	expect_field(service_of(list, "web"), "state", "running");
	expect_int(service_of(list, "web"), "number", 1);
	expect_field(service_of(list, "db"), "state", "running");
	value_release(list);

	r = expect_ok(
	    IN("compose.exec",
	       "\"service\": \"web\", \"command\": [\"sh\", \"-c\", \"echo $GREETING; echo err >&2; pwd; "
	       "exit 3\"], \"ok\": 3, \"workdir\": \"/tmp\""));
	expect_field(r, "stdout", "good morning\n/tmp\n");
	expect_field(r, "stderr", "err\n");
	expect_int(r, "code", 3);
	value_release(r);
	assert_int_equal(strlen(value_text_peek(record_peek(help_note, "exec"))), 64);
	r = expect_ok(
	    IN("compose.probe",
	       "\"service\": \"db\", \"command\": [\"cat\"], \"input\": \"in\", \"env\": {\"A\": 1}"));
	expect_field(r, "stdout", "in");
	value_release(r);
	expect_failed(IN("compose.exec", "\"service\": \"web\", \"command\": [\"nope\"]"),
		      "there is no program \"nope\" in service \"web\"");
	expect_failed(IN("compose.exec", "\"service\": \"wep\", \"command\": [\"true\"]"),
		      "the service \"wep\" has no container; did you mean \"web\"?");
	expect_failed(IN("compose.exec", "\"service\": \"web\", \"command\": [\"true\"], \"index\": 2"),
		      "has no container number 2");

	expect_done(IN("compose.stop", "\"service\": \"web\", \"grace\": \"@2s\""));
	expect_state("web", "exited");
	expect_state("db", "running");
	expect_failed(IN("compose.exec", "\"service\": \"web\", \"command\": [\"true\"]"),
		      "does not run: its container is exited");
	expect_done(IN("compose.rm", "\"services\": [\"web\"]"));
	expect_state("web", NULL);
	expect_state("db", "running");
	expect_done(IN("compose.down", "\"grace\": \"@2s\""));
	list = ps();
	assert_int_equal(value_length(list), 0);
	value_release(list);
	expect_failed(IN("compose.exec", "\"service\": \"web\", \"command\": [\"true\"]"),
		      "compose has made none for this project");
}

static void test_up_without_deps_and_recreate(void **state)
{
	struct value first, again, anew;

	(void)state;
	expect_done(IN("compose.up", "\"service\": \"web\", \"deps\": false"));
	expect_state("db", NULL);
	first = id_of("web");
	expect_done(IN("compose.up", "\"service\": \"web\", \"deps\": false"));
	again = id_of("web");
	expect_text(again, value_text_peek(first));
	expect_done(IN("compose.up", "\"service\": \"web\", \"deps\": false, \"recreate\": true"));
	anew = id_of("web");
	assert_string_not_equal(value_text_peek(anew), value_text_peek(first));
	value_release(first);
	value_release(again);
	value_release(anew);
}

static struct value settle_up(const char *more, struct value note)
{
	struct help_call made;
	char json[sizeof directory + 300];

	snprintf(json, sizeof json, "{\"directory\": \"%s\", \"deps\": false, %s}", directory, more);
	help_fill(&made, "compose.up", json);
	help_driver->ops->settle(help_driver, &made.request, note);
	help_release(&made);
	return expect_ok(help_end());
}

static void expect_bool(struct value v, bool b)
{
	assert_int_equal(v.tag, VALUE_BOOL);
	assert_int_equal(v.b, b);
}

static void test_up_settles(void **state)
{
	struct value first;

	(void)state;
	expect_done(IN("compose.up", "\"service\": \"web\", \"deps\": false"));
	assert_int_equal(value_length(record_peek(help_note, "before")), 0);
	first = value_copy(help_note);
	/* Not to be made anew: repeated, which does no harm. */
	expect_bool(settle_up("\"service\": \"web\"", help_note), false);
	/* Recreated since: done. Still what was there before: not. */
	expect_bool(settle_up("\"service\": \"web\", \"recreate\": true", first), true);
	expect_done(IN("compose.up", "\"service\": \"web\", \"deps\": false"));
	assert_int_equal(value_length(record_peek(help_note, "before")), 1);
	expect_bool(settle_up("\"service\": \"web\", \"recreate\": true", help_note), false);
	expect_bool(settle_up("\"service\": \"db\", \"recreate\": true", help_note), false);
	assert_int_equal(settle_up("\"recreate\": true", help_note).tag, VALUE_NULL);
	expect_bool(settle_up("\"service\": \"web\", \"recreate\": true", value_null()), false);
	value_release(first);
}

static void test_project_and_files(void **state)
{
	struct value list;

	(void)state;
	help_write(directory, "more.yml",
		   "version: '2.4'\nservices:\n  web:\n    environment: { GREETING: overridden }\n");
	expect_done(
	    call("compose.up",
		 "{\"file\": [\"%s/docker-compose.yml\", \"%s/more.yml\"], \"project\": \"%s-other\", "
		 "\"service\": \"web\", \"deps\": false}",
		 directory, directory, help_prefix));
	list = expect_ok(call("compose.ps", "{\"project\": \"%s-other\"}", help_prefix));
	assert_int_equal(value_length(list), 1);
	value_release(list);
	/* Found by the directory of its first file as well, however that is written. */
	list = expect_ok(call("compose.ps", "{\"file\": \"%s/../%s/docker-compose.yml\"}", directory,
			      strrchr(directory, '/') + 1));
	assert_int_equal(value_length(list), 1);
	value_release(list);
	list = expect_ok(
	    call("compose.exec",
		 "{\"project\": \"%s-other\", \"service\": \"web\", \"command\": [\"sh\", \"-c\", \"echo "
		 "$GREETING\"]}",
		 help_prefix));
	expect_field(list, "stdout", "overridden\n");
	value_release(list);
	/* A second project of the same directory: which one is meant must be said. */
	expect_done(IN("compose.up", "\"service\": \"web\", \"deps\": false"));
	expect_failed(IN("compose.exec", "\"service\": \"web\", \"command\": [\"true\"]"),
		      "part of several projects");
	expect_done(call("compose.down",
			 "{\"directory\": \"%s\", \"project\": \"%s-other\", \"grace\": \"@1s\"}", directory,
			 help_prefix));
	expect_done(IN("compose.exec", "\"service\": \"web\", \"command\": [\"true\"]"));
}

/* ---- run ---- */

static int containers_left(void)
{
	char script[200];
	const char *argv[] = {"sh", "-c", script, NULL};
	struct value out;
	int count;

	snprintf(script, sizeof script, "docker ps -aq --filter name=%s.*_run_ | wc -l", help_prefix);
	out = help_output(argv);
	count = atoi(value_text_peek(out));
	value_release(out);
	return count;
}

static void test_run(void **state)
{
	struct value r = expect_ok(
	    IN("compose.run",
	       "\"service\": \"db\", \"command\": [\"sh\", \"-c\", \"echo $TOKEN; cat; id -u; pwd; "
	       "exit 4\"], \"env\": {\"TOKEN\": \"!swordfish\"}, \"input\": \"typed\\n\", \"user\": "
	       "\"worker\", \"workdir\": \"/tmp\", \"ok\": [0, 4]"));
	struct value d;

	(void)state;
	expect_int(r, "code", 4);
	expect_field(r, "stdout", "swordfish\ntyped\n1000\n/tmp\n");
	assert_true(value_is_secret(record_peek(r, "stdout")));
	value_release(r);
	d = expect_kind(
	    IN("compose.run",
	       "\"service\": \"db\", \"command\": [\"sh\", \"-c\", \"echo no $TOKEN >&2; exit 9\"], \"env\": "
	       "{\"TOKEN\": \"!swordfish\"}"),
	    OUTCOME_FAILED, "ended with exit code 9");
	expect_int(d, "code", 9);
	value_release(d);
	expect_failed(IN("compose.run", "\"service\": \"nosuch\""), "nosuch");
	expect_failed(IN("compose.run", "\"service\": \"db\", \"command\": [\"!swordfish\"]"), "no secret");
	assert_int_equal(containers_left(), 0);
}

static void test_run_takes_dependencies_only_when_told(void **state)
{
	(void)state;
	expect_done(IN("compose.run", "\"service\": \"web\", \"command\": [\"true\"], \"deps\": false"));
	expect_state("db", NULL);
	expect_done(IN("compose.run", "\"service\": \"web\", \"command\": [\"true\"]"));
	expect_state("db", "running");
}

static void test_run_cut_short_leaves_nothing(void **state)
{
	char json[sizeof directory + 100];
	struct outcome outcome;
	int64_t began;

	(void)state;
	snprintf(json, sizeof json, "{\"directory\": \"%s\", \"service\": \"sleeper\"}", directory);
	help_start("compose.run", json);
	for (int i = 0; i < 100 && containers_left() == 0; i++)
		assert_false(help_wait(SECOND / 5, &outcome));
	assert_false(help_wait(SECOND, &outcome));
	assert_true(help_sleeps_until(2, true));
	began = live_now((struct live *)help_driver);
	help_cancel();
	assert_true(help_wait(25 * SECOND, &outcome));
	assert_true(live_now((struct live *)help_driver) - began < 20 * SECOND);
	expect_failed(outcome, "was cancelled and stopped");
	assert_int_equal(containers_left(), 0);
	assert_false(help_sleeps(2));
	expect_failed(IN("compose.run", "\"service\": \"sleeper\", \"timeout\": \"@4s\""),
		      "timed out after 4s and was stopped");
	assert_int_equal(containers_left(), 0);
	assert_false(help_sleeps(2));
}

/* ---- build, config ---- */

static void test_build(void **state)
{
	char text[200];

	(void)state;
	snprintf(text, sizeof text, "FROM %s-box:1\nARG WHO\nRUN echo hello $WHO >/who\n", help_prefix);
	help_write(directory, "Dockerfile", text);
	expect_done(IN("compose.build", "\"service\": \"built\", \"args\": {\"WHO\": \"a b\"}"));
	struct value r =
	    expect_ok(call("docker.run",
			   "{\"image\": \"%s-built:1\", \"command\": [\"cat\", \"/who\"], \"wait\": true, "
			   "\"remove\": true}",
			   help_prefix));
	expect_field(r, "stdout", "hello a b\n");
	value_release(r);
	help_write(directory, "Dockerfile", "FROM scratch\nRUN nope\n");
	expect_failed(IN("compose.build", "\"service\": \"built\""), "compose build failed with exit code");
}

static void test_config(void **state)
{
	struct value c = expect_ok(IN("compose.config", "\"env\": {\"GREETING\": \"good: morning #1\"}")),
		     web, v;

	(void)state;
	web = docker_json(c, "services.web");
	assert_int_equal(web.tag, VALUE_RECORD);
	expect_field(record_peek(web, "environment"), "GREETING", "good: morning #1");
	expect_field(record_peek(web, "labels"), "who", "it's me");
	assert_true(value_truthy(record_peek(web, "init")));
	assert_int_equal(value_length(record_peek(web, "command")), 3);
	assert_int_equal(record_peek(docker_json(c, "services.db"), "labels").tag, VALUE_RECORD);
	assert_false(value_is_secret(c));
	value_release(c);
	c = expect_ok(IN("compose.config", "\"env\": {\"GREETING\": \"!swordfish\"}"));
	assert_true(value_is_secret(c));
	v = value_show(c, 0);
	assert_null(strstr(value_text_peek(v), "swordfish"));
	value_release(v);
	value_release(c);
}

/* ---- failures ---- */

static void test_missing_files(void **state)
{
	char none[] = "/tmp/rp-test-none-XXXXXX";

	(void)state;
	expect_failed(IN("compose.up", "\"file\": \"nope.yml\""), "nope.yml cannot be read: No such file");
	expect_failed(IN("compose.up", "\"file\": [\"docker-compose.yml\", \"nope.yml\"]"),
		      "nope.yml cannot be read: No such file");
	expect_failed(IN("compose.up", "\"file\": 3"), "`file` must be a path, or a list of paths");
	expect_failed(IN("compose.up", "\"file\": \"\""), "`file` must be a path");
	assert_non_null(mkdtemp(none));
	expect_failed(call("compose.up", "{\"directory\": \"%s\"}", none), "onfiguration file");
	assert_int_equal(rmdir(none), 0);
	expect_failed(call("compose.up", "{\"directory\": \"%s\"}", none), "");
	help_write(directory, "bad.yml", "services:\n  web:\n\timage: x\n");
	expect_failed(IN("compose.up", "\"file\": \"bad.yml\""), "bad.yml");
}

static void test_compose_refuses(void **state)
{
	struct value d = expect_kind(IN("compose.up", "\"service\": \"nosuch\""), OUTCOME_FAILED, "nosuch");

	(void)state;
	assert_in_range(record_peek(d, "code").i, 1, 255);
	assert_true(value_length(record_peek(d, "stderr")) > 0);
	assert_true(value_length(record_peek(d, "tail")) > 0);
	value_release(d);
	expect_failed(IN("compose.up", "\"service\": \"broken\""), "nope");
}

static void test_hostile_names(void **state)
{
	static const char *const names[] = {"-rf", "--help", "../x", "a b", "", "web;id", "$(id)", "web\\nx"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		expect_failed(IN("compose.up", "\"service\": \"%s\"", names[i]),
			      "cannot be the name of a service");
		expect_failed(IN("compose.up", "\"services\": [\"web\", \"%s\"]", names[i]),
			      "cannot be the name of a service");
		expect_failed(IN("compose.exec", "\"service\": \"%s\", \"command\": [\"true\"]", names[i]),
			      "cannot be the name of a service");
		expect_failed(IN("compose.run", "\"service\": \"%s\"", names[i]),
			      "cannot be the name of a service");
		expect_failed(IN("compose.down", "\"project\": \"%s\"", names[i]),
			      "cannot be the name of a project");
	}
	expect_failed(IN("compose.up", "\"env\": {\"A=B\": \"c\"}"), "\"A=B\" cannot be a variable");
}

static void test_no_compose_at_all(void **state)
{
	char *path = strdup(getenv("PATH"));

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	expect_failed(IN("compose.stop", "\"service\": \"web\""),
		      "neither \"docker compose\" nor \"docker-compose\" answers");
	setenv("PATH", path, 1); /* it is looked for again */
	expect_done(IN("compose.stop", "\"services\": []"));
	free(path);
}

static void test_up_cancelled_is_unknown(void **state)
{
	char json[sizeof directory + 100];
	struct outcome outcome;

	(void)state;
	help_write(directory, "Dockerfile", "FROM scratch\n");
	snprintf(json, sizeof json, "FROM %s-box:1\nRUN sleep %s\n", help_prefix, help_seconds(3));
	help_write(directory, "Dockerfile", json);
	snprintf(json, sizeof json, "{\"directory\": \"%s\", \"service\": \"built\", \"build\": true}",
		 directory);
	help_start("compose.up", json);
	assert_false(help_wait(4 * SECOND, &outcome));
	help_cancel();
	assert_true(help_wait(10 * SECOND, &outcome));
	value_release(expect_kind(outcome, OUTCOME_UNKNOWN, "compose.up was stopped while it ran"));
	help_start("compose.up", json);
	help_cancel();
	assert_true(help_wait(10 * SECOND, &outcome));
	expect_failed(outcome, "compose.up was cancelled before it began");
	expect_failed(IN("compose.up", "\"service\": \"built\", \"build\": true, \"timeout\": \"@3s\""),
		      "compose up did not end within 3s");
	assert_true(help_sleeps_until(3, false));
}

static void test_engine_absent(void **state)
{
	(void)state;
	help_shut();
	setenv("DOCKER_HOST", "unix:///tmp/rp-test-none.sock", 1);
	help_open();
	expect_failed(IN("compose.exec", "\"service\": \"web\", \"command\": [\"true\"]"),
		      "no Docker engine answers at");
	expect_failed(IN("compose.ps", "\"service\": \"web\""), "no Docker engine answers at");
	expect_failed(IN("compose.up", "\"service\": \"web\""), "compose up failed with exit code");
}

/* ---- preview, words, YAML ---- */

static void expect_line(struct value line, const char *text)
{
	expect_text(line, text);
	value_release(line);
}

static void test_describe(void **state)
{
	(void)state;
	expect_line(
	    describe(
		"compose.up",
		"{\"service\": \"backend-green\", \"env\": {\"VERSION\": \"v2\", \"KEY\": \"!hunter2\"}, "
		"\"file\": [\"a.yml\", \"b c.yml\"], \"recreate\": true, \"deps\": false}"),
	    "VERSION=v2 KEY=*** docker compose -f a.yml -f 'b c.yml' up -d --force-recreate --no-deps "
	    "backend-green");
	expect_line(
	    describe("compose.exec",
		     "{\"service\": \"backend\", \"command\": [\"python\", \"manage.py\", \"migrate\"]}"),
	    "docker compose exec -T backend python manage.py migrate");
	expect_line(describe("compose.down", "{\"project\": \"trial\", \"volumes\": true}"),
		    "docker compose -p trial down -t 10 --volumes");
	expect_line(describe("compose.run",
			     "{\"service\": \"backend\", \"command\": [\"check\"], \"env\": {\"A\": 1}}"),
		    "A=1 docker compose run --rm -T backend check");
}

static void expect_words(const char *text, const char *wanted)
{
	struct value words = compose_last_words(text, strlen(text));

	expect_text(words, wanted);
	value_release(words);
}

static void test_last_words(void **state)
{
	(void)state;
	expect_words("", "");
	expect_words("\n \n", "");
	expect_words("Pulling web ...\nGet x: no such host\n", "Get x: no such host");
	expect_words("\nERROR: for web  Cannot start\nEncountered errors while bringing up the project.\n",
		     "ERROR: for web  Cannot start");
	expect_words(
	    "\n        Can't find a file in this\n        parent. Right?\n\n        Supported: a\n        \n",
	    "Can't find a file in this parent. Right?");
	expect_words("x\nyaml.Error: bad\n  in \"f\", line 3\n", "yaml.Error: bad in \"f\", line 3");
	expect_words("no newline", "no newline");
}

static void expect_yaml(const char *text, const char *json)
{
	struct value v, got;
	char error[200];

	if (!yaml_parse(text, strlen(text), &v, error, sizeof error))
		fail_msg("%s: %s", text, error);
	got = value_to_json(v, false);
	assert_string_equal(value_text_peek(got), json);
	value_release(got);
	value_release(v);
}

static void test_yaml(void **state)
{
	static const char *const bad[] = {"a: [1, 2]\n",   "a: \"x\n",	      "a: 'x\n", "a: *b\n",
					  "a: |\n  x\n",   "a: b\n   c: d\n", "? a\n",	 "a: b\nc\n",
					  "\"a\\q\": 1\n", "- a\nb: c\n"};

	(void)state;
	expect_yaml("", "null");
	expect_yaml("a: 1\nb: -2\nc: 1.5\nd: true\ne: null\nf:\ng: ''\nh: 1s\ni: 99999999999999999999\n",
		    "{\"a\":1,\"b\":-2,\"c\":1.5,\"d\":true,\"e\":null,\"f\":null,\"g\":\"\",\"h\":\"1s\","
		    "\"i\":\"99999999999999999999\"}");
	expect_yaml("a:\n- x\n- y: 1\n  z: 2\n- - p\n  - q\n- {}\n- []\nb: {}\n",
		    "{\"a\":[\"x\",{\"y\":1,\"z\":2},[\"p\",\"q\"],{},[]],\"b\":{}}");
	expect_yaml("a:\n  b:\n    c: d\n  e: f\ng: h\n",
		    "{\"a\":{\"b\":{\"c\":\"d\"},\"e\":\"f\"},\"g\":\"h\"}");
	expect_yaml("a: 'it''s: # here'\n\"b: c\": \"\\t\\u00fc\\x41\\\"\\\\\"\n",
		    "{\"a\":\"it's: # here\",\"b: c\":\"\\tüA\\\"\\\\\"}");
	expect_yaml("a: one two\n  three\nb: 'one\n\n  two'\nc: \"one \\\n  \\ two\"\n",
		    "{\"a\":\"one two three\",\"b\":\"one\\ntwo\",\"c\":\"one  two\"}");
	expect_yaml("a: &id001\n  x: 1\nb: *id001\nc: &id002 text\nd: *id002\n",
		    "{\"a\":{\"x\":1},\"b\":{\"x\":1},\"c\":\"text\",\"d\":\"text\"}");
	expect_yaml("a: 1.5e3\nb: 1.5e+3\n", "{\"a\":\"1.5e3\",\"b\":1500.0}");
	expect_yaml("http://x/y: a#b\n", "{\"http://x/y\":\"a#b\"}");
	expect_yaml("- a: b\n- c\n", "[{\"a\":\"b\"},\"c\"]");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct value v;
		char error[200];

		if (yaml_parse(bad[i], strlen(bad[i]), &v, error, sizeof error))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(strncmp(error, "line ", 5), 0);
	}
}

/* Cut anywhere, it is read or refused, and nothing is read beyond its end. */
static void test_yaml_cut_anywhere(void **state)
{
	static const char text[] = "a: \"x \\u00fc\\\n  y\"\nb: 'c\n\n  d'\n\"k\\n\": &i\n- - p\n  - "
				   "*i\ne:\n  f: {}\n  g: h\n    i\n";

	(void)state;
	for (size_t length = 0; length < sizeof text; length++) {
		char *copy = malloc(length + 1), error[200];
		struct value v;

		memcpy(copy, text, length);
		copy[length] = '\0';
		if (yaml_parse(copy, length, &v, error, sizeof error))
			value_release(v);
		free(copy);
	}
}

/* ---- all ---- */

static int begin(void **state)
{
	(void)state;
	help_begin();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	help_sweep();
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_each, close_each)

/* One argument: the pattern of the names of the tests to run. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    T(test_up_exec_ps_stop_down),
	    T(test_up_without_deps_and_recreate),
	    T(test_up_settles),
	    T(test_project_and_files),
	    T(test_run),
	    T(test_run_takes_dependencies_only_when_told),
	    T(test_run_cut_short_leaves_nothing),
	    T(test_build),
	    T(test_config),
	    T(test_missing_files),
	    T(test_compose_refuses),
	    T(test_hostile_names),
	    T(test_no_compose_at_all),
	    T(test_up_cancelled_is_unknown),
	    T(test_engine_absent),
	    T(test_describe),
	    T(test_last_words),
	    T(test_yaml),
	    T(test_yaml_cut_anywhere),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, begin, finish);
}
