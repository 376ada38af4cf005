/* stem.h - Porter's stemmer: M. F. Porter, "An algorithm for suffix stripping", Program
 * 14(3), 1980. Step numbers in the source are the paper's. Pure; never fails.
 */
#pragma once

#include "base/defs.h"

/* In place; `s` holds n ASCII lower-case letters. Returns the new, never longer, n. */
size_t stem(char *s, size_t n);
