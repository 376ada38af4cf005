/* level.h - how loud a frame is, in dBFS (0: a square wave at full scale). */
#pragma once

#include "base/defs.h"

enum { LEVEL_MIN_DB = -100 }; /* digital silence */

struct level {
	float rms_db, peak_db;
};

struct level level_of(const int16_t *pcm, size_t n); /* RT */
