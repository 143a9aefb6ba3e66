/* tty_lines.c - see tty_lines.h. */
#include "cli/tty_lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/columns.h"

#define SECOND_NS     INT64_C(1000000000)
#define READ_SHOWN_NS SECOND_NS /* reads that take longer are shown; others would only flicker */
#define SAMPLE_OLD_NS                                                                                        \
	(60 * SECOND_NS) /* what is older than this, and than two of its intervals, is not watched any more  \
			  */
#define AIRY_HEIGHT 8	 /* rows from which on a blank one sets the live part off */
#define ASIDE_SIZE  160
#define TITLE_LEAST 12 /* columns of a text that a time behind it must leave */

/* Meaning never hangs on colour or on these alone: words stand beside them. */
struct marks {
	const char *branch, *cut;
};
static const struct marks unicode_marks = {"\xe2\x96\xb8 ", "\xe2\x80\xa6"}, ascii_marks = {"> ", "..."};

struct writer {
	struct tty_lines *lines;
	const struct page *page;
	const struct marks *marks;
	int64_t now;
	size_t room, limit;
	bool brief;  /* one line for a step, with the first of what it does */
	size_t more; /* steps that found no room */
};

/* ---- a line ---- */

/* Cleaned and redacted, no wider than `room`. Owned. */
static char *fitted(const struct writer *writer, const char *text, size_t room)
{
	struct buffer clean = {0}, out = {0};
	size_t cut = columns_of(writer->marks->cut, strlen(writer->marks->cut));
	const char *bytes;
	char *result;

	page_text(writer->page, text, &clean);
	bytes = buffer_text(&clean);
	if (columns_of(bytes, clean.length) <= room) {
		buffer_add(&out, bytes, clean.length);
	} else if (room > cut) {
		buffer_add(&out, bytes, columns_fit(bytes, clean.length, room - cut));
		buffer_add_text(&out, writer->marks->cut);
	}
	result = memory_need(strdup(buffer_text(&out)));
	buffer_free(&clean);
	buffer_free(&out);
	return result;
}

static void add_painted(const struct writer *writer, struct buffer *line, enum style style, const char *text)
{
	bool painted = writer->page->color && style != STYLE_NORMAL && *text;

	buffer_add_text(line, painted ? style_paint(style) : "");
	buffer_add_text(line, text);
	buffer_add_text(line, painted ? "\033[0m" : "");
}

static void keep(struct writer *writer, struct buffer *line)
{
	struct tty_lines *lines = writer->lines;

	lines->at = memory_need(realloc(lines->at, (lines->count + 1) * sizeof(*lines->at)));
	lines->at[lines->count++] = memory_need(strdup(buffer_text(line)));
	buffer_free(line);
}

/* `lead` and `text` are cut so that `aside`, or at least its first word, has room behind them, unless too
 * little would be left of them. */
static void add_line(struct writer *writer, unsigned indent, enum style style, const char *lead,
		     const char *text, const char *aside)
{
	struct buffer line = {0};
	size_t room = writer->room, behind = strlen(aside) + 2, before;
	char *fit, words[ASIDE_SIZE];

	indent = indent + TITLE_LEAST > room ? 0 : indent;
	room -= indent;
	buffer_printf(&line, "%*s", (int)indent, "");
	fit = fitted(writer, lead, room);
	before = columns_of(fit, strlen(fit));
	add_painted(writer, &line, style, fit);
	free(fit);
	room -= before < room ? before : room;
	if (behind + TITLE_LEAST > room)
		behind = strcspn(aside, ", ") + 2;
	if (behind > 2 && behind + TITLE_LEAST <= room)
		room -= behind;
	else
		behind = 0;
	fit = fitted(writer, text, room);
	add_painted(writer, &line, style == STYLE_STRONG ? STYLE_STRONG : STYLE_NORMAL, fit);
	free(fit);
	if (behind > 0) {
		snprintf(words, sizeof(words), "  %.*s", (int)behind - 2, aside);
		add_painted(writer, &line, STYLE_FAINT, words);
	}
	keep(writer, &line);
}

/* ---- times: whole seconds, because they are drawn once a second ---- */

