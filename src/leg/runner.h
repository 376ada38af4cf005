/* runner.h - a session on a real loop: its timer, and its end.
 *
 * Embedded in whatever owns the session (a WebSocket, a WebRTC call, a command).
 * One loop. on_over is called when the last leg has gone, as the last thing the session
 * does: it may call runner_stop().
 */
#pragma once

#include "base/loop.h"
#include "session/session.h"

struct runner {
	struct loop *loop;
	struct session *session; /* NULL before runner_start() and after runner_stop() */
	struct timer due;
	void (*on_over)(struct runner *r);
};

/* Makes the session; p->loop and p->host are ours to fill in. As session_new(). */
MUST_USE int runner_start(struct runner *r, struct loop *loop, const struct session_params *p,
			  void (*on_over)(struct runner *r), struct api_error *e);
void runner_stop(struct runner *r); /* frees the session; again is fine */
