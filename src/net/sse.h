/* sse.h - Server-Sent Events as they come: octets in, events out.
 *
 * WHATWG HTML, 9.2.6 (interpreting an event stream). Sans-I/O. An event that its blank line has not
 * ended is not one: what is left at the end of the stream is dropped. Octets that are no UTF-8 are
 * passed on as they are.
 */
#pragma once

#include "base/buf.h"

enum { SSE_NAME = 64, SSE_ID = 512 };

/* Borrowed during the handler. */
struct sse_event {
	const char *type; /* "message" where none is named                */
	const char *data; /* lines joined by \n; octets may hold a NUL: n */
	size_t n;
	const char *id; /* the last one named in the stream, or ""      */
};

struct sse {
	struct buf line, data;
	size_t max; /* octets of one line, and of one event's data */
	char type[SSE_NAME], id[SSE_ID];
	uint64_t retry_ms; /* what the stream asked for; 0: nothing */
	bool begun, after_cr, has_data;
};

enum sse_verdict {
	SSE_OK,
	SSE_STOPPED,  /* the handler said so        */
	SSE_TOO_LONG, /* a line, an event or a name */
	SSE_NO_MEMORY,
};

void sse_init(struct sse *s, size_t max);
void sse_done(struct sse *s);
static inline void sse_auto_(struct sse *s)
{
	sse_done(s);
}

/* After anything but SSE_OK nothing may be pushed. on_event: false stops. */
MUST_USE enum sse_verdict sse_push(struct sse *s, struct bytes part,
				   bool (*on_event)(void *owner, const struct sse_event *e),
				   void *owner);
