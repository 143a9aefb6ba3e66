/*
 * xml.h - the leaves of an XML document that came from a server, read by libexpat.
 *
 * `element` is called at the end of each element, with the names from the root to it ("Error/Code",
 * namespaces as they are written left out) and the text that stands in it behind its last child. False, with
 * a message, where the text is no well-formed XML, has a document type, or nests deeper than an answer of an
 * API would.
 */
#ifndef RUNPLAN_XML_H
#define RUNPLAN_XML_H

#include <stdbool.h>
#include <stddef.h>

bool xml_walk(const char *bytes, size_t length,
	      void (*element)(void *context, const char *path, const char *text, size_t length),
	      void *context, char *error, size_t size);

#endif
