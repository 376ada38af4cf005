/* store.h - the truth on disk: documents, passages and what was learned from them.
 *
 * SQLite in the data directory, `voiced.db`, WAL, synchronous FULL: what a function here
 * has returned 0 for survives a crash. One writer (other processes wait up to 10 s for
 * each other); a connection is used by one thread at a time; readers see the last commit.
 * Every row belongs to a collection, the unit of everything learned and of access.
 * Functions return 0 or -errno, and store_why() then holds a sentence for people. All of
 * this blocks: call it on a worker. Only store*.c and db.c see SQLite, and api/secrets.c,
 * which has a small database of its own.
 */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "document/passages.h"

struct store;

enum { STORE_WHY = 320, STORE_VERSION = 2, STORE_SHA = 32 };
#define STORE_DEFAULT_COLLECTION "default"

/* Route SQLite's memory through base/alloc. Once, before the first store is opened. */
MUST_USE int store_init(void);
void store_exit(void); /* gives back what SQLite keeps; no store may be open */

/* Open for writing; makes the directory and the database where they are missing.
 * -EACCES, -ENOSPC, -EPROTO (made by a newer version), -EBADMSG (damaged, or not ours) … */
MUST_USE int store_open(struct store **out, const char *dir, char why[static STORE_WHY]);
/* Open for reading. -ENOENT: nothing has been ingested into this directory yet. */
MUST_USE int store_reader_open(struct store **out, const char *dir, char why[static STORE_WHY]);
void store_close(struct store *s);
static inline void store_auto_(struct store **p) /* AUTO(store) struct store *s = NULL; */
{
	store_close(*p);
}
const char *store_why(const struct store *s); /* of the last failure; borrowed */

/* --- collections ----------------------------------------------------------------- */

/* Its number; -ENOENT where there is none. The writer's call makes it. */
MUST_USE int store_collection(struct store *s, const char *name, int64_t *out);
/* Names, oldest first. A callback that returns non-zero ends the walk with that value. */
MUST_USE int store_collections(struct store *s, int (*each)(void *ctx, const char *name),
			       void *ctx);
/* Grows with every change of the collection's documents. */
MUST_USE int store_generation(struct store *s, int64_t collection, int64_t *out);

/* Between these two a reader sees one state of the database, whatever is written meanwhile. */
MUST_USE int store_hold(struct store *s);
void store_release(struct store *s);

/* --- documents ------------------------------------------------------------------- */

struct store_document {
	int64_t id, collection;
	const char *path;  /* unique in its collection: a real path, or the name of an upload */
	const char *title; /* never NULL; "" where none was found                             */
	const char *type;  /* "markdown", "text", "html", "pdf"                               */
	uint8_t sha256[STORE_SHA]; /* of the file's content */
	int64_t size, mtime_us;
	unsigned n_pages, n_passages;
	size_t n_text; /* octets of extracted text */
	/* Sets of words, "\n" before, between and after them: "\na\nb\n"; "" is none. Tags are
	 * asked for, labels are what a reader's groups must meet. */
	const char *tags, *labels;
	int64_t version; /* the collection's generation when it last changed */
};

enum store_put { STORE_ADDED, STORE_UPDATED };

/* Insert the document, or replace the one at the same path (it keeps its id): text,
 * passages and full-text index in one transaction. d->id, n_passages and version are ignored;
 * tags or labels that are NULL stay what they were. */
MUST_USE int store_put(struct store *s, const struct store_document *d, struct bytes text,
		       const struct passages *p, int64_t *id, enum store_put *how);
MUST_USE int store_remove(struct store *s, int64_t document);
/* Replace a document's tags or labels; NULL leaves them. -ENOENT. */
MUST_USE int store_mark(struct store *s, int64_t document, const char *tags, const char *labels);

/* The file behind a document. */
struct store_file {
	int64_t id;
	const char *path, *title;
	const uint8_t *sha256; /* [STORE_SHA] */
	int64_t size, mtime_us;
};

/* The document at a path and all below it, as of a folder; "" is all of the collection. By
 * path; texts are not read. The row is borrowed for the length of the call. */
MUST_USE int store_files(struct store *s, int64_t collection, const char *path,
			 int (*each)(void *ctx, const struct store_file *f), void *ctx);
