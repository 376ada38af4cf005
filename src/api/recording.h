/* recording.h - with --record: what entered a session, as a file that replay() can play.
 *
 * Kept in memory while the session lives, written by a worker when it ends:
 * DIR/SESSION-DATE.vrec, mode 0600. At most RECORDING_MAX octets; what comes later is left
 * out, and the log says so. It holds what was said: nothing is recorded without --record.
 */
#pragma once

#include "api/seat.h"
#include "session/recorder.h"

enum { RECORDING_MAX = 128 << 20 };

struct recording;

/* NULL where nothing is to be recorded, or memory is out (logged). */
struct recording *recording_new(struct api *a);
/* For session_params.recorder; {0} for NULL. */
struct recorder recording_hook(struct recording *r);
/* The session has ended: write the file in the background, also when the service stops
 * meanwhile (pool_finish). The API may be gone by then. NULL is fine. */
void recording_end(struct recording *r);
