/*
 * memory.h - a store that lives as long as the process: tests, and runs for which no state is kept.
 *
 * The caller frees it through its ops. Rows are copied. append() never fails.
 */
#ifndef RUNPLAN_STORE_MEMORY_H
#define RUNPLAN_STORE_MEMORY_H

#include "interp/journal.h"

struct store *store_memory_new(void);

#endif
