/* redact_inside.h - what redact.c (what is known), redact_text.c (finding it) and redact_value.c share. */
#ifndef RUNPLAN_REDACT_INSIDE_H
#define RUNPLAN_REDACT_INSIDE_H

#include "cli/redact.h"

#define SHORT_SECRET 3	/* bytes: from here on a secret is replaced wherever it stands */
#define CODED_SECRET 4	/* its codes are worth looking for; shorter ones would match by accident */
#define LINE_SECRET  6	/* a line of a secret of several lines */
#define MADE_SECRET  8	/* what was made of a secret */
#define REST	     12 /* of a secret that was cut off; three quarters of a shorter one */
#define HEADS	     4096
#define KEY	     3	/* bytes by which needles are found */
#define KEY_TEXT     64 /* bytes of text in which their spelling must stand, quotes among them */

struct needle {
	char *bytes;
	size_t length;
	bool code;	    /* base64, hexadecimal: may go over several lines */
	bool before, after; /* base64: the character before it, or behind it, holds some of its bits */
	size_t next;	    /* of the same head; its number from 1, 0: none */
};

/* Eight bytes inside a needle: a text that was cut off may begin with them. */
struct inside {
	uint32_t needle, offset; /* needle's number from 1, 0: empty */
};

struct redactor {
	struct needle *needles;
	size_t count;
	size_t heads[HEADS];	   /* by key */
	size_t odd;		   /* those without a key: too short, or of quotes alone */
	bool odd_first[256];	   /* what one of these may begin with */
	unsigned char bloom[8192]; /* hashes of keys */
	struct inside *insides;
	size_t inside_count, inside_room;
};

static inline uint32_t hash(const char *bytes, size_t length)
{
	uint32_t h = 2166136261u;

	while (length-- > 0)
		h = (h ^ (unsigned char)*bytes++) * 16777619u;
	return h ^ h >> 15;
}

static inline uint32_t hash_key(const char *key)
{
	uint32_t h = (uint32_t)(unsigned char)key[0] | (uint32_t)(unsigned char)key[1] << 8 |
		     (uint32_t)(unsigned char)key[2] << 16;

	return h * 2654435761u >> 8;
}

/* A cheap look at whether some needle has this key. */
static inline bool maybe(const struct redactor *redactor, uint32_t h)
{
	h %= 8 * sizeof(redactor->bloom);
	return redactor->bloom[h / 8] >> h % 8 & 1;
}

/* Its first bytes that are no quotes: those may stand anywhere in a spelling. False: it has too few. */

/* Does it hold a secret? Then it is appended to `out`, without. */
bool redactor_replace(const struct redactor *redactor, const char *text, size_t length, struct buffer *out);

#endif
