/* client.h - what a client may ask: one handler per row of route.c's table. */
#pragma once

#include "base/json.h"

struct session;

void on_session_update(struct session *s, const json_t *msg);
void on_transcription_update(struct session *s, const json_t *msg);
void on_append(struct session *s, const json_t *msg);
/* The same from its text, where that is plain (append.h). false: nothing was done. */
bool on_plain_append(struct session *s, struct bytes text);
void on_commit(struct session *s, const json_t *msg);
void on_clear(struct session *s, const json_t *msg);
void on_item_create(struct session *s, const json_t *msg);
void on_approval(struct session *s, const json_t *msg);
void on_item_retrieve(struct session *s, const json_t *msg);
void on_item_delete(struct session *s, const json_t *msg);
void on_item_truncate(struct session *s, const json_t *msg);
void on_response_create(struct session *s, const json_t *msg);
void on_response_cancel(struct session *s, const json_t *msg);
void on_output_clear(struct session *s, const json_t *msg);

/* client_live.c: what Voice Live adds */
void on_clear_quietly(struct session *s, const json_t *msg);
void on_text_delta(struct session *s, const json_t *msg);
void on_text_done(struct session *s, const json_t *msg);
void on_not_here(struct session *s, const json_t *msg);
/* Says what of the new settings this server has not. */
void live_warn(struct session *s, const json_t *before, const json_t *patch);

/* client_session.c: what counts of the settings a client asks for, in session.update and in
 * response.create, where the server's are enforced. A new reference; NULL: no memory. */
MUST_USE json_t *permitted(const struct session *s, json_t *patch);
/* client_response.c: make the responses that waited for their turn. */
void response_queue_run(struct session *s);
