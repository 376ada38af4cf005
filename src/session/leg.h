/* leg.h - one transport of a session, as the session sees it.
 *
 * Implemented in leg/ (WebRTC, WebSocket, SIP) and by fakes in tests. All calls are
 * made on the session's loop. An implementation must never call back into the
 * session from inside one of these functions: it posts, or waits for its next event.
 */
#pragma once

#include "base/bytes.h"

struct leg;

enum leg_caps {
	/* The server paces playout and knows what was heard (WebRTC, SIP): audio leaves by
	 * push_audio() and no response.output_audio.delta is sent. Without it audio leaves
	 * as base64 in those events, and the client alone knows what was played. */
	LEG_AUDIO_PACED = 1 << 0,
};

struct leg_ops {
	const char *name; /* "webrtc" */
	unsigned caps;
	unsigned out_rate_hz; /* of push_audio(): 8000, 16000, 24000 or 48000; 0 if not paced */
	size_t event_max;     /* octets of one event; a larger one is told of in its place; 0: any */

	/* One server event: a JSON object, UTF-8, copied. Queued before audio; a leg that is over
	 * its budget for too long closes itself. */
	void (*send_event)(struct leg *l, struct bytes json);

	/* Octets of events the leg takes now without exceeding its budget. The session holds
	 * audio events back below LEG_ROOM_MIN and goes on at session_on_writable(). Only legs
	 * that are not paced; NULL: no limit. */
	size_t (*room)(struct leg *l);

	/* The next four: paced legs only, otherwise NULL. `tag` numbers a stretch of audio (one
	 * response); it never repeats in a session and only one is in the leg at a time.
	 *
	 * Queue samples (mono). The session keeps within LEG_AHEAD_MS of what was played.
	 * 0, or -ENOBUFS: not taken, tried again later. */
	int (*push_audio)(struct leg *l, uint64_t tag, const int16_t *pcm, size_t n);
	/* Drop what has not been played; returns the samples of `tag` that were. Neither
	 * STARTED nor DRAINED follows for this tag. */
	uint64_t (*clear_audio)(struct leg *l, uint64_t tag);
	/* Samples of `tag` played so far, silence inserted for lack of audio not counted. */
	uint64_t (*played)(struct leg *l, uint64_t tag);

	/* Close the transport (WebSocket codes) once queued events have left. The leg detaches
	 * itself (session_detach) when it is gone. */
	void (*close)(struct leg *l, unsigned code, const char *reason);
};

enum { LEG_ROOM_MIN = 64 * 1024, LEG_AHEAD_MS = 5000 };

/* Which events a leg is sent (event.def has the columns). */
enum leg_view {
	VIEW_ALL,
	VIEW_FILTERED, /* a data channel under webrtcfilter=on                           */
	VIEW_CONTROL,  /* the control socket of a Voice Live call ...                    */
	VIEW_DATA,     /* ... its data channel ...                                       */
	VIEW_NONE,     /* ... or its media alone: then the control socket is sent it all */
};

/* Embedded, first or not, by every implementation. The view counts when the leg is attached;
 * session_set_view() changes it. */
struct leg {
	const struct leg_ops *ops;
	enum leg_view view;
};

/* What a paced leg reports about the audio it was given. */
enum leg_playout {
	LEG_STARTED, /* the first sample of this tag leaves                                */
	LEG_DRAINED, /* nothing of this tag is left to play; may come again after more audio */
};
