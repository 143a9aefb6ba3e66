/*
 * compose_tool.h - runs `docker compose` (the plugin), or `docker-compose` where that is missing.
 *
 * Which of them is there is found once per run, by asking each for its version; when neither answers, the
 * next call asks again. A call's command is a vector of arguments, never a shell's text. Values of `env`
 * reach compose through its environment and are in no argument.
 */
#ifndef RUNPLAN_COMPOSE_TOOL_H
#define RUNPLAN_COMPOSE_TOOL_H

#include "builtins/docker_api.h"
#include "builtins/live.h"

/* Where the arguments that all rows share stand in a row's signature; NO_PLACE where a row lacks one. */
#define NO_PLACE SIZE_MAX
struct compose_places {
	size_t file, project, directory, env, input, timeout;
};

/* The state of a call of compose.*; a row's own state begins with it. */
struct compose_job {
	struct docker_step step; /* first: for requests to the engine */
	const struct compose_places *places;
	struct value words;   /* list of strings: what follows the global options; the row builds it */
	struct value secrets; /* texts that must not show */
	struct process *process;
	struct compose_job *next; /* while the tool is looked for */
	bool queued;
	bool all;				   /* done() wants cancelled results too */
	void (*prepare)(struct effect_call *call); /* adds words that depend on the tool's version, or NULL */
	void (*done)(struct effect_call *call, const struct process_result *result);
	void (*release)(struct compose_job *job); /* frees what the row's own part holds, or NULL */
};

/* Gives the call a zeroed state of `size` bytes. False when an argument cannot be: the call has then ended.
 */
bool compose_begin(struct effect_call *call, size_t size, const struct compose_places *places);

void compose_word(struct effect_call *call, const char *word);
void compose_word_printf(struct effect_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Runs compose with the words; `done` gets the result of a program that was started and not cancelled. The
 * rest ends here: no compose, a program that cannot start, and a cancel (failed when nothing had been
 * started; else unknown for a change, failed for what is none or leaves only something harmless).
 */
void compose_run(struct effect_call *call,
		 void (*done)(struct effect_call *call, const struct process_result *result));

/* For a row that clears up after a cancel itself: `done` gets cancelled results as well. */
void compose_run_all(struct effect_call *call,
		     void (*done)(struct effect_call *call, const struct process_result *result));

/* Ends the call as failed with {code, stdout, stderr, tail}: the message is the last line on stderr that says
 * something. */
void compose_fail(struct effect_call *call, const struct process_result *result, const char *what);

/* Is it version 1 (docker-compose, written in Python)? Known from a job's prepare() on. */
bool compose_is_v1(struct live *live);

/* The last line, or indented paragraph, of `text` that says something: a string of one line. */
struct value compose_last_words(const char *text, size_t length);

/* True for a service's or project's name; else ends the call. */
bool compose_name_check(struct effect_call *call, const char *what, const char *name);

/* The directory whose compose file is meant, absolute, or null: as compose itself finds it. */
struct value compose_project_directory(struct effect_call *call, const struct compose_places *places);
/* The project's name as far as the call or the environment says it, else null. */
struct value compose_project_name(struct effect_call *call, const struct compose_places *places);

#endif
