#include "app/vocabulary.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/file.h"
#include "base/alloc.h"
#include "engine/adapt.h"
#include "knowledge/labels.h"
#include "knowledge/store.h"

static int folder_of(const char *data, char to[static VOCABULARY_PATH])
{
	return snprintf(to, VOCABULARY_PATH, "%s/recogniser", data) < VOCABULARY_PATH - 100 ? 0 :
											  -ENAMETOOLONG;
}

int vocabulary_find(struct store *s, const char *data, const char *collection,
		    struct vocabulary *out)
{
	char folder[VOCABULARY_PATH];
	int64_t id;
	int r = folder_of(data, folder);

	if (r == 0)
		r = store_collection(s, collection, &id);
	if (r == 0)
		r = store_generation(s, id, &out->generation);
	if (r != 0)
		return r;
	bool fits = snprintf(out->dict, VOCABULARY_PATH, "%s/%.60s-%" PRId64 ".dict", folder, collection,
			     out->generation) < VOCABULARY_PATH &&
		    snprintf(out->lm, VOCABULARY_PATH, "%s/%.60s-%" PRId64 ".lm", folder, collection,
			     out->generation) < VOCABULARY_PATH;
	return fits ? 0 : -ENAMETOOLONG;
}

bool vocabulary_exists(const struct vocabulary *v)
{
	return access(v->dict, R_OK) == 0 && access(v->lm, R_OK) == 0;
}

static int add_passage(void *ctx, const struct store_passage *p)
{
	int r = adapt_add(ctx, p->text);

	return r == 0 ? adapt_add(ctx, bytes_str(p->heading)) : r;
}

/* What everybody may read: a recogniser serves all, and what it knows it writes into captions. */
struct open_documents {
	struct adapt *adapt;
	int64_t *ids;
	size_t n, cap;
};

static int add_title(void *ctx, const struct store_document *d)
{
	struct open_documents *o = ctx;

	if (!labels_admit(d->labels, ""))
		return 0;
	if (!mem_grow(&o->ids, &o->cap, o->n, sizeof(*o->ids)))
		return -ENOMEM;
	o->ids[o->n++] = d->id;
	return adapt_add(o->adapt, bytes_str(d->title));
}

static int add_open(struct store *s, int64_t collection, struct adapt *a)
{
	struct open_documents o = { .adapt = a };
	int r = store_documents(s, collection, add_title, &o);

	for (size_t i = 0; r == 0 && i < o.n; i++)
		r = store_document_passages(s, o.ids[i], add_passage, a);
	mem_free(o.ids);
	return r;
}

/* Files of this collection two generations back or more: no decoder is built from them now. */
static void remove_old(const char *data, const char *collection, int64_t generation)
{
	char folder[VOCABULARY_PATH], path[2 * VOCABULARY_PATH], prefix[80];
	DIR *d = folder_of(data, folder) == 0 ? opendir(folder) : NULL;
	int64_t newest = -1; /* below `generation` */
	int n = snprintf(prefix, sizeof(prefix), "%.60s-", collection);

	for (int pass = 0; d && pass < 2; pass++, rewinddir(d))
		for (struct dirent *e; (e = readdir(d));) {
			if (strncmp(e->d_name, prefix, (size_t)n) != 0)
				continue;
			int64_t g = strtoll(e->d_name + n, NULL, 10);

			if (pass == 0 && g < generation)
				newest = MAX(newest, g);
			snprintf(path, sizeof(path), "%s/%.255s", folder, e->d_name);
			if (pass == 1 && g < newest)
				unlink(path);
		}
	if (d)
		closedir(d);
}

int vocabulary_make(struct store *s, const char *data, const char *collection,
		    struct vocabulary *out, char why[static VOCABULARY_WHY])
{
	AUTO(adapt) struct adapt *a = NULL;
	char folder[VOCABULARY_PATH];
	int64_t id;
	int r = vocabulary_find(s, data, collection, out);

	snprintf(why, VOCABULARY_WHY, "the documents' words could not be prepared for the recogniser");
	if (r != 0 || vocabulary_exists(out))
		return r;
	r = folder_of(data, folder);
	if (r == 0)
		r = file_mkdir(folder, why);
	if (r == 0)
		r = adapt_new(&a, NULL);
	if (r == -ENOENT)
		snprintf(why, VOCABULARY_WHY,
			 "the speech model is missing; install it with: apt-get install pocketsphinx-en-us");
	if (r == 0)
		r = store_collection(s, collection, &id);
	if (r == 0)
		r = add_open(s, id, a);
	if (r == 0)
		r = adapt_write(a, out->dict, out->lm, NULL);
	if (r == -EINVAL)
		return -ENODATA;
	if (r == 0)
		remove_old(data, collection, out->generation);
	return r;
}
