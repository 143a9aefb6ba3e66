/* xml.c - see xml.h. */
#include "builtins/xml.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "builtins/lazy.h"
#include "interp/buffer.h"

#define PATH_MAX_LENGTH 300

struct xml_walk {
	const struct expat_api *expat;
	XML_Parser parser;
	void (*element)(void *context, const char *path, const char *text, size_t length);
	void *context;
	char path[PATH_MAX_LENGTH];
	struct buffer text;
	const char *refused; /* why we stopped it, or NULL */
};

static void refuse(struct xml_walk *walk, const char *why)
{
	if (walk->refused == NULL)
		walk->refused = why;
	walk->expat->XML_StopParser(walk->parser, XML_FALSE);
}

static void started(void *context, const char *name, const char **attributes)
{
	struct xml_walk *walk = context;
	const char *colon = strchr(name, ':');
	size_t length = strlen(walk->path);
	int added;

	(void)attributes;
	added = snprintf(walk->path + length, sizeof walk->path - length, "%s%s", length > 0 ? "/" : "",
			 colon == NULL ? name : colon + 1);
	if (added < 0 || (size_t)added >= sizeof walk->path - length)
		refuse(walk, "it nests too deep");
	buffer_cut(&walk->text, 0);
}

static void text_came(void *context, const char *text, int length)
{
	struct xml_walk *walk = context;

	buffer_add(&walk->text, text, (size_t)length);
}

static void ended(void *context, const char *name)
{
	struct xml_walk *walk = context;
	char *slash = strrchr(walk->path, '/');

	(void)name;
	if (walk->refused != NULL)
		return;
	walk->element(walk->context, walk->path, buffer_text(&walk->text), walk->text.length);
	buffer_cut(&walk->text, 0);
	*(slash == NULL ? walk->path : slash) = '\0';
}

/* Entities of a document's own can make much of little; no API's answer has any. */
static void doctype_came(void *context, const char *name, const char *system, const char *public,
			 int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	refuse(context, "it has a document type");
}

bool xml_walk(const char *bytes, size_t length,
	      void (*element)(void *context, const char *path, const char *text, size_t length),
	      void *context, char *error, size_t size)
{
	struct xml_walk walk = {.element = element, .context = context};
	bool good;

	walk.expat = expat_load(error, size);
	if (walk.expat == NULL)
		return false;
	if (length > INT_MAX) {
		snprintf(error, size, "it is too long");
		return false;
	}
	walk.parser = memory_need(walk.expat->XML_ParserCreate(NULL));
	walk.expat->XML_SetUserData(walk.parser, &walk);
	walk.expat->XML_SetElementHandler(walk.parser, started, ended);
	walk.expat->XML_SetCharacterDataHandler(walk.parser, text_came);
	walk.expat->XML_SetStartDoctypeDeclHandler(walk.parser, doctype_came);
	good = walk.expat->XML_Parse(walk.parser, bytes, (int)length, 1) == XML_STATUS_OK &&
	       walk.refused == NULL;
	if (walk.refused != NULL)
		snprintf(error, size, "%s", walk.refused);
	else if (!good)
		snprintf(error, size, "%s in line %lu",
			 walk.expat->XML_ErrorString(walk.expat->XML_GetErrorCode(walk.parser)),
			 (unsigned long)walk.expat->XML_GetCurrentLineNumber(walk.parser));
	walk.expat->XML_ParserFree(walk.parser);
	buffer_free(&walk.text);
	return good;
}
