/* parts.h - knowledge and engines, opened once for a command and shared by its sessions.
 *
 * The registry of engines is the table in parts.c. Thread: opened and freed on the
 * main thread; what it hands out is thread-safe as its own header says.
 */
#pragma once

#include "app/config.h"
#include "engine/ops.h"

struct parts;
struct pool;
struct searcher;

enum parts_use { PARTS_ASK, PARTS_ASK_ALOUD, PARTS_SERVE };

/* −errno and a sentence in why[320]. */
MUST_USE int parts_open(struct parts **out, const struct config *c, enum parts_use use,
			char why[static 320]);
void parts_free(struct parts *p);
AUTO_DEF(parts)

const struct engines *parts_engines(const struct parts *p);
struct pool *parts_turn_pool(struct parts *p);
struct searcher *parts_searcher(struct parts *p);
