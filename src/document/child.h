/* child.h - a program of somebody else's, kept on a short leash: input on standard input
 * (a file in memory), output collected; limits on time, memory, output; no other
 * descriptors, no core files, no new privileges, nothing written, no network (sandbox.h).
 *
 * Blocks until the child is gone: call it on a worker. Thread-safe.
 */
#pragma once

#include "base/buf.h"

enum child_verdict {
	CHILD_OK,        /* it ended with 0                        */
	CHILD_MISSING,   /* no such program in PATH                */
	CHILD_FAILED,    /* it ended otherwise: *status of wait(2) */
	CHILD_TIMEOUT,   /* killed: time or CPU time was up        */
	CHILD_TOO_LARGE, /* killed: said more than output_max      */
	CHILD_NO_MEMORY, /* or no process, no descriptor           */
	CHILD_NO_SANDBOX, /* this kernel cannot shut it in         */
};

struct child_params {
	const char *const *argv; /* [0] is looked up in PATH; ends with NULL; its input is /dev/fd/0 */
	struct bytes input;
	size_t output_max;
	size_t memory_max; /* octets of address space */
	unsigned cpu_s, timeout_ms; /* by the clock, but not while others had the processor */
};

MUST_USE enum child_verdict child_run(const struct child_params *p, struct buf *out, int *status);
