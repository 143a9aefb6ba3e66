/*
 * git.c - git.*: repositories of this machine, through the git program.
 *
 * No argument of a plan becomes an option: refs that begin with a dash are refused (git allows no such names
 * either), what is a path stands behind `--`, and everything else is joined to its option with `=`. Git never
 * asks: neither on the terminal nor through an editor or a pager.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#include "builtins/words.h"

#define WORDS_MAX	16
#define LOOK_TIMEOUT	(60 * INT64_C(1000000000)) /* of what only looks or works on local files */
#define LOG_MAX_DEFAULT 1000

struct git {
	struct effect_call *call;
	struct process *process;
	const char *words[WORDS_MAX + 1]; /* lent, or among `owned` */
	size_t count;
	char *owned[4];
	size_t owned_count;
	int64_t timeout;
	/* Called once with a result that came: git ran to its end. */
	void (*answer)(struct git *git, const struct process_result *result);
};

static const char *const git_env[] = {
    "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_PAGER=cat", "GIT_EDITOR=false", NULL,
};

static void drop_owned(struct git *git)
{
	while (git->owned_count > 0)
		free(git->owned[--git->owned_count]);
}

static void git_free(void *state)
{
	drop_owned(state);
	free(state);
}

static void git_cancel(struct effect_call *call)
{
	struct git *git = call->state;

	if (git->process)
		process_stop(git->process);
}

static void add(struct git *git, const char *word)
{
	git->words[git->count++] = word;
}

/* `before` and `text` as one word: "--message=text", "^ref". */
static void add_joined(struct git *git, const char *before, const char *text, const char *after)
{
	size_t length = strlen(before) + strlen(text) + strlen(after) + 1;
	char *word = memory_need(malloc(length));

	snprintf(word, length, "%s%s%s", before, text, after);
	git->owned[git->owned_count++] = word;
	add(git, word);
}

/* An empty directory would mean this one all the same. */
static void add_start(struct git *git, const char *directory)
{
	add(git, "git");
	add(git, "-C");
	add(git, directory && *directory ? directory : ".");
}

/* Begins the words of a command in the directory that stands at `place` among the arguments. */
static struct git *git_new(struct effect_call *call, size_t place)
{
	struct git *git = memory_need(calloc(1, sizeof(*git)));
	const char *directory = call_text(call, place);

	git->call = call;
	git->timeout = LOOK_TIMEOUT;
	call->state = git;
	call->free_state = git_free;
	call->cancel = git_cancel;
	add_start(git, directory);
	return git;
}

