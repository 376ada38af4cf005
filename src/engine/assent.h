/* assent.h - is what somebody said a clear yes? English, German, French, Spanish.
 *
 * Yes is only what consists of nothing but words of assent ("yes please, do it"): whoever adds a
 * condition or another wish has not agreed. Pure; never fails.
 */
#pragma once

#include "base/defs.h"

enum assent {
	ASSENT_YES,
	ASSENT_NO,
	ASSENT_UNCLEAR, /* about something else, or with an "if" or "but" */
};

enum assent assent_of(const char *words);
