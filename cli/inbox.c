/* inbox.c - see inbox.h. */
#include "cli/inbox.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_EVERY INT64_C(1000000000)

struct inbox {
	struct state *state;
	const struct run_record *record;
	struct people *people;
	const struct page *page;
	int64_t looked; /* on the machine's own clock that does not jump */
	int64_t seen;	/* number of the last word */
	bool answered;	/* by the words of this look: the answers are on their way */
};

/* Who resumes a run has ended its pauses, also one that it died too early to hear of. */
static void end_pauses(const struct inbox *inbox)
{
	struct word word;
	int64_t seen = 0;

	while (inbox->record->number != 0 &&
	       state_next_word(inbox->state, inbox->record->number, seen, &word)) {
		seen = word.number;
		if (strcmp(word.kind, "pause") == 0)
			state_take_word(inbox->state, word.number, live_clock());
		word_free(&word);
	}
}

struct inbox *inbox_new(struct state *state, const struct run_record *record, struct people *people,
			const struct page *page)
{
	struct inbox *inbox = memory_need(calloc(1, sizeof(*inbox)));

	inbox->state = state;
	inbox->record = record;
	inbox->people = people;
	inbox->page = page;
	end_pauses(inbox);
	return inbox;
}

void inbox_free(struct inbox *inbox)
{
	free(inbox);
}

static void say(const struct inbox *inbox, const struct word *word, const char *what)
{
	struct value text =
	    value_string_printf("%s%s%s%s", what, word->who ? word->who : "somebody",
				word->comment ? ": " : "", word->comment ? word->comment : "");

	page_line(inbox->page, NULL, 0, STYLE_WARN, NULL, value_text_peek(text));
	value_release(text);
}

/* True: *out is for the machine. */
static bool take(struct inbox *inbox, const struct word *word, struct delivery *out)
{
	struct value data;

	inbox->seen = word->number;
	if (strcmp(word->kind, "answer") == 0) {
		/* It stays: if we end before it is on record what was answered, the same question is asked
		 * again. */
		inbox->answered |=
		    people_answer(inbox->people, word->item, word->answer, word->who, word->comment, word->said);
		return false;
	}
	state_take_word(inbox->state, word->number, live_clock());
	if (strcmp(word->kind, "abort") == 0) {
		say(inbox, word, "aborted by ");
		kill(getpid(), SIGTERM);
		return false;
	}
	if (strcmp(word->kind, "pause") != 0)
		return false;
	say(inbox, word, "paused by ");
	data = record_new(2);
	record_set(&data, "who", value_string(word->who));
	record_set(&data, "comment", value_string(word->comment));
	*out = (struct delivery){.kind = DELIVERY_PAUSE, .outcome = outcome_ok(data)};
	return true;
}

static bool look(struct inbox *inbox, struct delivery *out)
{
	struct word word;
	bool told = false;

	inbox->looked = (int64_t)uv_hrtime();
	inbox->answered = false;
	while (!told && state_next_word(inbox->state, inbox->record->number, inbox->seen, &word)) {
		told = take(inbox, &word, out);
		word_free(&word);
	}
	return told;
}

bool inbox_look(struct inbox *inbox, enum pulse_moment moment, struct delivery *out)
{
	bool idle = moment == PULSE_IDLE;
	bool due = (int64_t)uv_hrtime() - inbox->looked >= LOOK_EVERY;

	if (inbox->record->number == 0 && !idle)
		return false;
	/* An answer that was given before the question was asked is found when it is asked. */
	if (people_news(inbox->people) || moment == PULSE_DUE)
		inbox->seen = 0;
	else if (!due && !(idle && people_wait(inbox->people)))
		return false;
	if (inbox->record->number != 0 && look(inbox, out))
		return true;
	if (!idle || inbox->answered || !people_wait(inbox->people))
		return false;
	*out = (struct delivery){.kind = DELIVERY_NOBODY, .outcome = outcome_ok(value_null())};
	return true;
}