static const char *since(const struct writer *writer, const struct item *item, char *buffer)
{
	int64_t elapsed = writer->now - item->started;

	return duration_text(elapsed > 0 ? elapsed / SECOND_NS * SECOND_NS : 0, buffer);
}

static const char *left(const struct writer *writer, const struct item *item, char *buffer)
{
	int64_t rest = item->until - (item->asking > 0 ? item->paused : writer->now);

	return duration_text(rest > 0 ? (rest + SECOND_NS - 1) / SECOND_NS * SECOND_NS : 0, buffer);
}

/* ---- items ---- */

/* What an item says: owned text, and the words behind it. */
struct said {
	enum style style;
	const char *lead;
	struct value text;
	char aside[ASIDE_SIZE];
};

static void say_branch(const struct writer *writer, const struct item *item, struct said *said)
{
	char elapsed[48], least[48], most[48], rest[64];

	since(writer, item, elapsed);
	said->style = STYLE_STRONG;
	said->lead = writer->marks->branch;
	if (item->kind == ITEM_HANDLER && strcmp(item->detail, item->title) != 0)
		said->text = value_string_printf(
		    "%s: %s", strcmp(item->detail, "rollback") == 0 ? "undo" : item->detail, item->title);
	else
		said->text = value_string(item->title);
	if (item->limit > 0)
		snprintf(rest, sizeof(rest), ", %s left", left(writer, item, most));
	else
		rest[0] = '\0';
	if (item->attempt > 1)
		snprintf(said->aside, sizeof(said->aside), "%s, attempt %d%s", elapsed, item->attempt, rest);
	else if (item->most > 0 && writer->now - item->started > item->most)
		snprintf(said->aside, sizeof(said->aside), "%s, at most %s expected", elapsed,
			 duration_text(item->most, most));
	else if (item->most > 0)
		snprintf(said->aside, sizeof(said->aside), "%s of %s to %s", elapsed,
			 duration_text(item->least, least), duration_text(item->most, most));
	else
		snprintf(said->aside, sizeof(said->aside), "%s%s", elapsed, rest);
}

static void say_sample(const struct writer *writer, const struct item *item, struct said *said)
{
	bool measured = strcmp(item->verdict, "measured") == 0;
	bool ok = strcmp(item->verdict, "ok") == 0 || measured;
	bool none = !item->verdict[0];
	char elapsed[48];

	said->style = none				     ? STYLE_FAINT
		      : ok				     ? STYLE_GOOD
		      : strcmp(item->verdict, "breach") == 0 ? STYLE_BAD
							     : STYLE_WARN;
	said->lead = ok && !measured ? "  ok      " : "  sample  ";
	if (none || ok || strcmp(item->verdict, "no data") == 0)
		said->text = value_string_printf("%s: %s", item->title, item->detail);
	else
		said->text = value_string_printf("%s: %s %s", item->title, item->verdict, item->detail);
	if (none)
		said->aside[0] = '\0';
	else if (item->over > 0 && !ok)
		snprintf(said->aside, sizeof(said->aside), "%" PRId64 " over, %s ago", item->over,
			 since(writer, item, elapsed));
	else
		snprintf(said->aside, sizeof(said->aside), "%s ago", since(writer, item, elapsed));
}

static void say_timed(const struct writer *writer, const struct item *item, struct said *said)
{
	char elapsed[48], rest[48], all[48];

	since(writer, item, elapsed);
	left(writer, item, rest);
	switch (item->kind) {
	case ITEM_WAIT:
		said->lead = "wait    ";
		said->text = value_string(item->title);
		snprintf(said->aside, sizeof(said->aside), item->until > 0 ? "%s, %s left" : "%s", elapsed,
			 rest);
		break;
	case ITEM_RETRY:
		said->lead = "retry   ";
		said->style = STYLE_WARN;
		said->text = value_string_printf("attempt %d of %d failed: %s", item->attempt, item->attempts,
						 item->title);
		snprintf(said->aside, sizeof(said->aside), "again in %s", rest);
		break;
	default:
		said->lead = item->title[0] ? "measure " : "hold    ";
		said->text = value_string_printf("%s left of %s", rest,
						 duration_text(item->until - item->started, all));
		break;
	}
}

