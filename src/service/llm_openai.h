/* llm_openai.h - a language model behind /chat/completions: OpenAI, Azure OpenAI, and whatever speaks
 * like them (Ollama, llama.cpp, vLLM, another voiced).
 *
 * Each start() is one streamed request. Where the service refuses how the limit of tokens is called,
 * temperature or stream_options, it is asked again without; the engine remembers. A connection to the
 * service is kept warm. Neither keys nor what was said stand in errors or logs.
 */
#pragma once

#include "engine/ops.h"
#include "service/service.h"

struct fetcher;

/* Borrows both until ops->free(). -EINVAL: not http or https. */
MUST_USE int llm_openai_new(struct llm **out, struct fetcher *f, const struct service *s);
/* For how long the service wants not to be asked, as it has said last; 0: it has not. Any thread. */
uint64_t llm_openai_rest_ms(struct llm *e);

extern const struct llm_ops llm_openai_ops;
