/*
 * people.h - the person at the terminal, and what was answered beforehand (--yes, --confirm).
 *
 * Questions of branches that run side by side wait for each other. Nothing blocks: the terminal is opened
 * anew, watched by the run's loop, and put back as it was when a question ends, however it ends.
 */
#ifndef RUNPLAN_PEOPLE_H
#define RUNPLAN_PEOPLE_H

#include "builtins/live.h"
#include "cli/options.h"
#include "cli/ui.h"
#include "interp/check.h"

struct people;

/* Reads --yes and --confirm; `page` is where questions are shown. Both are borrowed. */
struct people *people_new(const struct options *options, const struct page *page);
void people_free(struct people *people);

bool people_at_terminal(void); /* standard input and standard error are terminals */
bool step_unattended(const struct options *options); /* --step, and nobody is there: that was said */

/* Does the place ask whenever the run comes to it? Else only when something is not as it should be (`else
 * ask`, `no data ask`, `on breach ask`). */
bool people_asked_outright(const struct compilation *compilation, const struct person_place *place);

/*
 * Places of the plan that will need a person who is not there: each is printed with the option that would
 * answer it; and answers given beforehand that are none of the choices. Their number; 0: the run may start,
 * and where it is asked whether to go on in spite of something, the answer will be no: these places are
 * printed as well. Where answers may come from elsewhere (people_keep()), only secrets to be typed are missed.
 */
size_t people_missing(const struct people *people, const struct compilation *compilation, FILE *out);
/* Every place of the plan that needs a person, one line each; their number. */
size_t people_list(const struct compilation *compilation, FILE *out);

/*
 * The run is on record: where nobody is at a terminal a question stays open, to be answered from elsewhere. people_wait():
 * there are such questions. people_news(): there has been a new one, of any kind, since this was last asked. people_answer():
 * from `who`, who said it at `said`, to the question of this effect (a text may be asked again); false where there is none, or
 * where it is no answer to it or comes behind its `within`.
 */
void people_keep(struct people *people, const char *operator_name); /* borrowed, or NULL: who may not approve */
bool people_wait(const struct people *people);
bool people_news(struct people *people);
bool people_answer(struct people *people, const char *id, const char *given, const char *who, const char *comment,
		   int64_t said);
/* Why `who` may not approve; NULL: may. `people`: those who may, or null. */
const char *approval_refused(const char *operator_name, struct value people, const char *who);

/* For live_options; context is the struct people. */
void people_ask(void *context, struct effect_call *call, const struct live_person_request *request);
void people_ask_cancel(void *context, struct effect_call *call);

/* From here on, keys do not show on the terminal while nobody asks: something is drawn there. */
void people_quiet(struct people *people);
/* The process stops (Ctrl-Z): the terminal is as it was until it goes on, in the foreground. */
void people_suspend(struct people *people);
void people_resume(struct people *people);

/* Asks for one line before the run, blocking; NULL at the end of input. The caller frees it. */
char *people_read_line(const char *prompt);

#endif
