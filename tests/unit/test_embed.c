/*
 * test_embed.c - interpolation into another language: what is refused, what is rendered, and that hostile
 * values arrive byte by byte at a real /bin/sh and a real PostgreSQL.
 *
 * A literal is written with ${} where a value stands.
 */
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "interp/buffer.h"
#include "interp/embed.h"
#include "tests/unit/pg_cluster.h"

#define PIECES_MAX 32

struct literal {
	struct embed_part pieces[PIECES_MAX];
	size_t count;
};

static struct literal split(const char *text)
{
	struct literal literal = {0};

	for (;;) {
		const char *mark = strstr(text, "${}");

		assert_true(literal.count < PIECES_MAX);
		literal.pieces[literal.count++] =
		    (struct embed_part){.text = text, .length = mark ? (size_t)(mark - text) : strlen(text)};
		if (!mark)
			return literal;
		text = mark + 3;
	}
}

/* ---- places ---- */

static void assert_allowed(enum embed_language language, const char *text)
{
	struct literal literal = split(text);
	struct embed_problem problem = {0};

	if (!embed_check(language, literal.pieces, literal.count, &problem))
		fail_msg("refused: %s\n%s (piece %zu, byte %zu)", text, problem.message, problem.piece,
			 problem.offset);
}

/* Refused with a message that holds `about`, a hint, and the position `offset` of the problem in the text. */
static void assert_refused(enum embed_language language, const char *text, const char *about)
{
	struct literal literal = split(text);
	struct embed_problem problem = {0};

	if (embed_check(language, literal.pieces, literal.count, &problem))
		fail_msg("not refused: %s", text);
	if (!strstr(problem.message, about))
		fail_msg("%s: \"%s\" does not speak of \"%s\"", text, problem.message, about);
	assert_non_null(problem.hint);
	assert_true(problem.piece < literal.count);
	assert_true(problem.offset <= literal.pieces[problem.piece].length);
}

static void sh_places(void **state)
{
	static const char *const allowed[] = {
	    "grep -c x ${}",
	    "cat --file=${} -- ${}",
	    "x=${} y=${}; echo \"$x\"",
	    "x=${} env",
	    "echo \"$(cat ${})\"",
	    "echo \"a $(echo ${} | tr a b) b\" ${}",
	    "cat < ${} > ${} 2>${}",
	    "cat ${} | wc -l && echo ${} || true",
	    "if [ -f ${} ]; then echo ${}; fi",
	    "for f in ${}; do echo \"$f\"; done",
	    "for f in a b\ndo\necho ${}\ndone",
	    "case ${} in a) echo ${} ;; b|c) echo b;; *) echo ${};; esac; echo ${}",
	    "case x in\nx) case ${} in ${}) echo 1; esac ;; esac\necho ${}",
	    "while read -r line; do echo ${} \"$line\"; done < ${}",
	    "(cd ${} && ls ${})",
	    "{ echo ${}; } > ${}",
	    "cat <<EOF\nbody\nEOF\necho ${}",
	    "cat <<'EOF' | grep ${}\nit's a \"body\nEOF\n",
	    "cat <<-EOF\n\tx\n\tEOF\necho ${}",
	    "echo 'it''s' # a comment\necho ${}",
	    "echo a#b ${}",
	    "sh -c 'grep -c x \"$1\"' sh ${}",
	    "bash -o pipefail -c 'cat \"$@\" | wc' sh ${} ${}",
	    "docker exec web sh -c 'echo \"$1\"' sh ${}",
	    "sudo -u postgres cat ${}",
	    "sh ${}",
	    "python3 manage.py ${}",
	    "python3 script.py -c ${}",
	    "awk -v n=${} '{ print n }' ${}",
	    "sed -n -e 's/x/y/p' ${}",
	    "sed 's/x/y/' ${}",
	    "sed -i s/x/y/ ${}",
	    "export A=${} B=${}",
	    "f() { echo \"$1\"; }; f ${}",
	    "f()\n{\n\techo \"$1\" ${HOME}\n}\nf ${}",
	    "command -v ${}",
	    "[ ${} = ${} ]",
	    "test ${} -gt 5",
	    "printf '%s\\n' ${}",
	    "psql -h ${} -d ${} -f ${}",
	    "echo \\$x ${}",
	    "echo $HOME ${} $? $$",
	    "echo a\\\n${}",
	    "echo *${}*",
	    "set -e; echo ${}",
	    "echo ${} &",
	    "! grep -q x ${}",
	    "exec cat ${}",
	    "time ls ${}",
	    "echo plain",
	    "f() { shift; echo \"$@\"; }; f a b",
	    "f() { shift; set -- x; echo \"$@\"; }; f ${}",
	    "set -euo pipefail; cat ${} | wc",
	    "set +e; set -o errexit; cat ${}",
	    "sed --expression=s/x/y/ ${} ${}",
	    "sed -E -i.bak s/x/y/ ${}",
	    "awk -F , '{ print $1 }' ${}",
	    "awk -f prog.awk ${}",
	    "psql -h ${} -p ${} -d ${} -c 'select 1'",
	    "[ ${} -eq ${} ] || [ -n ${} ]",
	    "env A=${} cat ${}",
	    "git -C ${} checkout -q ${}",
	    "tar czf ${} -C ${} .",
	    "perl -ne 'print if /x/' ${}",
	    "printf '%s %s\\n' ${} ${}",
	    "cd ${} && ./deploy.sh ${} >> log 2>&1",
	    "for i in 1 2 3; do curl -fsS ${} && break; sleep 1; done",
	    "test -z \"$(docker ps -q -f name=web)\" || docker stop ${}",
	    "python3 - ${} < script.py",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof allowed / sizeof *allowed; i++)
		assert_allowed(EMBED_SH, allowed[i]);
}