static void say(const struct writer *writer, const struct item *item, struct said *said)
{
	*said = (struct said){.style = STYLE_FAINT};
	switch (item->kind) {
	case ITEM_PHASE:
	case ITEM_STEP:
	case ITEM_HANDLER:
		say_branch(writer, item, said);
		return;
	case ITEM_SAMPLE:
		say_sample(writer, item, said);
		return;
	case ITEM_WAIT:
	case ITEM_RETRY:
	case ITEM_HOLD:
		say_timed(writer, item, said);
		return;
	case ITEM_PERSON:
		said->style = STYLE_WARN;
		/* fall through */
	case ITEM_CHANGE:
	case ITEM_READ:
		said->lead = item->kind == ITEM_PERSON	 ? "person  "
			     : item->kind == ITEM_CHANGE ? "change  "
							 : "read    ";
		said->text = value_string(item->title);
		since(writer, item, said->aside);
		return;
	}
}

static bool is_shown(const struct writer *writer, const struct item *item)
{
	int64_t age = writer->now - item->started;

	switch (item->kind) {
	case ITEM_READ:
		return age >= READ_SHOWN_NS;
	case ITEM_RETRY:
	case ITEM_HOLD:
		return item->until > writer->now;
	case ITEM_SAMPLE:
		return !item->verdict[0] || age < SAMPLE_OLD_NS || age < 2 * item->interval;
	default:
		return true;
	}
}

/* Of the things that a step does, the one that says most. */
static const struct item *foremost(const struct writer *writer, const struct item *branch)
{
	const struct item *child, *best = NULL;

	for (child = branch->first; child; child = child->next)
		if (!item_is_branch(child) && is_shown(writer, child) && child->kind != ITEM_SAMPLE &&
		    (!best || child->kind > best->kind))
			best = child;
	return best;
}

static bool is_full(const struct writer *writer)
{
	return writer->lines->count >= writer->limit;
}

static void add_brief(struct writer *writer, const struct item *branch, unsigned indent)
{
	const struct item *item = foremost(writer, branch);
	struct said said, inner;
	struct value text;

	say(writer, branch, &said);
	if (item) {
		say(writer, item, &inner);
		text = value_string_printf("%s: %.*s %s", value_text_peek(said.text),
					   (int)strcspn(inner.lead, " "), inner.lead,
					   value_text_peek(inner.text));
		value_release(said.text);
		value_release(inner.text);
		said.text = text;
		said.style = STYLE_NORMAL;
		if (inner.aside[0])
			memcpy(said.aside, inner.aside, sizeof(said.aside));
	}
	add_line(writer, indent, said.style, said.lead, value_text_peek(said.text), said.aside);
	value_release(said.text);
}

static void add_item(struct writer *writer, const struct item *item, unsigned indent)
{
	struct said said;

	say(writer, item, &said);
	add_line(writer, indent, said.style, said.lead, value_text_peek(said.text), said.aside);
	value_release(said.text);
}

static void add_branch(struct writer *writer, const struct item *branch, unsigned indent);

/* What it does itself, then what runs in it. */
static void add_inside(struct writer *writer, const struct item *branch, unsigned indent)
{
	const struct item *child;

	for (child = branch->first; child; child = child->next) {
		if (item_is_branch(child) || !is_shown(writer, child))
			continue;
		if (writer->brief && (child->kind != ITEM_SAMPLE || strcmp(child->verdict, "ok") == 0))
			continue;
		if (is_full(writer))
			writer->more += !writer->brief; /* then it is tried again, in brief */
		else
			add_item(writer, child, indent);
	}
	for (child = branch->first; child; child = child->next)
		if (item_is_branch(child))
			add_branch(writer, child, indent);
}

static void add_branch(struct writer *writer, const struct item *branch, unsigned indent)
{
	if (is_full(writer)) {
		writer->more += item_leaves(branch);
		return;
	}
	if (writer->brief)
		add_brief(writer, branch, indent);
	else
		add_item(writer, branch, indent);
	add_inside(writer, branch, indent + 2);
}

/* ---- the last line ---- */

static size_t running(const struct tree *tree)
{
	const struct item *child;
	size_t count = 0;

	for (child = tree->root.first; child; child = child->next)
		if (item_is_branch(child))
			count += item_leaves(child);
	return count;
}

