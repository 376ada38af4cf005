/* psdecoder.h - one PocketSphinx decoder: the only file that sees the library.
 *
 * Belongs to one thread at a time. About 100 MB and 0.4 s to build. One utterance at a
 * time: begin, push…, text…, end. What libsphinxbase would print is dropped.
 */
#pragma once

#include "base/defs.h"

#define PSDECODER_MODEL_DIR "/usr/share/pocketsphinx/model"

struct psdecoder;

/* model_dir NULL: PSDECODER_MODEL_DIR. extra_dict (lines "word PH ON ES") and extra_lm
 * (ARPA) may be NULL. NULL: a file is missing or wrong, or no memory. */
MUST_USE struct psdecoder *psdecoder_new(const char *model_dir, const char *extra_dict,
					 const char *extra_lm);
void psdecoder_free(struct psdecoder *d);

void psdecoder_begin(struct psdecoder *d);
void psdecoder_push(struct psdecoder *d, const int16_t *pcm, size_t n); /* mono, 16 kHz */
/* The words so far, borrowed until the next call; "" if none. */
const char *psdecoder_text(struct psdecoder *d);

enum psdecoder_end { PSDECODER_FINAL, PSDECODER_DROP };
/* Ends the utterance. FINAL: the best words of all, borrowed until begin. DROP: "". */
const char *psdecoder_end(struct psdecoder *d, enum psdecoder_end how);
