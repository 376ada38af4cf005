/* vocabulary.h - the documents' words for the recogniser, as files in the data directory: of those
 * documents that everybody may read, the ones without labels.
 *
 * DATA/recogniser/COLLECTION-GENERATION.{dict,lm}: made at the end of an ingest, or by a
 * server that finds them missing; a generation's files never change, and those of the one
 * before stay, because a running server may still be reading them.
 */
#pragma once

#include "base/defs.h"

struct store;

enum { VOCABULARY_PATH = 512, VOCABULARY_WHY = 320 };

struct vocabulary {
	char dict[VOCABULARY_PATH], lm[VOCABULARY_PATH];
	int64_t generation;
};

/* Where the collection's files are or would be. -ENOENT: there is no such collection. */
MUST_USE int vocabulary_find(struct store *s, const char *data, const char *collection,
			     struct vocabulary *out);
bool vocabulary_exists(const struct vocabulary *v);
/* Make them where they are missing. Blocks about a second. -ENODATA: no document, no words. */
MUST_USE int vocabulary_make(struct store *s, const char *data, const char *collection,
			     struct vocabulary *out, char why[static VOCABULARY_WHY]);
