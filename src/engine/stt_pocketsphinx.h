/* stt_pocketsphinx.h - recognition by PocketSphinx (5prealpha) in this process: US English.
 *
 * A pool of decoders, each with a thread and about 100 MB of its own, because their models
 * may not be shared between threads. A decoder is leased from begin() to the end of the
 * turn; audio passes through a ring of 32 s that belongs to the turn. Partials come about
 * every 200 ms of audio when they have changed.
 *
 * Decoders are built by a thread in the background; one that is still being built is leased
 * too, when no other is free, and hears its turn from the beginning once it is there. begin()
 * gives -EAGAIN when all are leased. Where the model's package is missing, each turn ends in
 * on_error with the command that installs it.
 *
 * Adaptation: with a dictionary of further words and a language model of the documents
 * (lexicon.h, lm.h), interpolated with the general model. New decoders are built beside the
 * old ones and swapped in between two turns.
 */
#pragma once

#include "engine/ops.h"

/* Zero is a valid default. Strings are copied. */
struct stt_pocketsphinx_params {
	unsigned n_decoders;    /* 0: one per core                                */
	const char *model_dir;  /* NULL: Debian's /usr/share/pocketsphinx/model   */
	const char *extra_dict; /* NULL: none; see stt_pocketsphinx_adapt()       */
	const char *extra_lm;
};

/* Returns at once. */
MUST_USE int stt_pocketsphinx_new(struct stt **out, const struct stt_pocketsphinx_params *p);

/* Decoders that have been built with the present vocabulary. Any thread. */
unsigned stt_pocketsphinx_ready(const struct stt *e);

/* From now on recognise with these too: a dictionary as lexicon.h writes it, an ARPA model
 * as lm.h does; NULL for none. The files must stay as they are until all decoders are ready
 * again; replace them by writing others. Any thread. 0 or -ENOMEM. */
MUST_USE int stt_pocketsphinx_adapt(struct stt *e, const char *extra_dict, const char *extra_lm);

extern const struct stt_ops stt_pocketsphinx_ops;
