/* ui_preview.h - a preview as a page of text: what a run would do, in order, without times. */
#ifndef RUNPLAN_UI_PREVIEW_H
#define RUNPLAN_UI_PREVIEW_H

#include "cli/ui.h"

struct ui *ui_preview_new(const struct page *page, const struct sources *sources, enum verbosity verbosity);

#endif
