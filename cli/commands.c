/*
 * commands.c - every command and option of runplan, a row each: what the command line is read by, and the one
 * source of --help, of the man page, of the shells' completions and of the tables in docs/operating.md. To
 * add a command, write its row here and its function into cmd_NAME.c; to add an option, write its row and ask
 * for it by name. Texts: words of the command line between backquotes; an empty line ends a paragraph, and a
 * line that begins with a blank stays as it is.
 */
#include "cli/commands.h"

/* What a row leaves out is zero: nothing to complete, no examples. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define ANY 1000

/* ---- what the run of a plan ends with ---- */

static const struct fact run_codes[] = {
    {"0", "done"},
    {"1", "failed; everything not kept by a commit, a checkpoint or `rollback none` was undone"},
    {"2", "the command line, the params or the plan are wrong; nothing was run"},
    {"3", "a person must act: the rollback or the run's end is incomplete"},
    {"4", "refused before any change: a guard, a lock, a missing answer"},
    {"5", "waits for a person: an answer, a change in doubt, a pause; `runplan resume` goes on"},
    {"6", "the journal or the interpreter itself failed"},
    {"130, 143", "aborted by Ctrl-C or SIGTERM, and rolled back; 3 outranks them"},
    {NULL, NULL},
};
const struct fact *const exit_facts = run_codes;

static const struct fact check_codes[] = {
    {"0", "every plan checks, perhaps with warnings"},
    {"2", "a plan does not check, or cannot be read"},
    {NULL, NULL},
};

static const struct fact fmt_codes[] = {
    {"0", "all have the layout now"},
    {"1", "with --check or --diff: some do not have it"},
    {"2", "some cannot be read or written, or do not parse; they are as they were"},
    {"6", "the layout would change what a plan says: a mistake of runplan; the file is as it was"},
    {NULL, NULL},
};

static const struct fact preview_codes[] = {
    {"0", "the plan was shown to its end"},
    {"1, 4", "it would fail or be refused, whatever the world says; the last line tells where"},
    {"2", "the command line, the params or the plan are wrong"},
    {NULL, NULL},
};

static const struct fact test_codes[] = {
    {"0", "all tests passed"},
    {"1", "some failed"},
    {"2", "a plan does not check, or there is no test"},
    {NULL, NULL},
};

static const struct fact export_codes[] = {
    {"0", "all thresholds were exported"},
    {"1", "some were not; those that could be were written"},
    {"2", "the command line, the params or the plan are wrong; nothing was written"},
    {NULL, NULL},
};

static const struct fact replay_codes[] = {
    {"0", "the plan does the same again"},
    {"1", "it does not; the first difference is printed"},
    {"2", "the plan or the record cannot be read"},
    {NULL, NULL},
};

/* ---- examples: command lines, as they stand, and what they are for ---- */

const struct fact example_facts[] = {
    {"  runplan deploy.plan --help", "What it does; its params"},
    {"  runplan check deploy.plan", "Is anything wrong?"},
    {"  runplan preview deploy.plan --set version=v2", "What would be changed?"},
    {"  runplan deploy.plan --env staging --set version=v2", "Do it"},
    {NULL, NULL},
};

static const struct fact run_examples[] = {
    {"  runplan deploy.plan --help", "The plan's params and environments"},
    {"  runplan deploy.plan --env staging --set version=v2",
     "Run it with the params of an environment, and one more"},
    {"  runplan deploy.plan --set share=5% --set hosts='[\"a\", \"b\"]'",
     "Strings are taken as they are; all else is written as in a plan"},
    {"  runplan deploy.plan --yes --confirm 'Deploy v2?'",
     "Where nobody is at a terminal: answers beforehand"},
    {"  runplan deploy.plan --json --journal run.rows",
     "For programs: an object a line, and a record to replay"},
    {NULL, NULL},
};

static const struct fact resume_examples[] = {
    {"  runplan resume", "The newest run that has not ended"},
    {"  runplan resume 20261130-2113 --in-doubt done", "Somebody has looked: the change in doubt happened"},
    {NULL, NULL},
};

