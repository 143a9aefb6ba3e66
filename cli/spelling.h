/* spelling.h - how a byte may be written in a text: as itself, or escaped in one of the ways of redact.h. */
#ifndef RUNPLAN_SPELLING_H
#define RUNPLAN_SPELLING_H

#include <stdbool.h>
#include <stddef.h>

#define SPELLING_BEGINS "%\\&=+'\"" /* what is more than itself begins with one of these */

struct spelling {
	char bytes[4]; /* what is meant: a byte, or a character of UTF-8 */
	size_t count;
	size_t length; /* of the text that means it */
};

enum {
	SPELLING_ESCAPE = 1, /* one of SPELLING_BEGINS */
	SPELLING_SLACK =
	    2,		  /* quotes and the backslash: a spelling may have more of them than what it spells */
	SPELLING_GAP = 4, /* may stand between two characters of base64 or hexadecimal */
};
extern const unsigned char spelling_class[256];

static inline bool spelling_special(char c)
{
	return spelling_class[(unsigned char)c] != 0;
}
static inline bool spelling_slack(char c)
{
	return spelling_class[(unsigned char)c] & SPELLING_SLACK;
}

#define SPELLING_READINGS 2

/* What the escape that begins at `at` may mean, as it is and, where it is an escape's own escape, seen
 * through: %2541 is a
 * %, with 41 behind it, or an A. The number of readings; 0: there is no escape. */
size_t spelling_read(const char *at, const char *end, struct spelling readings[SPELLING_READINGS]);

#endif