/* The same content at another path; a title of NULL stays. -ENOENT; -EEXIST: something else
 * is at this path. */
MUST_USE int store_rename(struct store *s, int64_t document, const char *path, const char *title,
			  int64_t mtime_us);
/* The same content, written again: no change that anybody sees. */
MUST_USE int store_touch(struct store *s, int64_t document, int64_t mtime_us);
/* Another number whenever another connection has changed anything. */
MUST_USE int store_changed_by_others(struct store *s, int64_t *out);
/* What is put, marked and removed between these two is one transaction and one fsync: nothing of
 * it is acknowledged before store_commit(s, 0) has returned 0; with r < 0 all of it is undone and
 * r returned. A call that fails in between undoes only itself. */
MUST_USE int store_batch(struct store *s);
MUST_USE int store_commit(struct store *s, int r);
/* -ENOENT: no document at this path. */
MUST_USE int store_find(struct store *s, int64_t collection, const char *path, int64_t *id,
			uint8_t sha256[static STORE_SHA]);
/* All of a collection, by path. The row is borrowed for the length of the call. */
MUST_USE int store_documents(struct store *s, int64_t collection,
			     int (*each)(void *ctx, const struct store_document *d), void *ctx);
/* Only which there are and when they changed; quick, in no order. */
MUST_USE int store_versions(struct store *s, int64_t collection,
			    int (*each)(void *ctx, int64_t document, int64_t version), void *ctx);
/* How many documents and passages a collection has. */
struct store_size {
	int64_t documents, passages;
};
MUST_USE int store_size(struct store *s, int64_t collection, struct store_size *out);
/* Only those that these groups may read (labels.h); NULL: all. */
MUST_USE int store_size_seen(struct store *s, int64_t collection, const char *groups,
			     struct store_size *out);
/* One row; path, title and type are copied to `strings`. -ENOENT. */
MUST_USE int store_document(struct store *s, int64_t id, struct buf *strings,
			    struct store_document *out);
/* The extracted text from *start to *end (octets), both moved outward to the next
 * boundary of a character and into the text. Appends to `out`. -ENOENT. */
MUST_USE int store_text(struct store *s, int64_t id, size_t *start, size_t *end,
			struct buf *out);

/* --- passages --------------------------------------------------------------------- */

struct store_passage {
	int64_t id, document;
	unsigned ordinal, page;
	size_t start, end;
	const char *heading, *path;
	struct bytes text;
	struct bytes vector; /* int8 each; {NULL, 0}: not learned yet */
};

/* Of one document, or of all; by document and ordinal. Borrowed for the length of the call. */
MUST_USE int store_document_passages(struct store *s, int64_t document,
				     int (*each)(void *ctx, const struct store_passage *p),
				     void *ctx);
MUST_USE int store_passages(struct store *s, int64_t collection,
			    int (*each)(void *ctx, const struct store_passage *p), void *ctx);
/* The passage of a document in which this octet of its text stands; heading and path are
 * copied to `strings`, text and vector are left out. -ENOENT: none, or no such document. */
MUST_USE int store_passage_at(struct store *s, int64_t document, size_t at, struct buf *strings,
			      struct store_passage *out);
/* SQLite's own full-text ranking (bm25): for comparison, and where no index is loaded.
 * `words` separated by blanks, any of them; best first; scores are positive. */
MUST_USE int store_fts(struct store *s, int64_t collection, const char *words, size_t k,
		       int (*each)(void *ctx, int64_t passage, double score), void *ctx);

/* --- what is learned --------------------------------------------------------------- */

/* Sentences of all documents, for a language model. Borrowed; each is one line. */
MUST_USE int store_sentences_foreach(struct store *s, int64_t collection,
				     int (*each)(void *ctx, struct bytes sentence), void *ctx);

struct store_word {
	const char *word; /* as it is written, lower-case */
	int64_t count;
};

/* The collection's words with their counts, most frequent first. */
MUST_USE int store_words_foreach(struct store *s, int64_t collection,
				 int (*each)(void *ctx, const struct store_word *w), void *ctx);

/* Words that came with documents: counts are added to what is there; with replace they are all
 * there is. They are those of the collection up to this generation, when it had `passages`. */
enum store_how { STORE_MERGE, STORE_REPLACE };
MUST_USE int store_put_words(struct store *s, int64_t collection, const struct store_word *words,
			     size_t n, enum store_how how, int64_t generation, int64_t passages);

