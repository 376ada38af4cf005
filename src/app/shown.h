/* shown.h - what is told of the engines: who is well, and what leaves this machine for whom. Never a key.
 *
 * Any thread.
 */
#pragma once

#include "app/services.h"
#include "base/json.h"

/* {stt: [{name, model, service, state, rest_ms}], llm: …, tts: …, realtime: …}: in the order of trying; model
 * only where one is named, rest_ms with the state "resting" only. NULL: no memory. */
MUST_USE json_t *shown_status(struct services *s);
/* voiced_KIND_resting{name="…"}: how many services of this name rest now. */
void shown_metrics(struct services *s, struct buf *to);
/* One line: where audio, words and passages of the documents go. embedder: the URL of a service, or NULL. */
void shown_ways(struct services *s, const char *embedder, struct buf *to);
