/* client.h - what a client may ask: one handler per row of route.c's table. */
#pragma once

#include "base/json.h"

struct session;

void on_session_update(struct session *s, const json_t *msg);
void on_append(struct session *s, const json_t *msg);
void on_commit(struct session *s, const json_t *msg);
void on_clear(struct session *s, const json_t *msg);
void on_item_create(struct session *s, const json_t *msg);
void on_item_retrieve(struct session *s, const json_t *msg);
void on_item_delete(struct session *s, const json_t *msg);
void on_item_truncate(struct session *s, const json_t *msg);
void on_response_create(struct session *s, const json_t *msg);
void on_response_cancel(struct session *s, const json_t *msg);
void on_output_clear(struct session *s, const json_t *msg);
