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

#include "base/buf.h"
#include "knowledge/passages.h"

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
/* How much a collection has changed since one of its generations. */
struct store_change {
	int64_t documents, passages;           /* there are now */
	int64_t changed_documents, changed_passages; /* of them, put or marked since */
};
MUST_USE int store_change(struct store *s, int64_t collection, int64_t since,
			  struct store_change *out);

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

struct store_learned {
	const char *embedder; /* its name */
	unsigned dim;
	struct bytes model;
	size_t n_vectors;
	const int64_t *passages; /* [n_vectors] */
	const int8_t *vectors;   /* [n_vectors][dim] */
	size_t n_words;
	const struct store_word *words;
	int64_t generation; /* of the collection it was learned from */
};

/* Replace all of it in one transaction. */
MUST_USE int store_learn(struct store *s, int64_t collection, const struct store_learned *l);
/* The embedder's model, appended to `model`; -ENOENT before the first store_learn(). */
MUST_USE int store_embedder(struct store *s, int64_t collection, struct buf *model,
			    unsigned *dim, int64_t *generation);

/* A number that changes when another embedder was learned or chosen; 0: there is none. Quick. */
MUST_USE int store_embedder_stamp(struct store *s, int64_t collection, int64_t *stamp);

/* Is the file whole? SQLite's own check; slow. 0, or -EBADMSG with the reason. */
MUST_USE int store_check(struct store *s);
