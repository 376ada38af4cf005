/* dialect.h - three ways to write one protocol: GA, BETA and VOICE_LIVE.
 *
 * Inside a session everything has the GA shape; what comes in is read into it and what
 * goes out is written from it here, by a table of names. BETA and VOICE_LIVE are "flat":
 * their session object has no "audio". The names of events are in event.def and route.c.
 * Pure. New references; NULL or -ENOMEM: no memory.
 */
#pragma once

#include "session/config.h"

/* A client's session object (or that of response.create) as the GA shape has it. Members
 * that the dialect does not know are left out. 0, -EINVAL with *e, -ENOMEM. */
MUST_USE int dialect_read(enum dialect d, enum config_scope scope, json_t *from, json_t **to,
			  struct api_error *e);
/* What the dialect calls the place that GA calls `path`: "audio.output.voice" is "voice". */
void dialect_path(enum dialect d, const char *path, char to[static 96]);

MUST_USE json_t *dialect_session(enum dialect d, json_t *config);
MUST_USE json_t *dialect_response(enum dialect d, json_t *response);
MUST_USE json_t *dialect_item(enum dialect d, json_t *item);
