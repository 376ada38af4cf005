/* embedder.h - --embedder and what goes with it: which vectors collections are to have. */
#pragma once

#include "app/config.h"

enum { EMBEDDER_WHY = 320 };
/* Before other threads. Opens a static model; a service is asked nothing yet. −errno and a sentence. */
MUST_USE int embedder_configure(const struct config *c, char why[static EMBEDDER_WHY]);
/* When no index and no search is left. */
void embedder_unconfigure(void);
