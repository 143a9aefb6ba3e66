/* foreign.c: a table, since nearness in letters finds none of these. */
#include "grammar/foreign.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LOG	   "`log \"…\"` tells the operator something"
#define DECLARE	   "`let x = …` declares a constant, `var x = …` a variable"
#define FAIL	   "`fail \"…\"` fails the step; `require cond else \"…\"` fails it unless something holds"
#define GUARD	   "`require cond else \"…\"` is a guard; `expect \"label\" cond` is a check with a report"
#define PASS_TIME  "`hold 30s` lets time pass; `wait until cond within 60s` waits for something"
#define CHOOSE	   "`match x { \"a\" => { … } else => { … } }` chooses"
#define CALLABLE   "`func f(a: int): int { … }` computes, `task t(a: string) { … }` may change something"
#define EACH	   "`for x in xs { … }` goes through a list"
#define REPEAT	   "`while cond at most N times { … }` repeats; `wait until cond within 60s` waits"
#define LOOP_END   "a loop ends with its list or its condition: let `if`, or `[x for x in xs if …]`, choose"
#define OTHER_FILE "`import \"path.plan\"` makes another file's tasks, params and constants known"
#define PROGRAM	   "`exec([\"program\", \"argument\"])` runs a program, `sh(\"…\")` a line of shell"
#define BUILD_LIST "`[f(x) for x in xs if cond]` builds a list"
#define LENGTH	   "`list.length(xs)` counts items, `text.length(s)` characters"
#define ADD_ITEM   "`xs = xs + [x]` adds an item to the list in a `var`"

/* Words are separated by blanks. */
static const struct {
	enum foreign where;
	const char *words, *hint;
} TABLE[] = {
    {FOREIGN_LINE, "const val set export local my declare", DECLARE},
    {FOREIGN_LINE, "variable input inputs parameter arg argument",
     "`param name: string \"…\"` is a value that the operator gives"},
    {FOREIGN_LINE, "def fn fun function proc procedure sub method", CALLABLE},
    {FOREIGN_LINE, "foreach each", EACH},
    {FOREIGN_LINE, "until loop do repeat", REPEAT},
    {FOREIGN_LINE, "unless when", "`if cond { … }` chooses; `not` says the opposite"},
    {FOREIGN_LINE, "elif elsif elseif", "write `else if`"},
    {FOREIGN_LINE, "switch case select", CHOOSE},
    {FOREIGN_LINE, "from include use using source load", OTHER_FILE},
    {FOREIGN_LINE, "break continue", LOOP_END},
    {FOREIGN_LINE, "end endif endfor endwhile fi done esac", "a block ends with `}`"},
    {FOREIGN_LINE, "pass noop", "a block may be empty: `{ }`"},
    {FOREIGN_LINE, "exit quit die abort throw raise panic error", FAIL},
    {FOREIGN_LINE, "assert check ensure", GUARD},
    {FOREIGN_LINE, "print println echo puts printf info debug say", LOG},
    {FOREIGN_LINE, "sleep pause delay", PASS_TIME},
    {FOREIGN_LINE, "on_failure onfailure on_error onerror", "did you mean `on failure`?"},
    {FOREIGN_LINE, "on_success onsuccess", "did you mean `on success`?"},
    {FOREIGN_LINE, "on_rollback onrollback", "did you mean `on rollback`?"},
    {FOREIGN_LINE, "env", "`environment name { param = value }` is a preset of params"},
    {FOREIGN_LINE, "except rescue", "`try { … } catch problem { … }` goes on after a failure"},
    {FOREIGN_LINE, "stage", "`phase \"…\" { … }` groups steps"},
    {FOREIGN_LINE, "job action", "`step \"…\" { … }` is a unit of work"},
    {FOREIGN_LINE, "undo revert", "`rollback { … }` says how a step is undone"},
    {FOREIGN_LINE, "cleanup after",
     "`defer { … }` runs when the run ends, `finally { … }` when the step does"},
    {FOREIGN_LINE, "async go spawn", "in `parallel { … }` each statement runs beside the others"},
    {FOREIGN_LINE, "shell command cmd bash sudo", PROGRAM},

    {FOREIGN_VALUE, "None nil NULL Null undefined", "did you mean `null`?"},
    {FOREIGN_VALUE, "True TRUE yes Yes YES on On", "did you mean `true`?"},
    {FOREIGN_VALUE, "_ default otherwise", "what is left of a choice is `else => …`"},
    {FOREIGN_VALUE, "False FALSE no No NO off Off", "did you mean `false`?"},

    {FOREIGN_CALL, "print println echo puts printf info debug say log", LOG},
    {FOREIGN_CALL, "sleep pause delay", PASS_TIME},
    {FOREIGN_CALL, "exit quit die abort throw raise panic error Error Exception", FAIL},
    {FOREIGN_CALL, "assert check ensure", GUARD},
    {FOREIGN_CALL, "range seq", "a range is written `0..3`; both ends belong to it"},
    {FOREIGN_CALL, "len length size", LENGTH},
    {FOREIGN_CALL, "map filter each forEach", BUILD_LIST},
    {FOREIGN_CALL, "append push add", ADD_ITEM},
    {FOREIGN_CALL, "str String toString to_string format sprintf",
     "a value becomes text in a string: \"${x}\""},
    {FOREIGN_CALL, "int parseInt float parseFloat Number to_int",
     "`text.number(s)` is the number that a text is"},
    {FOREIGN_CALL, "system shell bash command subprocess popen spawn", PROGRAM},
    {FOREIGN_CALL, "input prompt read_line", "`operator.ask(…)` asks a person; `confirm \"…\"` wants a yes"},
    {FOREIGN_CALL, "open read cat", "`file.read(path)` is the content of a file"},
    {FOREIGN_CALL, "getenv", "`env.get(\"NAME\")` reads the environment"},
    {FOREIGN_CALL, "retry", "`retry 3 every 5s` is a clause of a step"},
    {FOREIGN_CALL, "curl wget fetch", "`http.get(\"http://…\")` asks a server"},

    {FOREIGN_TYPE, "str String text varchar char", "did you mean `string`?"},
    {FOREIGN_TYPE, "integer Integer int32 int64 long uint", "did you mean `int`?"},
    {FOREIGN_TYPE, "boolean Boolean", "did you mean `bool`?"},
    {FOREIGN_TYPE, "double real decimal float64", "did you mean `float`?"},
    {FOREIGN_TYPE, "array Array slice vector tuple set sequence",
     "a list says what it holds: `list(string)`"},
    {FOREIGN_TYPE, "dict object map hash struct table", "did you mean `record`?"},
    {FOREIGN_TYPE, "interval timedelta seconds period timeout", "did you mean `duration`?"},
    {FOREIGN_TYPE, "bytes filesize memory", "did you mean `size`?"},
    {FOREIGN_TYPE, "percentage ratio", "did you mean `percent`?"},
    {FOREIGN_TYPE, "date datetime timestamp", "did you mean `time`?"},
    {FOREIGN_TYPE, "enum choice", "the choices are written out: `string in [\"a\", \"b\"]`"},
    {FOREIGN_TYPE, "void none", "leave it out where nothing is returned"},
    {FOREIGN_TYPE, "number",
     "a number is an `int` or a `float`; with a unit it is a `percent`, `duration` or `size`"},
};

static bool among(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += length)
		if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

const char *foreign_hint(enum foreign where, const char *word)
{
	for (size_t i = 0; *word && i < sizeof(TABLE) / sizeof(*TABLE); i++)
		if (TABLE[i].where == where && among(TABLE[i].words, word))
			return TABLE[i].hint;
	return NULL;
}
