/* lm.h - a trigram language model of sentences, written as ARPA text.
 *
 * Witten-Bell smoothing with back-off: what a context has been seen to be followed by
 * keeps most of its probability, the more kinds of followers it had the more is left for
 * others. Words are lower-case strings without blanks. Limits: LM_TOKENS_MAX words in all;
 * what comes after is ignored. Not thread-safe.
 */
#pragma once

#include "base/buf.h"

enum { LM_TOKENS_MAX = 2000000 };

struct lm;

MUST_USE int lm_new(struct lm **out);
void lm_free(struct lm *lm);
AUTO_DEF(lm)

/* LM_OPENING: the beginning of sentences only; says nothing about how they end. */
enum lm_sentence { LM_WHOLE, LM_OPENING };
/* `words`: separated by single blanks. 0 or -ENOMEM. */
MUST_USE int lm_add(struct lm *lm, enum lm_sentence kind, const char *words);

/* Appends the model in ARPA format (log10). 0 or -ENOMEM; -EINVAL: nothing was added. */
MUST_USE int lm_write(const struct lm *lm, struct buf *out);
