#include "knowledge/seen.h"

#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "knowledge/labels.h"

static bool all_admitted(const struct index *x, const char *groups)
{
	for (size_t i = 0; i < index_n_documents(x); i++)
		if (!labels_admit(index_document(x, i)->labels, groups))
			return false;
	return true;
}

int seen_init(struct seen *v, const struct index *x, const char *groups)
{
	*v = (struct seen){ .x = x, .n_passages = index_n(x) };
	if (all_admitted(x, groups))
		return 0;
	v->documents = mem_calloc(index_n_documents(x), sizeof(*v->documents));
	if (!v->documents)
		return -ENOMEM;
	for (size_t i = 0; i < index_n_documents(x); i++)
		v->documents[i] = labels_admit(index_document(x, i)->labels, groups);
	for (size_t i = 0; i < index_n(x); i++)
		v->n_passages -= !seen_passage(v, i);
	return 0;
}

void seen_done(struct seen *v)
{
	mem_free(v->documents);
	v->documents = NULL;
}

bool seen_passage(const struct seen *v, size_t passage)
{
	return !v->documents || v->documents[index_passage(v->x, passage)->document];
}

static size_t count(const struct seen *v, int32_t term, size_t enough)
{
	struct posting_list l = index_postings(v->x, (size_t)term);
	size_t n = 0;

	if (!v->documents)
		return l.n;
	for (size_t i = 0; i < l.n && n < enough; i++)
		n += seen_passage(v, l.p[i].passage);
	return n;
}

bool seen_term(const struct seen *v, int32_t term)
{
	return term >= 0 && count(v, term, 1) > 0;
}

float seen_idf(const struct seen *v, int32_t term)
{
	float n = term < 0 ? 0 : (float)count(v, term, SIZE_MAX);

	return logf(1 + ((float)v->n_passages - n + 0.5f) / (n + 0.5f));
}