static const struct fact rollback_examples[] = {
    {"  runplan rollback 20261130-2113", "Undo that run"},
    {"  runplan rollback 20261130-2113 --past-checkpoints", "Also what its checkpoints keep"},
    {NULL, NULL},
};

static const struct fact runs_examples[] = {
    {"  runplan runs", "The newest 20"},
    {"  runplan runs --all --json | jq -r 'select(.state == \"cut off\").run'", "Runs whose process is gone"},
    {NULL, NULL},
};

static const struct fact show_examples[] = {
    {"  runplan show", "The newest run"},
    {"  runplan show 20261130-2113 --verbose", "With reads, samples and parts of conditions"},
    {NULL, NULL},
};

static const struct fact approve_examples[] = {
    {"  runplan approve 20261130-2113", "What does it wait for?"},
    {"  runplan approve 20261130-2113 'Look at' --comment 'all is green'", "Done"},
    {"  runplan approve 20261130-2113 'Deploy v2?' --no", "No"},
    {NULL, NULL},
};

static const struct fact record_codes[] = {
    {"0", "shown"},
    {"2", "there is no such run, or no record"},
    {"6", "the record cannot be read"},
    {NULL, NULL},
};

static const struct fact say_codes[] = {
    {"0", "the run will hear it"},
    {"2", "there is no such run, or the answer is none"},
    {"4", "the run is not under way, or does not wait for this"},
    {"6", "the record cannot be read or written"},
    {NULL, NULL},
};

static const struct fact check_examples[] = {
    {"  runplan check plans/*.plan", "Check all plans of a folder"},
    {"  runplan check deploy.plan --unattended", "Where will a person be needed?"},
    {"  runplan check --json deploy.plan | jq -r .message", "Diagnostics for an editor or a script"},
    {NULL, NULL},
};

static const struct fact fmt_examples[] = {
    {"  runplan fmt plans", "All plans of a folder"},
    {"  runplan fmt --check plans", "Has someone forgotten it?"},
    {"  runplan fmt --diff deploy.plan", "What would change?"},
    {"  runplan fmt - <deploy.plan", "For editors"},
    {NULL, NULL},
};

static const struct fact preview_examples[] = {
    {"  runplan preview deploy.plan --set version=v2", "Every change, and both ways where nobody knows yet"},
    {"  runplan preview deploy.plan --set version=v2 --live-reads",
     "Look at the world up to the first change"},
    {NULL, NULL},
};

static const struct fact simulate_examples[] = {
    {"  runplan simulate deploy.plan \\\n      --given 'docker.health returns [\"starting\", \"healthy\"]'",
     "The first answer, then the second for good"},
    {"  runplan simulate deploy.plan \\\n      --given 'error_rate returns [1%, _, 9%]'",
     "A threshold that is breached; _ is no data"},
    {"  runplan simulate deploy.plan \\\n      --given 'pg.dump takes 5m' --signal INT@2m",
     "Ctrl-C in the middle of a dump"},
    {NULL, NULL},
};

static const struct fact test_examples[] = {
    {"  runplan test plans/*.plan", "All tests of a folder's plans"},
    {"  runplan test deploy.plan --only breach -v", "Show the runs of those whose name holds a word"},
    {NULL, NULL},
};

static const struct fact replay_examples[] = {
    {"  runplan deploy.plan --journal run.rows", "Keep a record"},
    {"  runplan replay deploy.plan --journal run.rows", "Does the plan, as it is now, still do the same?"},
    {NULL, NULL},
};

static const struct fact export_examples[] = {
    {"  runplan export alerts monitor.plan >rules/monitor.yml", "Then reload Prometheus"},
    {"  runplan export alerts monitor.plan --env production", "With the params of an environment"},
    {NULL, NULL},
};

static const struct fact doc_examples[] = {
    {"  runplan doc", "All namespaces"},
    {"  runplan doc docker", "The builtins of one"},
    {"  runplan doc docker.exec", "One builtin: arguments, effect, what it leaves, an example"},
    {NULL, NULL},
};

static const struct fact completion_examples[] = {
    {"  source <(runplan completion bash)", "In ~/.bashrc"},
    {"  source <(runplan completion zsh)", "In ~/.zshrc, after compinit"},
    {"  runplan completion fish >~/.config/fish/completions/runplan.fish",
     "fish reads that folder by itself"},
    {NULL, NULL},
};