/* How far it is, and what Ctrl-C would do: in the most words that fit. */
static void add_status(struct writer *writer, const struct tree *tree)
{
	int64_t s = writer->now / SECOND_NS;
	char clock[48], far[3][96], stop[3][96], text[256];
	unsigned i;

	snprintf(clock, sizeof(clock), "%3" PRId64 ":%02" PRId64, s / 60, s % 60);
	if (s >= 3600)
		snprintf(clock, sizeof(clock), "%" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60,
			 s % 60);
	snprintf(far[0], sizeof(far[0]), "%zu done, %zu running. ", tree->done, running(tree));
	far[1][0] = far[2][0] = '\0';
	if (tree->unwinding)
		for (i = 0; i < 3; i++)
			snprintf(far[i], sizeof(far[i]), "going back: %zu of %zu undone. ", tree->undone,
				 tree->to_undo);
	else if (tree->signals > 0)
		snprintf(far[0], sizeof(far[0]), "stops what is under way, then goes back. ");
	if (tree->signals > 1) {
		for (i = 0; i < 3; i++)
			snprintf(stop[i], sizeof(stop[i]), "stops at once");
	} else if (tree->ending || tree->signals > 0) {
		/* The end of a run is not cancelled by what may have brought it about: the first signal only
		 * counts. */
		const char *keys = tree->signals > 0 ? "Ctrl-C" : "Ctrl-C twice";
		const char *rest = tree->unwinding ? ", undo no more" : tree->ending ? "" : ", undo nothing";

		snprintf(stop[0], sizeof(stop[0]), "%s: stop at once%s", keys, rest);
		snprintf(stop[1], sizeof(stop[1]), "%s: stop%s", keys, rest);
		snprintf(stop[2], sizeof(stop[2]), "%s: stop", keys);
	} else if (tree->armed > 0) {
		snprintf(stop[0], sizeof(stop[0]), "Ctrl-C: stop and undo %zu step%s", tree->armed,
			 tree->armed > 1 ? "s" : "");
		snprintf(stop[1], sizeof(stop[1]), "%s", stop[0]);
		snprintf(stop[2], sizeof(stop[2]), "Ctrl-C: undo %zu", tree->armed);
	} else {
		snprintf(stop[0], sizeof(stop[0]), "Ctrl-C: stop (nothing to undo)");
		snprintf(stop[1], sizeof(stop[1]), "Ctrl-C: stop");
		snprintf(stop[2], sizeof(stop[2]), "Ctrl-C: stop");
	}
	for (i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "%s%s", far[i], stop[i]);
		if (strlen(clock) + 2 + strlen(text) <= writer->room)
			break;
	}
	snprintf(clock + strlen(clock), 3, "  ");
	add_line(writer, 0, STYLE_FAINT, clock, text, "");
}

static void write_tree(struct writer *writer, const struct tree *tree, unsigned height)
{
	char more[64];

	writer->more = 0;
	writer->limit = height > 1 ? height - 1 : 0;
	if (writer->brief && writer->limit > 0)
		writer->limit--; /* for what is counted only */
	if (height >= AIRY_HEIGHT)
		keep(writer, &(struct buffer){0});
	add_inside(writer, &tree->root, 0);
	if (writer->brief && writer->more > 0) {
		snprintf(more, sizeof(more), "%s %zu more running", writer->marks->cut, writer->more);
		add_line(writer, 2, STYLE_FAINT, "", more, "");
	}
	add_status(writer, tree);
}

void tty_lines_make(struct tty_lines *lines, const struct page *page, const struct tree *tree, int64_t now,
		    unsigned room, unsigned height)
{
	struct writer writer = {
	    .lines = lines,
	    .page = page,
	    .marks = columns_utf8() ? &unicode_marks : &ascii_marks,
	    .now = now,
	    .room = room,
	};

	*lines = (struct tty_lines){0};
	write_tree(&writer, tree, height);
	if (writer.more == 0)
		return;
	tty_lines_free(lines);
	writer.brief = true;
	write_tree(&writer, tree, height);
}

void tty_lines_free(struct tty_lines *lines)
{
	size_t i;

	for (i = 0; i < lines->count; i++)
		free(lines->at[i]);
	free(lines->at);
	*lines = (struct tty_lines){0};
}