static void sh_refusals(void **state)
{
	static const char *const refused[][2] = {
	    {"grep -c x \"${}\"", "inside quotes"},
	    {"grep -c x '${}'", "inside quotes"},
	    {"echo \"a $(echo \"${}\")\"", "inside quotes"},
	    {"echo \"$(echo 'a' ${})${}\"", "inside quotes"},
	    {"ssh web1 'rm ${}'", "inside quotes"},
	    {"sh -c 'rm ${}'", "inside quotes"},
	    {"sh -c \"rm ${}\"", "inside quotes"},
	    {"sh -c ${}", "as code"},
	    {"sh -ec ${}", "as code"},
	    {"/bin/bash -o pipefail -c ${}", "as code"},
	    {"bash --norc -c ${}", "as code"},
	    {"sudo -u root sh -c ${}", "as code"},
	    {"docker exec web sh -c ${}", "as code"},
	    {"find . -exec sh -c ${} \\;", "as code"},
	    {"xargs -n1 bash -c ${}", "as code"},
	    {"sh -c rm${}", "as code"},
	    {"su postgres -c ${}", "as code"},
	    {"flock /tmp/l -c ${}", "as code"},
	    {"flock /tmp/l sh -c ${}", "as code"},
	    {"python3 -c ${}", "as code"},
	    {"perl -pe ${} file", "as code"},
	    {"psql -d x -c ${}", "as code"},
	    {"psql --command=${}", "as code"},
	    {"eval ${}", "as code"},
	    {"eval echo ${}", "as code"},
	    {"eval env ${}", "as code"},
	    {"time eval local env ${}", "as code"},
	    {"trap sh ${}", "as code"},
	    {"command eval ${}", "as code"},
	    {"trap ${} EXIT", "as code"},
	    {"ssh web1 ${}", "as code"},
	    {"sudo ssh web1 cat ${}", "as code"},
	    {"watch ls ${}", "as code"},
	    {"sed s/x/${}/ file", "as code"},
	    {"sed -i -e s/x/${}/ file", "as code"},
	    {"sed -n ${} file", "as code"},
	    {"find . -exec sed -i s/x/${}/ {} \\;", "as code"},
	    {"awk ${} file", "as code"},
	    {"test -v ${}", "as code"},
	    {"test ${} ${}", "as code"},
	    {"printf -v ${} x", "as code"},
	    {"env sh -c ${}", "as code"},
	    {"env -S ${}", "as code"},
	    {"sh ${}-c ${}", "as code"},
	    {"tar -I ${} -cf x .", "as code"},
	    {"rsync -e ${} a b", "as code"},
	    {"sed --expression=${} file", "as code"},
	    {"sed --expression ${} file", "as code"},
	    {"unset ${}", "as code"},
	    {"export ${}", "name of a variable"},
	    {"export A=1 ${}=2", "name of a variable"},
	    {"for ${} in a b; do echo; done", "name of a variable"},
	    {"${}", "the command itself"},
	    {"${} --version", "the command itself"},
	    {"x=1 ${}", "the command itself"},
	    {"echo a; ${} b", "the command itself"},
	    {"echo a | ${}", "the command itself"},
	    {"echo a && ${}", "the command itself"},
	    {"if ${}; then echo; fi", "the command itself"},
	    {"echo $(${} a)", "the command itself"},
	    {"command ${} x", "the command itself"},
	    {"command -p ${} x", "the command itself"},
	    {"time ${}", "the command itself"},
	    {"a[${}]=1", "the command itself"},
	    {"cat <<EOF\n${}\nEOF\n", "here-document"},
	    {"cat <<'EOF'\n${}\nEOF\n", "here-document"},
	    {"cat <<-EOF\n\ta\n\t${}\n\tEOF\n", "here-document"},
	    {"cat <<${}\na\n", "here-document"},
	    {"cat <<EOF; echo b\nEOFX\n${}\nEOF\n", "here-document"},
	    {"echo $(cat <<EOF\n${}\nEOF\n)", "here-document"},
	    {"echo a # ${}", "comment"},
	    {"echo `cat ${}`", "backticks"},
	    {"echo $((${} + 1))", "(( ))"},
	    {"((${}))", "(( ))"},
	    {"echo ${x:-${}}", "${ }"},
	    {"[[ ${} -eq 1 ]]", "[[ ]]"},
	    {"[[ -f x && -n ${} ]]", "[[ ]]"},
	    {"echo $${}", "after a $"},
	    {"echo \\${}", "backslash"},
	    {"f() { echo ${}; }; f", "function"},
	    {"f() ( echo ${} ); f", "function"},
	    {"f()\n{ g() { :; }; echo ${}; }", "function"},
	    {"f() if true; then echo ${}; fi", "function"},
	    {"function f { echo ${}; }", "function"},
	    {"set -- a b; echo ${}", "renumber"},
	    {"set a; echo ${}", "renumber"},
	    {"echo ${}; shift", "renumber"},
	    {"echo $1 ${}", "positional"},
	    {"echo \"$@\" ${}", "positional"},
	    {"echo ${1} ${}", "positional"},
	    {"echo $'a' ${}", "disagree"},
	    {"echo a >&${}", "descriptor"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof refused / sizeof *refused; i++)
		assert_refused(EMBED_SH, refused[i][0], refused[i][1]);
}

static void sql_places(void **state)
{
	static const char *const allowed[] = {
	    "select ${}",
	    "select * from t where a = ${} and b=${}::int",
	    "(select ${}) union all (select ${})",
	    "with x as (select ${} as a) insert into t select a from x",
	    "update t set a = ${}, b = 'it''s' where c = \"q\"\"x\" || ${}",
	    "select E'a\\'b' || ${}",
	    "select E'a'\n'b\\'c' || ${}",
	    "select $$a 'b$$ || ${}, $tag$ $$ $tag$",
	    "select a -- it's a comment\n, ${} /* and 'another /* nested */ */",
	    "insert into t values (${},${})",
	    "delete from t where a = any(${})",
	    "-- first\n/* then */ select ${};",
	    "explain analyze select ${}",
	    "call f(${})",
	    "select a$b, ${}",
	    "create table t (a int); drop table t",
	    "select '\\' || ${}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof allowed / sizeof *allowed; i++)
		assert_allowed(EMBED_SQL, allowed[i]);
}

static void sql_refusals(void **state)
{
	static const char *const refused[][2] = {
	    {"select '${}'", "inside quotes"},
	    {"select 'it''s ${}'", "inside quotes"},
	    {"select E'\\'${}'", "inside quotes"},
	    {"select E'a'\n'\\'${}'", "inside quotes"},
	    {"select * from \"${}\"", "inside quotes"},
	    {"select interval '${}'", "inside quotes"},
	    {"select $$${}$$", "dollar-quoted"},
	    {"select $a$ $$ ${} $a$", "dollar-quoted"},
	    {"do $$ begin perform ${}; end $$", "dollar-quoted"},
	    {"select 1 -- ${}", "comment"},
	    {"select 1 /* ${} */", "comment"},
	    {"select 1 /* /* */ ${} */", "comment"},
	    {"create table ${} (a int)", "no place for a value"},
	    {"drop database ${}", "no place for a value"},
	    {"alter role x password ${}", "no place for a value"},
	    {"set lock_timeout = ${}", "no place for a value"},
	    {"vacuum ${}", "no place for a value"},
	    {"notify x, ${}", "no place for a value"},
	    {"truncate ${}", "no place for a value"},
	    {"copy t from ${}", "no place for a value"},
	    {"/* select */ drop table ${}", "no place for a value"},
	    {"select 1; drop table ${}", "single statement"},
	    {"insert into t values (${}); commit", "single statement"},
	    {"${} from t", "the statement itself"},
	    {"  ${}", "the statement itself"},
	    {"select * from t_${}", "part of a word"},
	    {"select ${}_x", "part of a word"},
	    {"select 1${}", "part of a word"},
	    {"select $${}", "part of a word"},
	    {"select ${}${}", "side by side"},
	    {"select $1, ${}", "by its number"},
	    {"select $1", "by its number"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof refused / sizeof *refused; i++)
		assert_refused(EMBED_SQL, refused[i][0], refused[i][1]);
}

static void sqlite_places(void **state)
{
	static const char *const allowed[] = {
	    "select ${}",
	    "replace into t values (${}, '\\' || ${})",
	    "select e'\\' || ${}",
	    "select `a b` from [it's] where x = ${}",
	    "select a$b, ${}",
	    "select 1 /* ' /* ' */, ${}",
	    "select x ->> '$.a' from t where y = ${} -- it's",
	    "create table t (a int)",
	};
	static const char *const refused[][2] = {
	    {"select '${}'", "inside quotes"},
	    {"select `${}`", "inside quotes"},
	    {"select [${}]", "inside quotes"},
	    {"select \"${}\"", "inside quotes"},
	    {"select 1 /* ${} */", "comment"},
	    {"select 1 -- ${}", "comment"},
	    {"select 1 /* /* */, ${} */ '${}'", "inside quotes"},
	    {"select ?, ${}", "by its number or its name"},
	    {"select ?1", "by its number or its name"},
	    {"select :a, ${}", "by its number or its name"},
	    {"select @a", "by its number or its name"},
	    {"select $a, ${}", "by its number or its name"},
	    {"pragma user_version = ${}", "no place for a value"},
	    {"create table ${} (a)", "no place for a value"},
	    {"attach ${} as x", "no place for a value"},
	    {"call f(${})", "no place for a value"},
	    {"select ${}; select 1", "single statement"},
	    {"select x${}", "part of a word"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		assert_allowed(EMBED_SQLITE, allowed[i]);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		assert_refused(EMBED_SQLITE, refused[i][0], refused[i][1]);
}

static void sql_names_may_stand_in_ddl(void **state)
{
	struct literal literal = split("alter table ${} rename to ${}");
	struct embed_problem problem;

	(void)state;
	literal.pieces[0].name = true;
	assert_false(embed_check(EMBED_SQL, literal.pieces, literal.count, &problem));
	assert_int_equal(problem.piece, 1);
	assert_non_null(strstr(problem.hint, "pg.name("));
	literal.pieces[1].name = true;
	assert_true(embed_check(EMBED_SQL, literal.pieces, literal.count, &problem));
	literal = split("select * from \"a\"${}");
	literal.pieces[0].name = true;
	assert_false(embed_check(EMBED_SQL, literal.pieces, literal.count, &problem));
	literal = split("select * from U&${}");
	literal.pieces[0].name = true;
	assert_false(embed_check(EMBED_SQL, literal.pieces, literal.count, &problem));
}

static void problem_has_its_place(void **state)
{
	struct literal literal = split("echo ${} \"x${}\"");
	struct embed_problem problem;

	(void)state;
	assert_false(embed_check(EMBED_SH, literal.pieces, literal.count, &problem));
	assert_int_equal(problem.piece, 1);
	assert_int_equal(problem.offset, literal.pieces[1].length);
}

/* ---- rendering ---- */

static struct value render(enum embed_language language, const char *text, const struct value *values)
{
	struct literal literal = split(text);
	struct value error, result = embed_render(language, literal.pieces, values, literal.count, &error);

	if (error.tag != VALUE_NULL)
		fail_msg("%s: %s", text, value_text_peek(error));
	return result;
}

static void assert_renders(enum embed_language language, const char *text, struct value v,
			   const char *expected)
{
	struct value result = render(language, text, &v);

	assert_int_equal(result.tag, VALUE_STRING);
	assert_string_equal(value_text_peek(result), expected);
	value_release(result);
	value_release(v);
}

static void assert_fails(enum embed_language language, const char *text, struct value v, const char *about)
{
	struct literal literal = split(text);
	struct value values[PIECES_MAX], error, result;
	size_t i;

	for (i = 0; i < PIECES_MAX; i++)
		values[i] = v;
	result = embed_render(language, literal.pieces, values, literal.count, &error);
	assert_int_equal(result.tag, VALUE_NULL);
	assert_int_equal(error.tag, VALUE_STRING);
	if (!strstr(value_text_peek(error), about))
		fail_msg("%s: \"%s\" does not speak of \"%s\"", text, value_text_peek(error), about);
	value_release(error);
	value_release(v);
}

static struct value list_of(const char *a, const char *b)
{
	struct value list = list_new(2);

	if (a)
		list_push(&list, value_string(a));
	if (b)
		list_push(&list, value_string(b));
	return list;
}

/* Text and args of a rendered command or statement. */
static void assert_parts(enum embed_language language, const char *text, struct value v, const char *expected,
			 size_t count, const char *first)
{
	struct value result = render(language, text, &v), args = record_peek(result, "args");

	assert_string_equal(value_text_peek(record_peek(result, "text")), expected);
	assert_int_equal(value_length(args), count);
	if (first)
		assert_string_equal(value_text_peek(list_peek(args, 0)), first);
	value_release(result);
	value_release(v);
}

static void sh_words(void **state)
{
	(void)state;
	assert_parts(EMBED_SH, "grep -c x ${}", value_string("a b"), "grep -c x \"$1\"", 1, "a b");
	assert_parts(EMBED_SH, "x --file=${}", value_int(7), "x --file=\"$1\"", 1, "7");
	assert_parts(EMBED_SH, "rm -f ${} --", list_of("a b", "*"), "rm -f \"$1\" \"$2\" --", 2, "a b");
	assert_parts(EMBED_SH, "rm -f ${}", list_new(0), "rm -f ", 0, NULL);
	assert_parts(EMBED_SH, "echo ${}", value_duration(90 * INT64_C(1000000000)), "echo \"$1\"", 1,
		     "1m30s");
	assert_parts(EMBED_SH, "echo plain", value_null(), "echo plain", 0, NULL);
	assert_fails(EMBED_SH, "x --file=${}", list_of("a", "b"), "list");
	assert_fails(EMBED_SH, "x=${} env", list_of("a", "b"), "list");
	assert_fails(EMBED_SH, "cat < ${}", list_of("a", "b"), "list");
	assert_fails(EMBED_SH, "case ${} in a) :;; esac", list_of("a", "b"), "list");
	assert_fails(EMBED_SH, "echo ${}", value_null(), "null");
	assert_fails(EMBED_SH, "echo ${}", value_string_n("a\0b", 3), "NUL");
	assert_fails(EMBED_SH, "echo \"${}\"", value_string("x"), "quotes");
	assert_parts(EMBED_SH, "grep x ${}", value_string("-n"), "grep x \"$1\"", 1, "-n");
	assert_parts(EMBED_SH, "sed s/x/y/ ${}", value_string("a-"), "sed s/x/y/ \"$1\"", 1, "a-");
	assert_parts(EMBED_SH, "sed s/x/y/ -- ${}", value_string("-e"), "sed s/x/y/ -- \"$1\"", 1, "-e");
	assert_parts(EMBED_SH, "python3 x.py ${}", value_string("-c"), "python3 x.py \"$1\"", 1, "-c");
	assert_fails(EMBED_SH, "sed s/x/y/ ${}", value_string("-e1e id"), "begins with -");
	assert_fails(EMBED_SH, "sed s/x/y/ ${}", list_of("a", "-e1e id"), "begins with -");
	assert_fails(EMBED_SH, "python3 ${}", value_string("-cprint(1)"), "begins with -");
	assert_fails(EMBED_SH, "python3 ${}${}", value_string("-c"), "begins with -");
	assert_fails(EMBED_SH, "sh ${} x", list_of("a", "b"), "list");
	assert_fails(EMBED_SH, "git clone ${}", value_string("--upload-pack=id"), "begins with -");
}

static void sh_more_than_nine(void **state)
{
	struct value values[11], result;
	size_t i;

	(void)state;
	for (i = 0; i < 11; i++)
		values[i] = value_int((int64_t)i);
	result = render(EMBED_SH, "echo ${} ${} ${} ${} ${} ${} ${} ${} ${} ${}0 ${}", values);
	assert_string_equal(
	    value_text_peek(record_peek(result, "text")),
	    "echo \"$1\" \"$2\" \"$3\" \"$4\" \"$5\" \"$6\" \"$7\" \"$8\" \"$9\" \"${10}\"0 \"${11}\"");
	value_release(result);
}

static void sh_argument_limit(void **state)
{
	char *bytes = malloc(EMBED_SH_ARG_MAX + 1);

	(void)state;
	memset(bytes, 'a', EMBED_SH_ARG_MAX + 1);
	assert_fails(EMBED_SH, "echo ${}", value_string_n(bytes, EMBED_SH_ARG_MAX + 1), "128 KiB");
	free(bytes);
}

static void sqlite_parameters_keep_their_types(void **state)
{
	struct value values[] = {value_int(5),	    value_percent(0.05),
				 value_size(512),   value_duration(1500000000),
				 value_bool(false), value_null(),
				 value_string("5"), value_mark(value_int(7), VALUE_SECRET)};
	static const enum value_tag tags[] = {VALUE_INT, VALUE_FLOAT, VALUE_INT,    VALUE_FLOAT,
					      VALUE_INT, VALUE_NULL,  VALUE_STRING, VALUE_INT};
	struct value made = render(EMBED_SQLITE, "select ${}, ${}, ${}, ${}, ${}, ${}, ${}, ${}", values);

	(void)state;
	assert_string_equal(value_text_peek(record_peek(made, "text")),
			    "select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8");
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		struct value arg = list_peek(record_peek(made, "args"), i);

		assert_int_equal(arg.tag, tags[i]);
		assert_int_equal(value_is_secret(arg), i == 7);
	}
	value_release(made);
	value_release(values[6]);
	assert_fails(EMBED_SQLITE, "select ${}", value_string_n("a\0b", 3), "NUL");
}

static void sql_parameters(void **state)
{
	struct value inner = list_of("a\"b\\c", NULL), numbers = list_new(2), record = record_new(1);

	(void)state;
	assert_parts(EMBED_SQL, "select ${}", value_string("x"), "select $1", 1, "x");
	assert_parts(EMBED_SQL, "select ${}::interval", value_duration(-1500000000), "select $1::interval", 1,
		     "-1.500000 seconds");
	assert_parts(EMBED_SQL, "select ${}", value_percent(0.05), "select $1", 1, "0.05");
	assert_parts(EMBED_SQL, "select ${}", value_size(512000000), "select $1", 1, "512000000");
	assert_parts(EMBED_SQL, "select ${}", value_float(NAN), "select $1", 1, "NaN");
	assert_parts(EMBED_SQL, "select ${}", value_bool(true), "select $1", 1, "true");
	list_push(&inner, value_null());
	list_push(&inner, value_string(""));
	assert_parts(EMBED_SQL, "select ${}", inner, "select $1", 1, "{\"a\\\"b\\\\c\",NULL,\"\"}");
	list_push(&numbers, value_int(1));
	list_push(&numbers, list_of("x", NULL));
	assert_parts(EMBED_SQL, "select ${}", numbers, "select $1", 1, "{\"1\",{\"x\"}}");
	assert_parts(EMBED_SQL, "select ${}", value_range(1, 3), "select $1", 1, "{\"1\",\"2\",\"3\"}");
	record_set(&record, "a", value_int(1));
	assert_parts(EMBED_SQL, "select ${}", record, "select $1", 1, "{\"a\":1}");
	assert_fails(EMBED_SQL, "select ${}", value_string_n("a\0b", 3), "NUL");
	assert_fails(EMBED_SQL, "drop table ${}", value_string("x"), "no place");
	assert_parts(EMBED_SQL, "drop table s.${}",
		     value_mark(value_string("\"a\"\"b\".\"c\""), VALUE_SQL_NAME),
		     "drop table s.\"a\"\"b\".\"c\"", 0, NULL);
	assert_fails(EMBED_SQL, "drop table ${}",
		     value_mark(value_string("\"a\"; drop table b"), VALUE_SQL_NAME), "pg.name");
	assert_fails(EMBED_SQL, "drop table ${}", value_mark(value_string("\"a\"\""), VALUE_SQL_NAME),
		     "pg.name");
	assert_fails(EMBED_SQL, "drop table ${}", value_mark(value_string("a"), VALUE_SQL_NAME), "pg.name");
	assert_fails(EMBED_SQL, "drop table ${}", value_mark(value_string(""), VALUE_SQL_NAME), "pg.name");
}

static void sql_null_binds(void **state)
{
	struct value nothing = value_null(), result = render(EMBED_SQL, "select ${}::int", &nothing);

	(void)state;
	assert_int_equal(list_peek(record_peek(result, "args"), 0).tag, VALUE_NULL);
	assert_int_equal(value_length(record_peek(result, "args")), 1);
	value_release(result);
}

static void promql_text(void **state)
{
	(void)state;
	assert_renders(EMBED_PROMQL, "up{job=\"${}\"}", value_string("a\"b\\c\nd'"),
		       "up{job=\"a\\\"b\\\\c\\nd'\"}");
	assert_renders(EMBED_PROMQL, "up{job='${}'}", value_string("a\"b'"), "up{job='a\"b\\''}");
	assert_renders(EMBED_PROMQL, "up{job=~\"${}-.*\"}", value_string("a.b|c\\"),
		       "up{job=~\"a\\\\.b\\\\|c\\\\\\\\-.*\"}");
	assert_renders(EMBED_PROMQL, "up{job !~ \"x${}\"}", value_string("$"), "up{job !~ \"x\\\\$\"}");
	assert_renders(EMBED_PROMQL, "up{job=\"${}\"}", value_string(".*"), "up{job=\".*\"}");
	assert_renders(EMBED_PROMQL, "up{job=~\"${}\"}", list_of("a.b", "c"), "up{job=~\"(?:a\\\\.b|c)\"}");
	assert_renders(EMBED_PROMQL, "up{job=~\"${}+\"}", value_string("ab"), "up{job=~\"(?:ab)+\"}");
	assert_renders(EMBED_PROMQL, "up{job=~\"a|[xy]|${}\"}", value_string("]"),
		       "up{job=~\"a|[xy]|\\\\]\"}");
	assert_fails(EMBED_PROMQL, "up{job=\"${}\"}", list_of("a", "b"), "list");
	assert_fails(EMBED_PROMQL, "up{job=~\"${}\"}", list_new(0), "empty list");
	assert_fails(EMBED_PROMQL, "up{job=\"${}\"}", value_null(), "null");
	assert_fails(EMBED_PROMQL, "up{job=\"${}\"}", value_string("a\xff"), "UTF-8");
	assert_fails(EMBED_PROMQL, "up{job=\"${}\"}", value_string_n("a\0", 2), "NUL");
}

static void promql_numbers(void **state)
{
	(void)state;
	assert_renders(EMBED_PROMQL, "rate(x[${}])", value_duration(300 * INT64_C(1000000000)),
		       "rate(x[5m])");
	assert_renders(EMBED_PROMQL, "rate(x[${}])", value_duration(1500 * INT64_C(1000000)),
		       "rate(x[1500ms])");
	assert_renders(EMBED_PROMQL, "rate(x[5m:${}])", value_duration(INT64_C(10000000000)),
		       "rate(x[5m:10s])");
	assert_renders(EMBED_PROMQL, "rate(x[${}m])", value_int(5), "rate(x[5m])");
	assert_renders(EMBED_PROMQL, "x > ${}", value_percent(0.05), "x > 0.05");
	assert_renders(EMBED_PROMQL, "${} * x", value_float(-2), "(-2.0) * x");
	assert_renders(EMBED_PROMQL, "x ^ ${}", value_int(-2), "x ^ (-2)");
	assert_renders(EMBED_PROMQL, "x > ${}", value_size(1000), "x > 1000");
	assert_fails(EMBED_PROMQL, "x > ${}", value_string("1 or vector(1)"), "not a string");
	assert_fails(EMBED_PROMQL, "x > ${}", value_string("1"), "not a string");
	assert_fails(EMBED_PROMQL, "x > ${}", value_float(INFINITY), "finite");
	assert_fails(EMBED_PROMQL, "rate(x[${}m])", value_int(-5), "negative");
	assert_fails(EMBED_PROMQL, "rate(x[${}])", value_duration(1500), "milliseconds");
}

static void promql_places(void **state)
{
	static const char *const refused[][2] = {
	    {"up # ${}", "comment"},
	    {"up{job=`${}`}", "`"},
	    {"up_${}", "part of a word"},
	    {"${}_total", "part of a word"},
	    {"job:${}", "part of a word"},
	    {"x[${}foo]", "part of a word"},
	    {"up{job=\"\\${}\"}", "backslash"},
	    {"up{job=~\"\\\\${}\"}", "backslash"},
	    {"up{job=~\"[${}]\"}", "[]"},
	    {"up{job=~\"[]${}]\"}", "[]"},
	    {"up{job=~\"a{${}}\"}", "{}"},
	    {"up{job=~\"\\\\Q${}\\\\E\"}", "\\Q"},
	    {"sum(x) ${} y", "operator"},
	    {"${}${}", "side by side"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof refused / sizeof *refused; i++)
		assert_refused(EMBED_PROMQL, refused[i][0], refused[i][1]);
	assert_allowed(EMBED_PROMQL, "up{job=~\"a\\\\\\\\${}\"}");
	assert_allowed(EMBED_PROMQL, "up{job=~\"[a]${}\"} > ${} # comment");
}

static void url_parts(void **state)
{
	(void)state;
	assert_renders(EMBED_URL, "${}/health/", value_string("http://127.0.0.1:80"),
		       "http://127.0.0.1:80/health/");
	assert_renders(EMBED_URL, "${}", value_string("https://h/x?y"), "https://h/x?y");
	assert_renders(EMBED_URL, "http://h/a/${}?x", value_string("a/b?c#d e&f=é%"),
		       "http://h/a/a%2Fb%3Fc%23d%20e%26f%3D%C3%A9%25?x");
	assert_renders(EMBED_URL, "http://h?q=${}", value_string("1&admin=1"), "http://h?q=1%26admin%3D1");
	assert_renders(EMBED_URL, "http://h:${}/x", value_int(8080), "http://h:8080/x");
	assert_renders(EMBED_URL, "http://[::1]:${}", value_int(80), "http://[::1]:80");
	assert_renders(EMBED_URL, "http://h/v${}/x", value_string("..."), "http://h/v.../x");
	assert_renders(EMBED_URL, "http://h/x?y=${}", value_string(".."), "http://h/x?y=..");
	assert_fails(EMBED_URL, "http://h/a/${}/x", value_string(".."), "..");
	assert_fails(EMBED_URL, "http://h/a/.${}", value_string("."), "..");
	assert_fails(EMBED_URL, "http://h/a/%2e${}/", value_string("."), "..");
	assert_fails(EMBED_URL, "http://h/a/${}${}/", value_string("."), "..");
	assert_fails(EMBED_URL, "http://h:${}/x", value_string("80@evil"), "port");
	assert_fails(EMBED_URL, "http://h:${}/x", value_int(70000), "port");
	assert_fails(EMBED_URL, "${}/x", value_string("file:///etc/passwd"), "http");
	assert_fails(EMBED_URL, "${}/x", value_string("http:///etc"), "http");
	assert_fails(EMBED_URL, "${}/x", value_string("http://a b"), "blank");
	assert_fails(EMBED_URL, "${}/x", value_string("http://a\r\nHost: b"), "blank");
	assert_fails(EMBED_URL, "${}/x", value_string_n("http://a\0b", 10), "blank");
	assert_fails(EMBED_URL, "${}/x", value_null(), "base");
	assert_fails(EMBED_URL, "http://h/${}", value_null(), "null");
	assert_fails(EMBED_URL, "http://h/${}", list_of("a", "b"), "list");
	assert_fails(EMBED_URL, "http://h/${}", value_string_n("a\0", 2), "NUL");
	assert_fails(EMBED_URL, "${}${}", value_string("http://h"), "host");
	assert_refused(EMBED_URL, "http://${}/x", "host");
	assert_refused(EMBED_URL, "http://web-${}:80/x", "host");
	assert_refused(EMBED_URL, "http://user:${}@h/", "host");
	assert_refused(EMBED_URL, "http:/${}", "http://host/");
	assert_refused(EMBED_URL, "http:///${}", "http://host/");
	assert_refused(EMBED_URL, "ftp://h/${}", "http://host/");
	assert_refused(EMBED_URL, "http://h/%${}", "escape");
	assert_refused(EMBED_URL, "http://h/%4${}", "escape");
}

static void marks_and_unknowns(void **state)
{
	struct value secret = value_mark(value_string("s3cret"), VALUE_SECRET), unknown = value_unknown();
	struct value pair[2], hidden = list_new(1), result, args;
	enum embed_language language;

	(void)state;
	pair[0] = value_string("open");
	pair[1] = secret;
	result = render(EMBED_SH, "echo ${} ${}", pair);
	args = record_peek(result, "args");
	assert_false(value_is_secret(list_peek(args, 0)));
	assert_true(value_is_secret(list_peek(args, 1)));
	assert_false(value_is_secret(record_peek(result, "text")));
	value_release(result);
	result = render(EMBED_SQL, "select ${}, ${}", pair);
	args = record_peek(result, "args");
	assert_false(value_is_secret(list_peek(args, 0)));
	assert_true(value_is_secret(list_peek(args, 1)));
	value_release(result);
	result = render(EMBED_URL, "http://h/${}", &secret);
	assert_true(value_is_secret(result));
	value_release(result);
	result = render(EMBED_NONE, "a${}b", &secret);
	assert_true(value_is_secret(result));
	assert_string_equal(value_text_peek(result), "as3cretb");
	value_release(result);
	list_push(&hidden, value_unknown());
	for (language = EMBED_NONE; language <= EMBED_URL; language++) {
		assert_int_equal(render(language, "echo ${}", &unknown).tag, VALUE_UNKNOWN);
		assert_int_equal(render(language, "echo ${}", &hidden).tag, VALUE_UNKNOWN);
	}
	value_release(hidden);
	value_release(pair[0]);
	value_release(secret);
}

/* ---- hostile values, at the real thing ---- */

static const char *const hostile[] = {
    "",
    " ",
    "a b  c",
    "'",
    "\"",
    "''",
    "\"\"",
    "\\",
    "\\\\",
    "\\'",
    "a\\",
    "'; drop table x; --",
    "'); drop table x; --",
    "\"; drop table x; --",
    "1 or 1=1",
    "$1",
    "$$; drop table x; $$",
    "$tag$",
    "/* x",
    "*/ drop",
    "-- x",
    "$(touch /tmp/runplan-pwned)",
    "`touch /tmp/runplan-pwned`",
    "\"; touch /tmp/runplan-pwned; \"",
    "'; touch /tmp/runplan-pwned; '",
    "; touch /tmp/runplan-pwned",
    "| touch /tmp/runplan-pwned",
    "&& touch /tmp/runplan-pwned",
    "& touch /tmp/runplan-pwned &",
    "\ntouch /tmp/runplan-pwned\n",
    "> /tmp/runplan-pwned",
    "${IFS}",
    "$HOME",
    "~",
    "*",
    "a b *",
    "?[a-z]*",
    "{a,b}",
    "-n",
    "--help",
    "-",
    "\n",
    "a\n\n",
    "\t\r\n \v\f",
    "\x01\x02\x1b[31m",
    "!!",
    "# x",
    "EOF",
    "é ü 漢字",
    "😀🏳️‍🌈",
    "%s%n%x",
    "{\"a\": 1}",
    "a=b",
    "eval",
};
#define HOSTILE_COUNT (sizeof hostile / sizeof *hostile)

/* Runs /bin/sh as embed.h says and answers with its standard output. */
static struct value run_shell(struct value command)
{
	struct value args = record_peek(command, "args");
	const char *argv[PIECES_MAX + 8] = {"/bin/sh", "-c", value_text_peek(record_peek(command, "text")),
					    "sh"};
	static char output[300 * 1024];
	size_t i, length = 0;
	int out[2], status;
	ssize_t got;
	pid_t pid;

	for (i = 0; i < value_length(args); i++)
		argv[4 + i] = value_text_peek(list_peek(args, i));
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		close(out[0]);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(out[1]);
	while ((got = read(out[0], output + length, sizeof output - length)) > 0)
		length += (size_t)got;
	close(out[0]);
	waitpid(pid, &status, 0);
	if (status != 0)
		fail_msg("%s ended with status %d", argv[2], status);
	return value_string_n(output, length);
}

/* The command prints its only value, between `before` and `after`. */
static void assert_arrives(const char *text, const char *bytes, size_t length, const char *before,
			   const char *after)
{
	struct value v = value_string_n(bytes, length), command = render(EMBED_SH, text, &v),
		     seen = run_shell(command);
	size_t head = strlen(before), tail = strlen(after);

	assert_int_equal(value_length(seen), head + length + tail);
	assert_memory_equal(value_text_peek(seen), before, head);
	assert_memory_equal(value_text_peek(seen) + head, bytes, length);
	assert_memory_equal(value_text_peek(seen) + head + length, after, tail);
	value_release(seen);
	value_release(command);
	value_release(v);
}

static void assert_arrives_everywhere(const char *bytes, size_t length)
{
	assert_arrives("printf '%s' ${}", bytes, length, "", "");
	assert_arrives("printf '%s' --file=${}.x", bytes, length, "--file=", ".x");
	assert_arrives("x=${}; printf '%s' \"$x\"", bytes, length, "", "");
	assert_arrives("x=${} sh -c 'printf %s \"$x\"'", bytes, length, "", "");
	assert_arrives("printf '%s' \"[$(printf '%s]' ${})\"", bytes, length, "[", "]");
	assert_arrives("sh -c 'printf %s \"$1\"' sh ${}", bytes, length, "", "");
	assert_arrives("for x in ${}; do printf '<%s>' \"$x\"; done", bytes, length, "<", ">");
	assert_arrives("case x in y) echo no;; *) printf 'it'\\''s %s' ${};; esac | cat", bytes, length,
		       "it's ", "");
	assert_arrives("( { if true; then printf '%s' ${}; fi; } ) | cat", bytes, length, "", "");
	assert_arrives("f() { printf '%s' \"$1\"; }; f ${}", bytes, length, "", "");
}

static void sh_hostile_values(void **state)
{
	static char big[100 * 1024];
	size_t i;

	(void)state;
	unlink("/tmp/runplan-pwned");
	for (i = 0; i < HOSTILE_COUNT; i++)
		assert_arrives_everywhere(hostile[i], strlen(hostile[i]));
	assert_arrives_everywhere("\xff\xfe\xc3(\x80", 5);
	for (i = 0; i < sizeof big; i++)
		big[i] = hostile[i % HOSTILE_COUNT][0] ? hostile[i % HOSTILE_COUNT][0] : 'x';
	assert_arrives_everywhere(big, sizeof big);
	assert_int_equal(access("/tmp/runplan-pwned", F_OK), -1);
}

/* A list of hostile values arrives as that many words. */
static void sh_hostile_list(void **state)
{
	struct value list = list_new(0), command, seen;
	const char *at;
	size_t i;

	(void)state;
	for (i = 0; i < 30; i++)
		list_push(&list, value_string(hostile[i]));
	command = render(EMBED_SH, "printf '%s\\0' ${}", &list);
	seen = run_shell(command);
	at = value_text_peek(seen);
	for (i = 0; i < 30; i++) {
		assert_string_equal(at, hostile[i]);
		at += strlen(at) + 1;
	}
	assert_int_equal(at - value_text_peek(seen), value_length(seen));
	value_release(seen);
	value_release(command);
	value_release(list);
}

static PGconn *connect_to(const struct pq_api *pq, const struct pg_cluster *cluster)
{
	char port[16];
	const char *keys[] = {"host", "port", "user", "password", "dbname", NULL};
	const char *values[] = {"127.0.0.1", port, "admin", PG_PASSWORD, "postgres", NULL};
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	PGconn *connection;

	snprintf(port, sizeof port, "%d", cluster->port);
	connection = pq->PQconnectStartParams(keys, values, 0);
	while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
		struct pollfd fd = {.fd = pq->PQsocket(connection),
				    .events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT};

		poll(&fd, 1, 5000);
		status = pq->PQconnectPoll(connection);
	}
	if (status == PGRES_POLLING_FAILED)
		fail_msg("%s", pq->PQerrorMessage(connection));
	return connection;
}

/* Sends a rendered statement; the last result. */
static PGresult *run_sql(const struct pq_api *pq, PGconn *connection, struct value statement)
{
	struct value args = record_peek(statement, "args");
	const char *parameters[PIECES_MAX];
	PGresult *result, *last = NULL;
	size_t i;

	for (i = 0; i < value_length(args); i++)
		parameters[i] =
		    list_peek(args, i).tag == VALUE_NULL ? NULL : value_text_peek(list_peek(args, i));
	assert_true(pq->PQsendQueryParams(connection, value_text_peek(record_peek(statement, "text")),
					  (int)value_length(args), NULL, parameters, NULL, NULL, 0));
	while ((result = pq->PQgetResult(connection))) {
		pq->PQclear(last);
		last = result;
	}
	return last;
}

static PGresult *run_literal(const struct pq_api *pq, PGconn *connection, const char *text,
			     const struct value *values)
{
	struct value statement = render(EMBED_SQL, text, values);
	PGresult *result = run_sql(pq, connection, statement);

	value_release(statement);
	return result;
}

static void assert_field(const struct pq_api *pq, PGresult *result, int column, const char *bytes,
			 size_t length)
{
	if (pq->PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s", pq->PQresultErrorMessage(result));
	assert_int_equal(pq->PQntuples(result), 1);
	assert_int_equal(pq->PQgetlength(result, 0, column), length);
	assert_memory_equal(pq->PQgetvalue(result, 0, column), bytes, length);
}

/* Through a parameter, through a stored row, through an array, and as the name of a column. */
static void assert_sql_arrives(const struct pq_api *pq, PGconn *connection, const char *bytes, size_t length)
{
	struct value v = value_string_n(bytes, length), list = list_new(2), name;
	PGresult *result;
	char *quoted;

	result = run_literal(pq, connection, "select ${}::text as it, 'it''s' || $q$'$q$", &v);
	assert_field(pq, result, 0, bytes, length);
	pq->PQclear(result);
	pq->PQclear(run_literal(pq, connection, "truncate kept", NULL));
	pq->PQclear(run_literal(pq, connection, "insert into kept (t) values (${}) -- '", &v));
	result = run_literal(pq, connection, "select t from kept where t = ${}", &v);
	assert_field(pq, result, 0, bytes, length);
	pq->PQclear(result);
	list_push(&list, value_string("other"));
	list_push(&list, value_copy(v));
	result = run_literal(pq, connection, "select (${}::text[])[2]", &list);
	assert_field(pq, result, 0, bytes, length);
	pq->PQclear(result);
	if (length > 0 && length < 60) {
		quoted = pq->PQescapeIdentifier(connection, bytes, length);
		name = value_mark(value_string(quoted), VALUE_SQL_NAME);
		result = run_literal(pq, connection, "select 1 as ${}", &name);
		assert_string_equal(pq->PQfname(result, 0), bytes);
		pq->PQclear(result);
		value_release(name);
		pq->PQfreemem(quoted);
	}
	value_release(list);
	value_release(v);
}

static void sql_hostile_values(void **state)
{
	struct pg_cluster cluster;
	char error[200];
	const struct pq_api *pq = pq_load(error, sizeof error);
	static char big[100 * 1024];
	struct value broken = value_string("\xff\xfe");
	PGconn *connection;
	PGresult *result;
	size_t i;

	(void)state;
	assert_non_null(pq);
	assert_true(pg_cluster_start(&cluster));
	connection = connect_to(pq, &cluster);
	pq->PQclear(run_literal(pq, connection, "create table x (a int)", NULL));
	pq->PQclear(run_literal(pq, connection, "create table kept (t text)", NULL));
	for (i = 0; i < HOSTILE_COUNT; i++)
		assert_sql_arrives(pq, connection, hostile[i], strlen(hostile[i]));
	for (i = 0; i < sizeof big; i++)
		big[i] = "';$\"\\x-"[i % 7];
	assert_sql_arrives(pq, connection, big, sizeof big);
	/* Invalid UTF-8 is refused by the server, never stored as something else. */
	result = run_literal(pq, connection, "select ${}::text", &broken);
	assert_int_equal(pq->PQresultStatus(result), PGRES_FATAL_ERROR);
	assert_string_equal(pq->PQresultErrorField(result, PG_DIAG_SQLSTATE), "22021");
	pq->PQclear(result);
	result = run_literal(pq, connection, "select count(*) from x", NULL);
	assert_field(pq, result, 0, "0", 1);
	pq->PQclear(result);
	value_release(broken);
	pq->PQfinish(connection);
	pg_cluster_stop(&cluster);
}

/* ---- a real Prometheus, with a series for each hostile value as its label ---- */

struct prometheus {
	char directory[64];
	int port;
	pid_t pid;
};

static void write_label(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", file);
		else
			fprintf(file, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	}
}

static void prometheus_fill(const struct prometheus *prometheus)
{
	char path[96];
	FILE *file;
	size_t i;

	snprintf(path, sizeof path, "%s/series", prometheus->directory);
	file = fopen(path, "w");
	fputs("# TYPE m gauge\n", file);
	for (i = 0; i < HOSTILE_COUNT; i++) {
		fprintf(file, "m{i=\"%zu\",l=\"", i);
		write_label(file, hostile[i]);
		fprintf(file, "\"} 1 %lld\n", (long long)time(NULL) - 60);
	}
	fputs("# EOF\n", file);
	fclose(file);
	snprintf(path, sizeof path, "%s/config", prometheus->directory);
	file = fopen(path, "w");
	fputs("global: {}\n", file);
	fclose(file);
}

static pid_t run_in(const char *directory, const char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open("/dev/null", O_WRONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fd, 1);
		dup2(fd, 2);
		if (chdir(directory) == 0)
			execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid;
}

static struct value form_of(struct value query)
{
	struct buffer form = {0};
	size_t i;

	buffer_add_text(&form, "query=");
	for (i = 0; i < value_length(query); i++)
		buffer_printf(&form, "%%%02X", (unsigned char)value_text_peek(query)[i]);
	return buffer_finish(&form);
}

/* All that the server says to a request; "" where it does not listen yet. */
static struct value http_ask(int port, struct value form)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct buffer answer = {0};
	char piece[4096];
	ssize_t got;

	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
		dprintf(fd,
			"POST /api/v1/query HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n"
			"Content-Length: %zu\r\n\r\n%s",
			value_length(form), value_text_peek(form));
		while ((got = read(fd, piece, sizeof piece)) > 0)
			buffer_add(&answer, piece, (size_t)got);
	}
	close(fd);
	return buffer_finish(&answer);
}

/* The answer to a query, or null where there is none yet. */
static struct value prometheus_ask(const struct prometheus *prometheus, struct value query)
{
	struct value form = form_of(query), text = http_ask(prometheus->port, form), json = value_null();
	const char *body = strstr(value_text_peek(text), "\r\n\r\n");
	char error[160];

	/* Before it is ready it answers in words. */
	if (body)
		value_from_json(body + 4, strlen(body + 4), &json, error);
	value_release(form);
	value_release(text);
	return json;
}

static void prometheus_start(struct prometheus *prometheus)
{
	char listen[64];
	const char *create[] = {"promtool", "tsdb", "create-blocks-from", "openmetrics", "series",
				"data",	    NULL};
	const char *serve[] = {"prometheus",
			       "--config.file=config",
			       "--storage.tsdb.path=data",
			       "--storage.tsdb.retention.time=10y",
			       listen,
			       NULL};
	struct value ready = value_null(), query = value_string("1");
	int i, status;

	strcpy(prometheus->directory, "/tmp/runplan-prom-XXXXXX");
	assert_non_null(mkdtemp(prometheus->directory));
	prometheus_fill(prometheus);
	waitpid(run_in(prometheus->directory, create), &status, 0);
	assert_int_equal(status, 0);
	prometheus->port = pg_cluster_free_port();
	snprintf(listen, sizeof listen, "--web.listen-address=127.0.0.1:%d", prometheus->port);
	prometheus->pid = run_in(prometheus->directory, serve);
	for (i = 0; i < 200 && strcmp(value_text_peek(record_peek(ready, "status")), "success") != 0; i++) {
		usleep(50000);
		value_release(ready);
		ready = prometheus_ask(prometheus, query);
	}
	assert_string_equal(value_text_peek(record_peek(ready, "status")), "success");
	value_release(ready);
	value_release(query);
}

static struct value prometheus_query(const struct prometheus *prometheus, const char *text,
				     const struct value *values)
{
	struct value query = render(EMBED_PROMQL, text, values), answer = prometheus_ask(prometheus, query);
	struct value result;

	if (strcmp(value_text_peek(record_peek(answer, "status")), "success") != 0)
		fail_msg("%s: %s", value_text_peek(query), value_text_peek(record_peek(answer, "error")));
	result = value_copy(record_peek(record_peek(answer, "data"), "result"));
	value_release(answer);
	value_release(query);
	return result;
}

/* The query is a string, and `expected` is its end. */
static void assert_says(const struct prometheus *prometheus, const char *text, struct value v, size_t skip,
			const char *expected)
{
	struct value result = prometheus_query(prometheus, text, &v);

	assert_string_equal(value_text_peek(list_peek(result, 1)) + skip, expected);
	value_release(result);
}

/* The query gives the one series whose label the value is. */
static void assert_selects(const struct prometheus *prometheus, const char *text, struct value v, size_t i)
{
	struct value result = prometheus_query(prometheus, text, &v);
	char number[24];

	snprintf(number, sizeof number, "%zu", i);
	if (value_length(result) != 1)
		fail_msg("%s selects %zu series for value %zu", text, value_length(result), i);
	assert_string_equal(value_text_peek(record_peek(record_peek(list_peek(result, 0), "metric"), "i")),
			    number);
	value_release(result);
}

static void promql_hostile_values(void **state)
{
	struct prometheus prometheus;
	struct value some = list_new(0), result;
	size_t i;

	(void)state;
	prometheus_start(&prometheus);
	for (i = 0; i < HOSTILE_COUNT; i++) {
		struct value v = value_string(hostile[i]);

		assert_says(&prometheus, "\"${}\"", v, 0, hostile[i]);
		assert_says(&prometheus, "'it\\'s ${}'", v, 5, hostile[i]);
		assert_selects(&prometheus, "m{l=\"${}\",i!=\"\"}", v, i);
		assert_selects(&prometheus, "m{l='${}'}", v, i);
		assert_selects(&prometheus, "m{l=~\"${}\"}", v, i);
		assert_selects(&prometheus, "m{l=~'(${}){1}'}", v, i);
		assert_selects(&prometheus, "m unless m{l!~\"no such|${}\"}", v, i);
		if (i > 0 && i < 20)
			list_push(&some, value_copy(v));
		value_release(v);
	}
	result = prometheus_query(&prometheus, "m{l=~\"${}\"}", &some);
	assert_int_equal(value_length(result), value_length(some));
	value_release(result);
	value_release(some);
	kill(prometheus.pid, SIGKILL);
	waitpid(prometheus.pid, NULL, 0);
	pg_cluster_remove(prometheus.directory);
}

/* ---- URLs ---- */

static int hex_of(char c)
{
	return c >= 'A' ? c - 'A' + 10 : c - '0';
}

/* Reads one component at *at up to `end`, decoded, and compares; moves *at behind `end`. */
static void assert_component(const char **at, char end, const char *expected)
{
	for (; **at != end; ++*at, ++expected) {
		char c = **at;

		if (c == '%') {
			c = (char)(hex_of((*at)[1]) * 16 + hex_of((*at)[2]));
			*at += 2;
		} else {
			assert_non_null(
			    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", c));
		}
		assert_int_equal(c, *expected);
	}
	assert_int_equal(*expected, '\0');
	++*at;
}

static void assert_literal(const char **at, const char *expected)
{
	assert_memory_equal(*at, expected, strlen(expected));
	*at += strlen(expected);
}

static void url_hostile_values(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < HOSTILE_COUNT; i++) {
		struct value v = value_string(hostile[i]), values[] = {v, v, v};
		struct value url = render(EMBED_URL, "http://127.0.0.1:80/a/${}/b?q=${}&r=1#${}", values);
		const char *at = value_text_peek(url);

		assert_literal(&at, "http://127.0.0.1:80/a/");
		assert_component(&at, '/', hostile[i]);
		assert_literal(&at, "b?q=");
		assert_component(&at, '&', hostile[i]);
		assert_literal(&at, "r=1#");
		assert_component(&at, '\0', hostile[i]);
		value_release(url);
		value_release(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sh_places),
	    cmocka_unit_test(sh_refusals),
	    cmocka_unit_test(sql_places),
	    cmocka_unit_test(sql_refusals),
	    cmocka_unit_test(sqlite_places),
	    cmocka_unit_test(sqlite_parameters_keep_their_types),
	    cmocka_unit_test(sql_names_may_stand_in_ddl),
	    cmocka_unit_test(problem_has_its_place),
	    cmocka_unit_test(sh_words),
	    cmocka_unit_test(sh_more_than_nine),
	    cmocka_unit_test(sh_argument_limit),
	    cmocka_unit_test(sql_parameters),
	    cmocka_unit_test(sql_null_binds),
	    cmocka_unit_test(promql_text),
	    cmocka_unit_test(promql_numbers),
	    cmocka_unit_test(promql_places),
	    cmocka_unit_test(url_parts),
	    cmocka_unit_test(marks_and_unknowns),
	    cmocka_unit_test(sh_hostile_values),
	    cmocka_unit_test(sh_hostile_list),
	    cmocka_unit_test(sql_hostile_values),
	    cmocka_unit_test(promql_hostile_values),
	    cmocka_unit_test(url_hostile_values),
	};

	return cmocka_run_group_tests_name("embed", tests, NULL, NULL);
}
