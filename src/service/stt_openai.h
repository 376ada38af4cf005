/* stt_openai.h - ears of another service: POST …/audio/transcriptions of OpenAI, Azure OpenAI and servers
 * like them (whisper.cpp, speaches, another voiced).
 *
 * A turn's audio is collected here (two minutes at most) and goes out as a WAV file: at each candidate
 * end, so that the words are there when the end is confirmed, and at the end where more than silence
 * has been said since. Models that write as they hear (gpt-4o-*transcribe*) are asked to stream; what
 * they have written so far are the partials.
 */
#pragma once

#include "engine/ops.h"
#include "service/service.h"

struct fetcher;

/* Borrows both. */
MUST_USE int stt_openai_new(struct stt **out, struct fetcher *f, const struct service *s);
/* As tts_openai_rest_ms(). */
uint64_t stt_openai_rest_ms(struct stt *e);

extern const struct stt_ops stt_openai_ops;
