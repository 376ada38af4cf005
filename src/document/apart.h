/* apart.h - extract(), but what is no plain text is read by another process.
 *
 * The first call starts our own program once more, as a template: it loads what readers
 * need, holds nothing of ours (no descriptor, no environment, no document) and forks one
 * process per file, which shuts itself in (sandbox.h), reads that one file, hands back an
 * outline (outline_pack.h) and is gone. So a file costs a fork of a small process, not the
 * start of a large program; no process sees two files; and whatever a file does to its
 * reader, the parent gets a verdict and a sentence.
 *
 * PDF is read by pdftotext, with its own walls (child.h). Markdown, plain text and the like
 * are read here.
 *
 * Blocks: call it on a worker. Thread-safe. The template ends when we do. A reader runs at the
 * priority of the thread that asks, or at the template's if that is lower.
 */
#pragma once

#include "document/extract.h"

enum {
	APART_TIMEOUT_MS = 20000, /* by the clock, but not while others had the processor */
	APART_CPU_S = 20,
	APART_MEMORY_MAX = 512 * 1024 * 1024, /* octets in memory */
};

/* As extract(). EXTRACT_NO_MEMORY means that *this* process has none. */
MUST_USE enum extract_verdict apart_extract(struct bytes content, const char *name, struct outline *out,
					    const char **type, char why[static EXTRACT_WHY]);

/* Start the template now, at the priority of this thread, and don't wait for it. Else the
 * first that asks does it, at its own. */
void apart_start(void);

struct apart_cost {
	size_t memory_peak; /* octets in memory at most */
	uint64_t cpu_us;
};

/* Of the last file that this thread had read by another process. For tests and measuring. */
struct apart_cost apart_last_cost(void);
