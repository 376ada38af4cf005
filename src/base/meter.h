/* meter.h - what is counted of engines, services and tools, for /metrics.
 *
 *     static struct meter *m;                   when the engine is opened:
 *     m = meter_of("llm", "api.openai.com");
 *     meter_add(m, METER_REQUESTS, 1);          wherever it works
 *
 * Shown as voiced_llm_requests_total{name="api.openai.com"} 1. The table of counters is meter.def.
 *
 * Any thread. Counting is one relaxed atomic addition; finding a meter goes through all there are
 * and is for when something is opened. Meters live as long as the process: there are METERS of
 * them, what comes later shares one called "others" of its kind (or of none). Never fails.
 */
#pragma once

#include <stdatomic.h>

#include "base/buf.h"

enum meter_row {
#define METER(word, name, scale, help) METER_##word,
#include "base/meter.def"
#undef METER
	N_METER_ROWS
};

enum { METERS = 256, METER_KIND = 16, METER_NAME = 80 };

struct meter {
	char kind[METER_KIND], name[METER_NAME];
	atomic_ullong rows[N_METER_ROWS];
	atomic_int state;
};

/* kind: "stt", "llm", "tts", "realtime", "tool", "mcp", …: lower case letters. name: of the service (its
 * host), the embedded engine or the tool: for people, so never a key. Both are copied, and cut. */
struct meter *meter_of(const char *kind, const char *name);

/* m NULL: nothing is counted. */
static inline void meter_add(struct meter *m, enum meter_row row, uint64_t n)
{
	if (m && n)
		atomic_fetch_add_explicit(&m->rows[row], n, memory_order_relaxed);
}

/* As counted, not divided. */
static inline uint64_t meter_get(struct meter *m, enum meter_row row)
{
	return atomic_load_explicit(&m->rows[row], memory_order_relaxed);
}

/* All that has ever counted, in Prometheus' text format, names beginning with "voiced_". */
void meter_write(struct buf *to);