static const struct fact help_examples[] = {
    {"  runplan help run", "The same as `runplan run --help`"},
    {"  runplan help --man | man -l -", "The man page, where it is not installed"},
    {NULL, NULL},
};

/* ---- commands ---- */

const char *const group_titles[] = {
    [GROUP_WRITE] = "Write plans",
    [GROUP_TRY] = "Try them, changing nothing",
    [GROUP_RUN] = "Run them",
    [GROUP_OPERATE] = "Look after runs",
    [GROUP_LOOK_UP] = "Look things up",
};

/* Of a later release: refused, and never offered. */
#define LATER(name, operands, summary, least, most)                                                          \
	{                                                                                                    \
		name, operands, summary, NULL, least, most, NULL, false, .group = GROUP_RUN                  \
	}

const struct command command_table[] = {
    {"run", "FILE", "Execute a plan",
     "`runplan FILE` is the same.\n\n"
     "The params come from --set, then from the environment (--env), then from the plan's defaults; on a "
     "terminal, "
     "those still missing are asked for. All that is missing or wrong is told at once, before anything "
     "runs.\n\n"
     "When a step fails, a threshold is breached, or you press Ctrl-C, what the run has changed is undone, "
     "the newest "
     "first. A second Ctrl-C stops at once and lists what was not undone; `runplan resume` goes on with that.\n\n"
     "Runs are kept on record (--state): one whose process is killed is resumed, one that ended well can be undone "
     "later.\n\n"
     "What a person must confirm is asked on the terminal. Where there is none, it is answered beforehand, or the run "
     "waits there: it ends with 5, `runplan approve` answers, `runplan resume` goes on. `runplan check --unattended` lists "
     "the places. (With --state none the run is refused where an answer is missing.) LABEL is "
     "the question, as in the plan or as it will be asked; PHRASE is for a question that wants one typed, or "
     "an answer.",
     1, 1, cmd_run, false, .group = GROUP_RUN, .completes = COMPLETES_PLAN, .examples = run_examples,
     .codes = run_codes},
    {"check", "FILE...", "Find what is wrong in plans without running them",
     "Reads the plans and their imports, and holds them to what the language promises: names, types and "
     "units fit, text "
     "is never code, and every change says how it is undone.",
     1, ANY, cmd_check, false, .group = GROUP_WRITE, .completes = COMPLETES_PLAN, .examples = check_examples,
     .codes = check_codes},
    {"fmt", "[FILE...]", "Lay plans out in the one layout",
     "Files are rewritten, of folders all files *.plan; what has the layout already is not touched. Without "
     "FILE, or with -, a plan is read from standard input and written to standard output.\n\n"
     "What it says, its comments included, stays as it is: the result is read again and compared before it "
     "takes the file's place.",
     0, ANY, cmd_fmt, false, .group = GROUP_WRITE, .completes = COMPLETES_PLAN, .examples = fmt_examples,
     .codes = fmt_codes},
    {"preview", "FILE", "Show every step and every change a plan would make",
     "Where a choice depends on what nobody knows yet, both ways are shown. Nothing is changed, and without "
     "--live-reads nothing is read either.",
     1, 1, cmd_preview, false, .group = GROUP_TRY, .completes = COMPLETES_PLAN, .examples = preview_examples,
     .codes = preview_codes},
    {"simulate", "FILE", "Run a plan under a virtual clock, with made-up answers",
     "The clock jumps from one event to the next, so that an hour of `hold` takes no time. --given says what "
     "a "
     "builtin (with its first arguments, if only some calls are meant), a task or a threshold answers:\n\n"
     "  X returns V       the answer; the items of a list come in turn, the\n"
     "                    last one repeats, and _ is no data\n"
     "  X fails \"why\"     a failure; its details: with { code: 3, stderr: \"...\" }\n"
     "  X refuses \"why\"   a person says no\n"
     "  X takes 30s       the time until its answer\n"
     "  X hangs           no answer until it is cancelled\n"
     "  ... once, ... 2 times, ... after 1m\n\n"
     "What is not given is unknown: checks take it for granted and say so, a choice that depends on it needs "
     "a given.",
     1, 1, cmd_simulate, false, .group = GROUP_TRY, .completes = COMPLETES_PLAN,
     .examples = simulate_examples, .codes = run_codes},
    {"test", "FILE...", "Run the plans' own tests",
     "Each `test` of a plan runs the whole plan afresh, in simulation and under a virtual clock, and then "
     "asks "
     "what came of it. A test fails where an `expect` does not hold, where it depends on what nobody "
     "answered, and "
     "where nothing asked for one of its givens. A test that fails says which part of the condition had "
     "which "
     "value, and what the run has done.",
     1, ANY, cmd_test, false, .group = GROUP_TRY, .completes = COMPLETES_PLAN, .examples = test_examples,
     .codes = test_codes},
    {"replay", "FILE", "Hold the record of a run against its plan",
     "Runs the plan on the answers recorded in --journal, touching nothing, and compares every event.", 1, 1,
     cmd_replay, false, .group = GROUP_RUN, .completes = COMPLETES_PLAN, .examples = replay_examples,
     .codes = replay_codes},
    {"export", "alerts FILE", "Write the thresholds as alerting rules for Prometheus",
     "A rule file, for `rule_files` of prometheus.yml, on standard output. Each threshold is a rule for each "
     "set of "
     "arguments with which the plan watches it; one that nothing watches is a rule with its defaults. The "
     "plan is "
     "gone through as by `preview`: nothing is read or changed, and a param that is not set is not known. "
     "Rules "
     "that are measured equally often stand in a group.\n\n"
     "`breach after N` is N in a row to Prometheus, also of `after N of M`. `no data` is a rule of its own, "
     "named "
     "_no_data, which NaN raises as well; `no data ok` is none. The severity is critical, and with `on "
     "breach "
     "warn` warning. What cannot be a rule is named on standard error, with the reason: a measure that is "
     "not one "
     "prom.query, a bound or a query that only a run knows.",
     2, 2, cmd_export, false, .group = GROUP_LOOK_UP, .completes = COMPLETES_PLAN, .words = "alerts",
     .examples = export_examples, .codes = export_codes},
    {"doc", "[NAME|NAMESPACE]", "Describe the builtins",
     "Builtins are the calls of the plan language: docker.exec, http.get, list.join.", 0, 1, cmd_doc, false,
     .group = GROUP_WRITE, .completes = COMPLETES_BUILTIN, .examples = doc_examples},
    LATER("drill", "FILE", "Fail each effect in turn, and show what was undone.", 1, 1),
    LATER("render", "FILE", "The runbook for people.", 1, 1),
    LATER("diff", "OLD NEW", "What a change to a plan means.", 2, 2),
    {"runs", "", "List the runs on record",
     "The newest first, with how each ended. `under way`: its process is alive; `cut off`: it is gone, and `runplan "
     "resume` goes on; `waiting`: for a person; `stopped`: on its way back.",
     0, 0, cmd_runs, false, .group = GROUP_OPERATE, .examples = runs_examples, .codes = record_codes},
    {"show", "[RUN]", "Tell once more what a run did",
     "RUN is the id of a run, or what it begins with; without it, the newest run. The plan as it was then is run on the "
     "answers that are on record; nothing is touched.",
     0, 1, cmd_show, false, .group = GROUP_OPERATE, .examples = show_examples, .codes = record_codes},
    {"watch", "[RUN]", "Follow a run from another terminal",
     "What it has done so far, and then what it does, until it ends or you press Ctrl-C, which leaves the run alone.", 0, 1,
     cmd_watch, false, .group = GROUP_OPERATE, .codes = record_codes},
    {"abort", "RUN", "Stop a run, and undo what it has done", "As Ctrl-C does in its terminal.", 1, 1, cmd_abort, false,
     .group = GROUP_OPERATE, .codes = say_codes},
    {"pause", "RUN", "Stop a run before its next step",
     "What is under way comes to its end first; a `hold` goes on after the pause. The run then ends with 5, and `runplan "
     "resume` goes on. Its lock is free meanwhile.",
     1, 1, cmd_pause, false, .group = GROUP_OPERATE, .codes = say_codes},
    {"approve", "RUN [ITEM]", "Answer what a run waits for",
     "ITEM is the question, or what it begins with, or its id in brackets; without it, what the run waits for is listed. A `confirm` with a phrase "
     "and an `operator.ask` want --answer. Who answered, when and with which comment is on record. A run whose process is "
     "alive goes on by itself; else `runplan resume` does.",
     1, 2, cmd_approve, false, .group = GROUP_OPERATE, .examples = approve_examples, .codes = say_codes},
    {"lock", "status [NAME]", "Say who holds which lock",
     "Each lock that a run on record has held, with the run that has it, or had it last. A lock is free as soon as its run's "
     "process is gone; a run that is `cut off` or `waiting` is resumed under it.",
     1, 2, cmd_lock, false, .group = GROUP_OPERATE, .completes = COMPLETES_NOTHING, .words = "status",
     .codes = record_codes},
    {"resume", "[RUN]", "Go on with a run whose process is gone, or that waits",
     "RUN is the id of a run, or what it begins with; without it, the newest run that has not ended.\n\n"
     "The plan is run as it was then, not as its file is now, and on the answers that are on record, up to where "
     "that ends. Nothing that has an outcome there is done again. A change that was under way is in doubt: the "
     "builtin looks whether it happened, or it is repeated where that does no harm, or `on resume` says what to do; "
     "else you are asked, and where nobody is at a terminal, the run keeps waiting (5). A run that was going back "
     "goes on going back.",
     0, 1, cmd_resume, false, .group = GROUP_OPERATE, .examples = resume_examples, .codes = run_codes},
    {"rollback", "[RUN]", "Undo a run that has ended well",
     "RUN is the id of a run, or what it begins with; without it, the newest run that has ended.\n\n"
     "Its rollbacks run, the newest first, with the values that they had. This is refused where there is nothing to "
     "undo, and where a newer run under the same lock has changed something.",
     0, 1, cmd_rollback, false, .group = GROUP_OPERATE, .examples = rollback_examples, .codes = run_codes},
    LATER("report", "RUN", "An HTML page of a run.", 1, 1),
    LATER("lsp", "", "Language server.", 0, 0),
    {"completion", "SHELL", "Print the completion script of a shell",
     "SHELL is bash, zsh or fish. Commands, options and plans are completed, and what stands in the plan on "
     "the line: "
     "its params, environments and questions. `make install` puts the scripts where the shells look for "
     "them.",
     1, 1, cmd_completion, false, .group = GROUP_LOOK_UP, .completes = COMPLETES_WORDS,
     .words = "bash zsh fish", .examples = completion_examples},
    {"help", "[COMMAND]", "Explain runplan or one of its commands", NULL, 0, 1, cmd_help, false,
     .group = GROUP_LOOK_UP, .completes = COMPLETES_COMMAND, .examples = help_examples},
    {"complete", "[WORD...]", "What may stand in place of the last word: asked by the completion scripts",
     NULL, 0, ANY, cmd_complete, true, .group = GROUP_LOOK_UP},
};
const size_t command_count = sizeof(command_table) / sizeof(command_table[0]);

