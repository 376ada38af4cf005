/* embed_static.h - a static-embedding model in a local folder: a vector for each token.
 *
 * model.safetensors (the tensor "embeddings", as model2vec and potion publish it, with optional
 * "weights" and "mapping" by token; or "embedding.weight", as Sentence Transformers' StaticEmbedding
 * does) and tokenizer.json (tokenizer.h); in the folder itself or in its 0_StaticEmbedding. A
 * text's vector is the mean of its tokens' vectors. Read into memory once; nothing is downloaded.
 */
#pragma once

#include "knowledge/embed.h"

/* 0, or -errno and a sentence that names the file. */
MUST_USE int embed_static_open(struct embedder **out, const char *folder, char why[static EMBED_WHY]);
/* Lets go of the model that is kept in memory because collections use it. At the end. */
void embed_static_forget(void);
