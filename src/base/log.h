/* log.h - key=value lines on standard error, one topic per file.
 *
 * Parsers and cores are silent; the layer that handles an error logs it, once.
 * Never a document's text, a transcript or a key at the default level (info).
 * Thread-safe; a line is one write(2). Repeated topics are limited to 100 lines
 * in 10 s each; what was held back is counted in the next line.
 */
#pragma once

#include "base/defs.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_topic {
	const char *name;
	unsigned in_window, held;
	uint64_t window_us;
};

/* One per file, at its top: LOG_TOPIC("net"); */
#define LOG_TOPIC(text) static struct log_topic log_topic_ = { .name = text }

#define log_error(...) log_line(&log_topic_, LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(&log_topic_, LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(&log_topic_, LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(&log_topic_, LOG_DEBUG, __VA_ARGS__)

void log_line(struct log_topic *t, enum log_level l, const char *fmt, ...) PRINTF_LIKE(3, 4);
void log_set_level(enum log_level l);
/* false: not the name of a level (error, warn, info, debug). */
MUST_USE bool log_level_parse(const char *name, enum log_level *out);