/* ---- options ---- */

#define RUNS	"run preview simulate"
#define EXPORTS RUNS " export"
#define GOES_ON "run resume rollback"
#define STATES  GOES_ON " runs lock show watch abort pause approve"

const struct option_row option_table[] = {
    {"env", 'e', "NAME", EXPORTS, "the environment: a preset of params", false,
     .completes = COMPLETES_ENVIRONMENT},
    {"set", 's', "NAME=VALUE", EXPORTS, "the value of a param; may be repeated", false,
     .completes = COMPLETES_PARAM},
    {"yes", 'y', NULL, GOES_ON, "answer every manual, and every confirm without a phrase", false},
    {"confirm", 0, "LABEL[=PHRASE]", GOES_ON, "answer this question beforehand; may be repeated", false,
     .completes = COMPLETES_LABEL},
    {"step", 0, NULL, "run resume", "ask before each step", false},
    {"state", 0, "PLACE", STATES, "where runs are kept: a folder, a file, postgres://..., or none", false,
     .completes = COMPLETES_FILE},
    {"all", 0, NULL, "runs", "all of them, not only the newest 20", false},
    {"comment", 0, "TEXT", "abort pause approve", "what you want to say with it; goes on record", false},
    {"answer", 0, "TEXT", "approve", "the answer, or the phrase", false},
    {"no", 0, NULL, "approve", "the answer is no", false},
    {"in-doubt", 0, "[ID=]WHAT", "resume",
     "of a change in doubt: done (it happened), again (it did not), rollback (undo, whichever); may be repeated", false,
     .completes = COMPLETES_START, .words = "done again rollback"},
    {"past-checkpoints", 0, NULL, "rollback", "undo also what checkpoints keep", false},
    {"live-reads", 0, NULL, "preview", "really make the reads before the first change", false},
    {"given", 0, "TEXT", "simulate", "what a builtin, task or threshold answers; may be repeated", false},
    {"signal", 0, "NAME@TIME", "simulate", "a signal, INT or TERM, at a time: INT@12s", false,
     .completes = COMPLETES_START, .words = "INT@ TERM@"},
    {"events", 0, NULL, "simulate", "one line per event on standard output", false},
    {"journal", 0, "FILE", "run simulate replay", "the record of the run, a JSON object a line", false,
     .completes = COMPLETES_FILE},
    {"json", 0, NULL, "run resume rollback runs lock show watch simulate test check", "one JSON object a line on standard output", false},
    {"only", 0, "TEXT", "test", "the tests whose name holds this text", false},
    {"unattended", 0, NULL, "check", "name every place that needs a person", false},
    {"check", 0, NULL, "fmt", "change nothing; name the files that would change", false},
    {"diff", 0, NULL, "fmt", "change nothing; print what would change", false},
    {"markdown", 0, NULL, "doc help", "all of it as markdown", false},
    {"man", 0, NULL, "help", "all of it as a man page", false},
    {"quiet", 'q', NULL, RUNS " resume rollback show watch test", "only warnings, failures and the end", false},
    {"verbose", 'v', NULL, RUNS " resume rollback show watch test",
     "reads, samples and parts of conditions as well; of tests, their runs", false},
    {"color", 0, "WHEN", NULL, "colour the output: auto, always or never", false,
     .completes = COMPLETES_WORDS, .words = "auto always never"},
    {"dump-bytecode", 0, NULL, "check", "the compiled program", true},
    {"help", 'h', NULL, NULL, "explain the command, or the plan that it would run", false},
    {"version", 'V', NULL, NULL, "print the version of runplan", false},
};
const size_t option_count = sizeof(option_table) / sizeof(option_table[0]);

