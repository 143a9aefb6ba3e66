/*
 * commands.c - every command and option of runplan, a row each. To add a command, write its row here and its
 * function into cmd_NAME.c; to add an option, write its row and ask for it by name.
 */
#include "cli/commands.h"

#define ANY 1000

const struct command command_table[] = {
    {"run", "FILE", "Execute a plan.",
     "With --help it lists the plan's params and environments.\n\n"
     "Exit codes: 0 done; 1 failed and undone; 2 usage, or the plan does not check;\n"
     "3 failed and the rollback is incomplete; 4 refused before any change; 5 waiting\n"
     "for a person; 6 the journal or the interpreter failed; 130, 143 aborted and\n"
     "rolled back.",
     1, 1, cmd_run, false},
    {"check", "FILE...", "Find what is wrong in plans without running them.", NULL, 1, ANY, cmd_check, false},
    {"preview", "FILE", "Show every step and every change it would make.", NULL, 1, 1, cmd_preview, false},
    {"simulate", "FILE", "Run a plan under a virtual clock, with made-up answers.",
     "--given says what a builtin, task or threshold answers:\n"
     "  docker.health returns [\"starting\", \"healthy\"]    the last one repeats\n"
     "  error_rate returns [1%, _, 9%]                   _ is no data\n"
     "  docker.exec fails \"boom\" once                    or: 2 times\n"
     "  docker.pull takes 30s\n"
     "  docker.exec hangs",
     1, 1, cmd_simulate, false},
    {"replay", "FILE", "Hold the record of a run against its plan.",
     "Exit codes: 0 the plan does the same again; 1 it does not, and the first\n"
     "difference is printed.",
     1, 1, cmd_replay, false},
    {"doc", "[NAME|NAMESPACE]", "Describe the builtins.", NULL, 0, 1, cmd_doc, false},
    {"fmt", "FILE...", "Lay plans out in the one layout.", NULL, 1, ANY, NULL, false},
    {"test", "FILE...", "Run the plan's own tests.", NULL, 1, ANY, NULL, false},
    {"drill", "FILE", "Fail each effect in turn, and show what was undone.", NULL, 1, 1, NULL, false},
    {"render", "FILE", "The runbook for people.", NULL, 1, 1, NULL, false},
    {"diff", "OLD NEW", "What a change to a plan means.", NULL, 2, 2, NULL, false},
    {"runs", "", "Runs on record.", NULL, 0, 0, NULL, false},
    {"show", "RUN", "One run.", NULL, 1, 1, NULL, false},
    {"watch", "RUN", "Follow a run.", NULL, 1, 1, NULL, false},
    {"pause", "RUN", "Stop a run at its next boundary.", NULL, 1, 1, NULL, false},
    {"resume", "RUN", "Go on with a run.", NULL, 1, 1, NULL, false},
    {"rollback", "RUN", "Undo a finished run.", NULL, 1, 1, NULL, false},
    {"abort", "RUN", "Stop a run and undo it.", NULL, 1, 1, NULL, false},
    {"approve", "RUN", "Approve what a run waits for.", NULL, 1, 1, NULL, false},
    {"report", "RUN", "An HTML page of a run.", NULL, 1, 1, NULL, false},
    {"export", "alerts FILE", "Thresholds as alerting rules.", NULL, 2, 2, NULL, false},
    {"lsp", "", "Language server.", NULL, 0, 0, NULL, false},
    {"completion", "SHELL", "Completion for a shell.", NULL, 1, 1, NULL, false},
    {"help", "[COMMAND]", "This text.", NULL, 0, 1, NULL, true},
};
const size_t command_count = sizeof(command_table) / sizeof(command_table[0]);

#define RUNS "run preview simulate"

const struct option_row option_table[] = {
    {"env", 'e', "NAME", RUNS, "environment: a preset of params (RUNPLAN_ENV)", false},
    {"set", 's', "NAME=VALUE", RUNS, "value of a param", false},
    {"yes", 'y', NULL, "run", "answer every manual, and every confirm without a phrase", false},
    {"confirm", 0, "LABEL[=PHRASE]", "run", "answer this one beforehand", false},
    {"step", 0, NULL, "run", "ask before each step", false},
    {"live-reads", 0, NULL, "preview", "really make the reads before the first change", false},
    {"given", 0, "TEXT", "simulate", "what a builtin, task or threshold answers", false},
    {"signal", 0, "NAME@TIME", "simulate", "a signal: INT@12s", false},
    {"events", 0, NULL, "simulate", "one line per event on standard output", false},
    {"journal", 0, "FILE", "run simulate replay", "the record of the run, a JSON object a line", false},
    {"json", 0, NULL, "run simulate check", "one JSON object a line on standard output", false},
    {"unattended", 0, NULL, "check", "name every place that needs a person", false},
    {"markdown", 0, NULL, "doc", "all of it as one page of markdown", false},
    {"quiet", 'q', NULL, RUNS, "only warnings, failures and the end", false},
    {"verbose", 'v', NULL, RUNS, "reads, samples and parts of conditions as well", false},
    {"color", 0, "WHEN", NULL, "auto, always or never (NO_COLOR)", false},
    {"dump-bytecode", 0, NULL, "check", "the compiled program", true},
    {"help", 'h', NULL, NULL, "this text", false},
    {"version", 'V', NULL, NULL, "version of runplan", false},
};
const size_t option_count = sizeof(option_table) / sizeof(option_table[0]);