/* A passage with all that stands above it. Borrowed for the length of the call. */
struct store_text {
	int64_t passage;
	const char *title; /* of the document; "" */
	const char *heading, *path;
	struct bytes text;
};

/* Every step-th passage of a collection, from its first on. */
MUST_USE int store_sample(struct store *s, int64_t collection, size_t step,
			  int (*each)(void *ctx, const struct store_text *p), void *ctx);

/* Which passages a walk is about; bounded portions, so that no reading lasts long. */
struct store_walk {
	int64_t collection;
	int64_t after;     /* of documents that changed after this generation; -1: of all */
	bool without_vector; /* only those that have none                                 */
	int64_t document;  /* moved on; 0 at the beginning                               */
};
/* The next passages: whole documents, until there are `limit` or no more. How many, or -errno. */
MUST_USE ssize_t store_walk(struct store *s, struct store_walk *w, size_t limit,
			    int (*each)(void *ctx, const struct store_text *p), void *ctx);
/* How many passages it is about in all. */
MUST_USE int store_walk_size(struct store *s, const struct store_walk *w, int64_t *n);

struct store_learned {
	const char *embedder; /* its name */
	unsigned dim;
	struct bytes model;
	size_t n_vectors;
	const int64_t *passages; /* [n_vectors] */
	const int8_t *vectors;   /* [n_vectors][dim] */
	int64_t generation; /* of the collection, from before the first passage was read */
};

/* Replace the collection's embedder and all its vectors in one transaction; the collection's
 * generation grows, so that whoever has it in memory reads it anew. */
MUST_USE int store_learn(struct store *s, int64_t collection, const struct store_learned *l);
/* Add vectors of passages that have none, made by the embedder that is there (l->embedder and dim
 * must be its, else -ESTALE); model is not looked at. With STORE_ANNOUNCE the documents count as
 * changed, for vectors that only we could make. */
enum store_news { STORE_QUIET, STORE_ANNOUNCE };
MUST_USE int store_add_vectors(struct store *s, int64_t collection, const struct store_learned *l,
			       enum store_news news);
/* The embedder's model, appended to `model`; -ENOENT before the first store_learn(). */
MUST_USE int store_embedder(struct store *s, int64_t collection, struct buf *model,
			    unsigned *dim, int64_t *generation);

/* A number that changes when another embedder was learned or chosen; 0: there is none. Quick. */
MUST_USE int store_embedder_stamp(struct store *s, int64_t collection, int64_t *stamp);

/* A file without a name beside the database, gone with its descriptor; -errno. */
MUST_USE int store_spool(struct store *s);

/* How far learning has come; cheap. */
enum { STORE_EMBEDDER_NAME = 200 };
struct store_state {
	char embedder[STORE_EMBEDDER_NAME]; /* "": none yet */
	unsigned dim;
	int64_t embedder_generation; /* when it was put there: another one, another embedder */
	int64_t words, vectors;      /* generations up to which they are; -1: never          */
	int64_t word_passages;       /* how many there were when words were counted          */
	int64_t generation;          /* of the documents now                                 */
	char next[STORE_EMBEDDER_NAME]; /* the embedder whose vectors are being made, or ""   */
	int64_t done, total;         /* passages of it                                       */
};
MUST_USE int store_state(struct store *s, int64_t collection, struct store_state *out);
/* Says what store_state() will say of work under way; name NULL: none is (so does store_learn()). */
MUST_USE int store_say_progress(struct store *s, int64_t collection, const char *name, int64_t done,
				int64_t total);

/* Vectors of a service, remembered by its name and the text's SHA-256. -ENOENT: not there, or not
 * of this length. */
MUST_USE int store_cached(struct store *s, const char *name, const uint8_t sha256[static STORE_SHA],
			  int8_t *vector, unsigned dim);
MUST_USE int store_cache(struct store *s, const char *name, const uint8_t (*sha256)[STORE_SHA],
			 const int8_t *vectors, unsigned dim, size_t n);
/* Forget those of embedders that no collection has. */
MUST_USE int store_cache_prune(struct store *s);

/* Is the file whole? SQLite's own check; slow. 0, or -EBADMSG with the reason. */
MUST_USE int store_check(struct store *s);