/* ---- the world around ---- */

const struct fact variable_facts[] = {
    {"RUNPLAN_ENV", "the environment where --env is not given"},
    {"RUNPLAN_OPERATOR", "the operator's name, for the record and for locks; else SUDO_USER, USER, LOGNAME"},
    {"RUNPLAN_SSH_CONFIG", "the configuration of ssh for `host:`, instead of ~/.ssh/config and the system's"},
    {"RUNPLAN_STATE", "where runs are kept when --state is not given; runs that must keep each other out need the same"},
    {"XDG_STATE_HOME", "where runplan/ is when neither is given"},
    {"NO_COLOR", "not empty: no colour, unless --color asks for it"},
    {"TERM", "unset or `dumb`: no colour either"},
    {"CREDENTIALS_DIRECTORY", "where `credential(\"name\")` finds secrets, as systemd sets it"},
    {"DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH",
     "how to reach the engine, for `docker.*` and `compose.*`"},
    {"RUNPLAN_STATE_PATIENCE", "seconds for which a lost connection to `--state postgres://...` is made anew; else 30"},
    {"PGHOST, PGPASSFILE, ...", "what libpq reads, for `pg.*`"},
    {NULL, NULL},
};

const struct fact file_facts[] = {
    {"/var/lib/runplan", "root's runs (runs.db) and locks"},
    {"~/.local/state/runplan", "those of anyone else"},
    {NULL, NULL},
};
