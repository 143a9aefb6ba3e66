/*
 * typing.h - the terminal's mode while a person types an answer, or while what is typed must not show; and
 * the line that is typed.
 *
 * Whatever ends the process, the mode of before comes back: a small process that waits for ours to end holds
 * the terminal meanwhile, and so a SIGKILL or a crash leaves no terminal without echo behind either.
 */
#ifndef RUNPLAN_TYPING_H
#define RUNPLAN_TYPING_H

#include <stdbool.h>
#include <stddef.h>

enum typing_mode {
	TYPING_HIDDEN, /* a line at a time, without echo */
	TYPING_KEYS,   /* each key as it comes, without echo: whoever reads shows what was typed */
};

/* Is ours the job that has the terminal? Another that changes its mode is stopped by the system. */
bool typing_foreground(int fd);

struct typing;
/* The terminal `fd` is in the mode until typing_end(). NULL: it cannot be, and is as it was. */
struct typing *typing_begin(int fd, enum typing_mode mode);
/* Another mode instead. False: it cannot be, and is as it was. */
bool typing_change(struct typing *typing, enum typing_mode mode);
void typing_forget(int fd); /* what was typed and not read: nobody had asked */
/* NULL is fine. In the background the mode is the shell's by then, and stays. */
void typing_end(struct typing *typing);

/* ---- a line, key by key ---- */

#define TYPED_MAX 4096 /* bytes of a line: more than a terminal gives at once */

struct typed {
	char line[TYPED_MAX]; /* NUL-terminated */
	size_t length;
	enum { KEYS_PLAIN, KEYS_ESCAPE, KEYS_SEQUENCE } state;
};

enum typed_what {
	TYPED_MORE,   /* of the line, or nothing that matters */
	TYPED_LINE,   /* it is whole */
	TYPED_CLOSED, /* Ctrl-D on an empty line */
};

/* One byte more: Backspace, Ctrl-U and Ctrl-W take away; arrows and the like do nothing. */
enum typed_what typed_add(struct typed *typed, char byte);
void typed_forget(struct typed *typed); /* wipes it: it may be a secret */

#endif