/* The line that says what is wrong; hints and progress stand around it. */
static const char *complaint(const char *err, int *length)
{
	const char *at, *best = err;

	for (at = err; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
		if (strncmp(at, "fatal: ", 7) == 0 || strncmp(at, "error: ", 7) == 0) {
			best = at + 7;
			break;
		}
	*length = (int)strcspn(best, "\n");
	if (*length > 300)
		*length = 300;
	return best;
}

static void fail(struct git *git, const struct process_result *result)
{
	struct value details = record_new(2);
	int length;
	const char *line = complaint(result->err, &length);

	record_set(&details, "code", value_int(result->code));
	record_set(&details, "stderr", value_string_n(result->err, result->err_length));
	if (length > 0)
		call_failed_with(git->call, details, "%s: %.*s", git->call->builtin->name, length, line);
	else
		call_failed_with(git->call, details, "%s: git exited with %d", git->call->builtin->name,
				 result->code);
}

static void git_done(void *context, const struct process_result *result)
{
	struct git *git = context;
	const char *name = git->call->builtin->name;
	char text[48];

	git->process = NULL;
	if (!result->started)
		call_failed(git->call, "%s: %s", name, result->error);
	else if (result->cancelled && result->signal != 0)
		call_unknown(git->call, "%s: git was stopped while it ran", name);
	else if (result->timed_out)
		call_failed(git->call, "%s: git did not end within %s", name,
			    duration_text(git->timeout, text));
	else if (result->signal != 0)
		call_failed(git->call, "%s: git was killed by signal %d", name, result->signal);
	else if (result->truncated)
		call_failed(git->call, "%s: git's answer exceeds 4MiB", name);
	else
		git->answer(git, result);
}

static void git_go(struct git *git, void (*answer)(struct git *git, const struct process_result *result))
{
	const struct process_options options = {
	    .argv = git->words,
	    .env = git_env,
	    .timeout_ns = git->timeout,
	    .on_done = git_done,
	    .context = git,
	};

	git->words[git->count] = NULL;
	git->answer = answer;
	git->process = process_start(git->call->live, &options);
}

/* The argument at this place can be handed to git; `ref`: it names a commit, branch or tag. Ends the call if
 * not. */
static bool check_word(struct effect_call *call, size_t place, const char *name, bool ref)
{
	struct value v = call_arg(call, place);
	const char *problem = NULL;

	if (v.tag != VALUE_STRING)
		problem = "is no string";
	else if (v.string->length == 0)
		problem = "is empty";
	else if (strlen(v.string->bytes) != v.string->length)
		problem = "holds a NUL byte";
	else if (ref && v.string->bytes[0] == '-')
		problem = "begins with a dash";
	if (problem)
		call_failed(call, "%s: `%s` %s", call->builtin->name, name, problem);
	return !problem;
}

static bool is_null(struct effect_call *call, size_t place)
{
	return call_arg(call, place).tag == VALUE_NULL;
}

static bool directory_ok(struct effect_call *call, size_t place)
{
	return is_null(call, place) || check_word(call, place, "directory", false);
}

/* ---- looking ---- */

static void answer_line(struct git *git, const struct process_result *result)
{
	if (result->code != 0)
		fail(git, result);
	else
		call_ok(git->call, value_string_n(result->out, strcspn(result->out, "\n")));
}

static void git_describe(struct effect_call *call)
{
	struct git *git;

	if (!directory_ok(call, 0) || (!is_null(call, 1) && !check_word(call, 1, "match", false)))
		return;
	git = git_new(call, 0);
	add(git, "describe");
	add(git, "--tags");
	add(git, "--always");
	add(git, "--dirty");
	if (!is_null(call, 1))
		add_joined(git, "--match=", call_text(call, 1), "");
	git_go(git, answer_line);
}

static void git_head(struct effect_call *call)
{
	struct git *git;

	if (!directory_ok(call, 0))
		return;
	git = git_new(call, 0);
	add(git, "rev-parse");
	add(git, "--verify");
	add(git, "HEAD^{commit}");
	git_go(git, answer_line);
}

static void answer_branch(struct git *git, const struct process_result *result)
{
	if (result->code == 1)
		call_ok(git->call, value_null());
	else
		answer_line(git, result);
}

static void git_branch(struct effect_call *call)
{
	struct git *git;

	if (!directory_ok(call, 0))
		return;
	git = git_new(call, 0);
	add(git, "symbolic-ref");
	add(git, "--quiet");
	add(git, "--short");
	add(git, "HEAD");
	git_go(git, answer_branch);
}

/* The field that begins at *at and ends with a NUL, as a string; *at moves behind it. */
static struct value take_field(const char **at, const char *end)
{
	const char *from = *at, *nul = memchr(from, '\0', (size_t)(end - from));
	size_t length = (size_t)((nul ? nul : end) - from);

	*at = nul ? nul + 1 : end;
	return value_string_n(from, length);
}

/* Entries are "XY path"; that of a rename or copy is followed by the old path. */
static void answer_status(struct git *git, const struct process_result *result)
{
	const char *at = result->out, *end = result->out + result->out_length;
	struct value status = record_new(2), changes = list_new(0);

	if (result->code != 0) {
		value_release(status);
		value_release(changes);
		fail(git, result);
		return;
	}
	while (end - at > 3) {
		struct value change = record_new(2);
		bool moved = at[0] == 'R' || at[0] == 'C';

		record_set(&change, "status",
			   value_string_n(at[0] == ' ' ? at + 1 : at, at[0] == ' ' || at[1] == ' ' ? 1 : 2));
		at += 3;
		record_set(&change, "path", take_field(&at, end));
		if (moved)
			value_release(take_field(&at, end));
		list_push(&changes, change);
	}
	record_set(&status, "clean", value_bool(value_length(changes) == 0));
	record_set(&status, "changes", changes);
	call_ok(git->call, status);
}

static void git_status(struct effect_call *call)
{
	struct git *git;

	if (!directory_ok(call, 0))
		return;
	git = git_new(call, 0);
	add(git, "status");
	add(git, "--porcelain=v1");
	add(git, "-z");
	add(git, "--untracked-files=normal");
	git_go(git, answer_status);
}

static void answer_log(struct git *git, const struct process_result *result)
{
	const char *at = result->out, *end = result->out + result->out_length;
	struct value commits = list_new(0);

	if (result->code != 0) {
		value_release(commits);
		fail(git, result);
		return;
	}
	while (at < end) {
		struct value commit = record_new(4), time;

		record_set(&commit, "commit", take_field(&at, end));
		record_set(&commit, "author", take_field(&at, end));
		time = take_field(&at, end);
		record_set(&commit, "time",
			   value_time(strtoll(value_text_peek(time), NULL, 10) * INT64_C(1000000000)));
		value_release(time);
		record_set(&commit, "subject", take_field(&at, end));
		list_push(&commits, commit);
	}
	call_ok(git->call, commits);
}

static void git_log(struct effect_call *call)
{
	int64_t max = call_int(call, 3, LOG_MAX_DEFAULT);
	char number[24];
	struct git *git;

	if (!directory_ok(call, 2) || !check_word(call, 1, "to", true) ||
	    (!is_null(call, 0) && !check_word(call, 0, "from", true)))
		return;
	if (max < 1 || max > 100000) {
		call_failed(call, "git.log: `max` must be between 1 and 100000");
		return;
	}
	git = git_new(call, 2);
	add(git, "log");
	add(git, "-z");
	add(git, "--no-show-signature");
	add(git, "--no-color");
	add(git, "--format=tformat:%H%x00%an%x00%at%x00%s");
	snprintf(number, sizeof(number), "%" PRId64, max);
	add_joined(git, "--max-count=", number, "");
	add(git, "--end-of-options");
	add(git, call_text(call, 1));
	if (!is_null(call, 0))
		add_joined(git, "^", call_text(call, 0), "");
	add(git, "--");
	git_go(git, answer_log);
}

/* ---- changing: the words behind `git -C directory`, for the call and for preview ---- */

static void answer_done(struct git *git, const struct process_result *result)
{
	if (result->code != 0)
		fail(git, result);
	else
		call_ok(git->call, value_null());
}

/* Preview may not know an argument yet. */
static const char *text_of(struct value v)
{
	return v.tag == VALUE_STRING ? value_text_peek(v) : "<unknown>";
}

static struct value describe(const struct effect_request *request, size_t directory,
			     void (*words)(struct git *git, const struct value *args))
{
	struct git git = {0};
	struct buffer line = {0};
	size_t i;

	add_start(&git, text_of(request->args[directory]));
	words(&git, request->args);
	for (i = 0; i < git.count; i++) {
		struct value word = value_string(git.words[i]);

		words_add_value(&line, word);
		value_release(word);
	}
	drop_owned(&git);
	return buffer_finish(&line);
}

static void fetch_words(struct git *git, const struct value *args)
{
	add(git, "fetch");
	add(git, "--quiet");
	if (value_truthy(args[2]))
		add(git, "--tags");
	add(git, "--");
	add(git, text_of(args[0]));
	if (args[1].tag != VALUE_NULL)
		add(git, text_of(args[1]));
}

static void git_fetch(struct effect_call *call)
{
	struct git *git;

	if (!directory_ok(call, 3) || !check_word(call, 0, "remote", true) ||
	    (!is_null(call, 1) && !check_word(call, 1, "ref", true)))
		return;
	git = git_new(call, 3);
	fetch_words(git, call->args);
	git->timeout = call_int(call, 4, 0);
	git_go(git, answer_done);
}

static struct value fetch_describe(const struct effect_request *request)
{
	return describe(request, 3, fetch_words);
}

/* Behind the ref, `--` says that it is one, and no path whose changes are to be thrown away. */
static void checkout_words(struct git *git, const struct value *args)
{
	add(git, "checkout");
	add(git, "--quiet");
	add(git, value_truthy(args[2]) ? "--detach" : "--no-guess");
	add(git, text_of(args[0]));
	add(git, "--");
}

static void git_checkout(struct effect_call *call)
{
	struct git *git;

	if (!directory_ok(call, 1) || !check_word(call, 0, "ref", true))
		return;
	git = git_new(call, 1);
	checkout_words(git, call->args);
	git_go(git, answer_done);
}

static struct value checkout_describe(const struct effect_request *request)
{
	return describe(request, 1, checkout_words);
}

static void apply_words(struct git *git, const struct value *args)
{
	add(git, "apply");
	if (value_truthy(args[2]))
		add(git, "--reverse");
	add(git, "--");
	add(git, text_of(args[0]));
}

static void git_apply(struct effect_call *call)
{
	struct git *git;

	if (!directory_ok(call, 1) || !check_word(call, 0, "patch", false))
		return;
	git = git_new(call, 1);
	apply_words(git, call->args);
	git_go(git, answer_done);
}

static struct value apply_describe(const struct effect_request *request)
{
	return describe(request, 1, apply_words);
}

/* It would apply now: so it did not happen. It would apply neither way: only a person can tell. */
static void answer_would_apply(struct git *git, const struct process_result *result)
{
	call_ok(git->call, result->code == 0 ? value_bool(false) : value_null());
}

static void probe_apply(struct git *git, bool reverse,
			void (*answer)(struct git *, const struct process_result *))
{
	git->count = 3; /* git -C directory */
	add(git, "apply");
	add(git, "--check");
	if (reverse)
		add(git, "--reverse");
	add(git, "--");
	add(git, call_text(git->call, 0));
	git_go(git, answer);
}

static void answer_would_unapply(struct git *git, const struct process_result *result)
{
	if (result->code == 0)
		call_ok(git->call, value_bool(true));
	else
		probe_apply(git, call_bool(git->call, 2, false), answer_would_apply);
}

static void git_apply_probe(struct effect_call *call)
{
	probe_apply(git_new(call, 1), !call_bool(call, 2, false), answer_would_unapply);
}

static void tag_words(struct git *git, const struct value *args)
{
	add(git, "tag");
	if (args[2].tag != VALUE_NULL)
		add_joined(git, "--message=", text_of(args[2]), "");
	add(git, "--");
	add(git, text_of(args[0]));
	add(git, text_of(args[1]));
}

static void git_tag(struct effect_call *call)
{
	struct git *git;

	if (!directory_ok(call, 3) || !check_word(call, 0, "name", true) ||
	    !check_word(call, 1, "ref", true) ||
	    (!is_null(call, 2) && !check_word(call, 2, "message", false)))
		return;
	git = git_new(call, 3);
	tag_words(git, call->args);
	git_go(git, answer_done);
}

static struct value tag_describe(const struct effect_request *request)
{
	return describe(request, 3, tag_words);
}

/* Two commits, a line each. */
static bool same_lines(const struct process_result *result)
{
	size_t first = strcspn(result->out, "\n");

	return result->out[first] == '\n' && first > 0 &&
	       strncmp(result->out, result->out + first + 1, first + 1) == 0;
}

static void answer_tagged(struct git *git, const struct process_result *result)
{
	if (result->code != 0)
		call_ok(git->call, value_bool(false));
	else
		call_ok(git->call, same_lines(result) ? value_bool(true) : value_null());
}

static void git_tag_probe(struct effect_call *call)
{
	struct git *git = git_new(call, 3);

	add(git, "rev-parse");
	add_joined(git, "refs/tags/", call_text(call, 0), "^{commit}");
	add_joined(git, "", call_text(call, 1), "^{commit}");
	git_go(git, answer_tagged);
}

static void answer_untagged(struct git *git, const struct process_result *result)
{
	if (result->code == 0)
		call_ok(git->call, value_bool(true));
	else if (strstr(result->err, "not found"))
		call_ok(git->call, value_bool(false));
	else
		fail(git, result);
}

static void untag_words(struct git *git, const struct value *args)
{
	add(git, "tag");
	add(git, "--delete");
	add(git, "--");
	add(git, text_of(args[0]));
}

static void git_untag(struct effect_call *call)
{
	struct git *git;

	if (!directory_ok(call, 1) || !check_word(call, 0, "name", true))
		return;
	git = git_new(call, 1);
	untag_words(git, call->args);
	git_go(git, answer_untagged);
}

static struct value untag_describe(const struct effect_request *request)
{
	return describe(request, 1, untag_words);
}

static struct value answer_true(const struct effect_request *request)
{
	(void)request;
	return value_bool(true);
}

#define NO_REPOSITORY                                                                                        \
	"A directory that is in no repository, and a machine without git, are failures with git's own "      \
	"words."
#define NO_REF "A ref that git does not know, or that begins with a dash, is a failure. " NO_REPOSITORY

static const struct builtin git_rows[] = {
    {.name = "git.describe",
     .signature = "(directory: path = \".\", match: string = null) -> string",
     .summary = "The name that the nearest tag gives the checked-out commit, such as v2 or v2-3-g1a2b3c4.",
     .details = "Without any tag it is the abbreviated commit. `-dirty` stands behind it where tracked files "
		"have changed. `match` is a glob that the tag must match.",
     .example = "git.describe(\"/srv/thebot\")",
     .bad_input = NO_REPOSITORY,
     .effect = EFFECT_READ,
     .start = git_describe},
    {.name = "git.head",
     .signature = "(directory: path = \".\") -> string",
     .summary = "The checked-out commit, whole.",
     .example = "git.head(\"/srv/thebot\")",
     .bad_input = "A repository without a commit is a failure. " NO_REPOSITORY,
     .effect = EFFECT_READ,
     .start = git_head},
    {.name = "git.branch",
     .signature = "(directory: path = \".\") -> any",
     .summary = "The name of the checked-out branch, or null where a commit is checked out without one.",
     .example = "git.branch(\"/srv/thebot\") == \"main\"",
     .bad_input = NO_REPOSITORY,
     .effect = EFFECT_READ,
     .start = git_branch},
    {.name = "git.status",
     .signature = "(directory: path = \".\") -> git_status",
     .summary = "Whether anything differs from the checked-out commit, and what.",
     .details = "Files that git does not track count, those that it ignores do not.",
     .example = "git.status(\"/srv/thebot\").clean",
     .bad_input = NO_REPOSITORY,
     .effect = EFFECT_READ,
     .start = git_status},
    {.name = "git.log",
     .signature = "(from: string = null, to: string = \"HEAD\", directory: path = \".\", max: int = 1000) -> "
		  "list(git_commit)",
     .summary = "The commits that lead to `to` and are not yet in `from`, newest first.",
     .details = "Without `from`, all that lead to `to`. At most `max` are given.",
     .example = "git.log(from: \"v1\", to: \"v2\", directory: \"/srv/thebot\")",
     .bad_input = NO_REF,
     .effect = EFFECT_READ,
     .start = git_log},
    {.name = "git.fetch",
     .signature = "(remote: string = \"origin\", ref: string = null, tags: bool = false, directory: path = "
		  "\".\", timeout: duration = 5m)",
     .summary = "Fetch what a remote repository has.",
     .details = "Nothing that is checked out changes. A remote that would ask for a password is a failure.",
     .example = "git.fetch(directory: \"/srv/thebot\", tags: true)",
     .bad_input = "A remote that cannot be reached, or asks for a password, is a failure. " NO_REF,
     .leaves = "fetched commits",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = git_fetch,
     .describe = fetch_describe},
    {.name = "git.checkout",
     .signature = "(ref: string, directory: path = \".\", detach: bool = false)",
     .summary = "Check out a branch, a tag or a commit.",
     .details =
	 "Changed files are never overwritten: git refuses. `detach` checks out a branch's commit without "
	 "the branch. The way back is a checkout of what `git.branch` or `git.head` said before.",
     .example = "git.checkout(\"v2\", directory: \"/srv/thebot\")",
     .bad_input = "A checkout that would overwrite changed files is a failure. " NO_REF,
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = git_checkout,
     .describe = checkout_describe},
    {.name = "git.apply",
     .signature = "(patch: path, directory: path = \".\", reverse: bool = false)",
     .summary = "Apply a patch to the files of a repository, or take it back with `reverse`.",
     .details = "All of the patch is applied, or nothing. A relative `patch` is seen from `directory`.",
     .example = "git.apply(\"/srv/hotfix.patch\", directory: \"/srv/thebot\")",
     .bad_input =
	 "A patch that does not apply, or cannot be read, is a failure and changes nothing. " NO_REPOSITORY,
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = git_apply,
     .describe = apply_describe,
     .probe = git_apply_probe},
    {.name = "git.tag",
     .signature = "(name: string, ref: string = \"HEAD\", message: string = null, directory: path = \".\")",
     .summary = "Give a commit a tag; with a message an annotated one.",
     .details = "`git.untag` takes it back.",
     .example = "git.tag(\"deployed-v2\", ref: \"v2\", directory: \"/srv/thebot\")",
     .bad_input = "A tag that is there already, and a name that git does not allow, are failures. " NO_REF,
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = git_tag,
     .describe = tag_describe,
     .probe = git_tag_probe},
    {.name = "git.untag",
     .signature = "(name: string, directory: path = \".\") -> bool",
     .summary = "Remove a tag of the local repository; answers whether there was one.",
     .example = "git.untag(\"deployed-v2\", directory: \"/srv/thebot\")",
     .bad_input =
	 "A name that begins with a dash is a failure; a tag that isn't there is none. " NO_REPOSITORY,
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = git_untag,
     .describe = untag_describe,
     .simulate = answer_true},
};

static const struct builtin_type git_types[] = {
    {.name = "git_status",
     .definition = "{ clean: bool, changes: list(record) }",
     .summary = "What differs from the commit: each change has a `path` and git's `status` for it (M, A, D, "
		"R, ??, ...)."},
    {.name = "git_commit",
     .definition = "{ commit: string, author: string, time: time, subject: string }",
     .summary = "A commit: its name, who made it when, and the first line of its message."},
};

const struct builtin_table git_table = {
    .name = "git",
    .summary = "Repositories of this machine, through the git program.",
    .rows = git_rows,
    .row_count = sizeof(git_rows) / sizeof(*git_rows),
    .types = git_types,
    .type_count = sizeof(git_types) / sizeof(*git_types),
};
