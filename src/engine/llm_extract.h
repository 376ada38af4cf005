/* llm_extract.h - an answering engine without a language model: it quotes.
 *
 * It uses tools through the same interface as a model. Where a `search` function is on
 * offer and nothing has been found yet for the last user message, it calls
 * search({"query": …}); given the output it says the one or two sentences that answer,
 * then where they stand, and cites the exact range; when nothing answers, it says so. A
 * short table answers greetings, thanks, "what can you do" and "repeat that". A question
 * such as "and on weekends?" or "who built it?" takes what the question before was about.
 *
 * tool_choice is obeyed: "none" never calls; "required" or {function, search} calls even
 * for small talk. Instructions, temperature and other tools are ignored: it cannot follow
 * them. max_output_tokens cuts the answer at a word (LLM_MAX_TOKENS). Usage is an estimate,
 * words / 0.75.
 */
#pragma once

#include "engine/ops.h"

struct pool;

/* Borrows the pool (turn work) until ops->free(). */
MUST_USE int llm_extract_new(struct llm **out, struct pool *turn);

extern const struct llm_ops llm_extract_ops;
