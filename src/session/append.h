/* append.h - input_audio_buffer.append, read without building JSON: it comes fifty times a second.
 *
 * Pure. Only what is plain is read here (a flat object of `type`, `audio` and perhaps
 * `event_id`, strings without escapes); anything else goes the way of all events, which also
 * says what is wrong with it.
 */
#pragma once

#include "base/bytes.h"

/* Is it such an event? Then *audio is its base64, in place. */
MUST_USE bool append_scan(struct bytes text, struct bytes *audio);
