/* tts_openai.h - a voice of another service: POST …/audio/speech of OpenAI, Azure OpenAI and servers like them.
 *
 * Asks for raw PCM (24 kHz, int16, little-endian) and passes it on as it comes, silence at both ends
 * trimmed; takes WAV (int16 or float, any rate) from servers that send that whatever they are asked.
 * Voice: the service's line, else what the session says if OpenAI has such a one, else alloy.
 * Words and visemes are not told: the session estimates words from the length.
 */
#pragma once

#include "engine/ops.h"
#include "service/service.h"

struct fetcher;

/* Borrows both. */
MUST_USE int tts_openai_new(struct tts **out, struct fetcher *f, const struct service *s);
/* For how long the service wants to be left alone (Retry-After); 0: it said nothing. For chain_tts.h.
 * Any thread. */
uint64_t tts_openai_rest_ms(struct tts *e);

extern const struct tts_ops tts_openai_ops;
