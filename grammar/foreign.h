/* foreign.h: words of other languages, and what they are called here. */
#ifndef GRAMMAR_FOREIGN_H
#define GRAMMAR_FOREIGN_H

enum foreign {
	FOREIGN_LINE,  /* begins a line */
	FOREIGN_VALUE, /* is read like a name */
	FOREIGN_CALL,  /* is called */
	FOREIGN_TYPE,
};

/* The hint for someone who wrote `word` there; NULL: nothing is known of it. */
const char *foreign_hint(enum foreign where, const char *word);

#endif
