/*
 * yaml.h - reads the YAML that docker-compose 1 prints as its config. It is no reader for what people write.
 *
 * Block mappings and sequences, plain, single- and double-quoted scalars over several lines, {} and [],
 * anchors and aliases: what PyYAML's safe_dump() makes. Anything else is an error that tells its line.
 */
#ifndef RUNPLAN_YAML_H
#define RUNPLAN_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "interp/value.h"

bool yaml_parse(const char *text, size_t length, struct value *out, char *error, size_t size);

#endif
