/* embed_remote.h - vectors from an OpenAI-compatible /embeddings service.
 *
 * A base URL such as https://api.openai.com/v1, or Azure's
 * https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT?api-version=2024-10-21 (then the key
 * goes into `api-key`). Passages are sent in batches and tried again with growing pauses on 408, 429,
 * 5xx and broken connections, as long as Retry-After says where it does. A question gets
 * QUERY_MS and no second try; the last QUERIES questions are remembered; after a failure
 * the service is left alone for QUIET_MS, so that searches do not wait in vain. The key is kept in
 * memory only: it is in no store and no log, and goes only to the URL it was given for.
 */
#pragma once

#include "knowledge/embed.h"

struct embed_remote_params {
	const char *url, *model; /* model: "" where the URL says it */
	unsigned dimensions;     /* to ask for; 0: as the model has it */
};

/* How this process reaches services: once, before threads. Without a URL the key is for whatever
 * service a collection has. */
MUST_USE int embed_remote_setup(const char *url, const char *key);
/* Ends what is under way and all waiting, for good. Any thread. */
void embed_remote_stop(void);
void embed_remote_cleanup(void); /* at the end, when no embedder is left */

/* Asks the service once for how many dimensions it has: blocks as embed_texts() does. */
MUST_USE int embed_remote_open(struct embedder **out, const struct embed_remote_params *p,
			       char why[static EMBED_WHY]);
/* The name that embedder would have. */
void embed_remote_name(const struct embed_remote_params *p, char name[static EMBED_NAME_MAX]);
/* NULL, or what is wrong with a URL. */
const char *embed_remote_check_url(const char *url);

/* An answer of the service for n texts: `out` [n][dim], dim >= *width. *width 0: any up to dim, else
 * exactly that. 0 or -EBADMSG and a sentence; -ENOMEM. Any octets. */
MUST_USE int embed_remote_parse(struct bytes body, size_t n, unsigned dim, unsigned *width, float *out,
				char why[static EMBED_WHY]);
