#include "engine/answer.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "document/sentences.h"
#include "engine/question.h"
#include "engine/topic.h"

enum { RESULTS_MAX = 8, SENTENCES_MAX = 160, NEIGHBOURS_MAX = 5 };

/* How much of the question's weight a sentence and what stands above it must cover, and what
 * a word weighs that the collection has never seen: typed, it names what the documents lack;
 * heard, it is most likely another word. Chosen on questions of our own, see docs/engine.md. */
static const struct manner {
	double enough;	  /* any sentence of the subject could seem an answer */
	double enough_of; /* it states the kind of thing that is asked for    */
	double strange;
	size_t well_met;  /* so many other terms make up for the rarest one   */
} manners[] = {
	[ANSWER_TYPED] = { 0.7, 0.62, 1.3, 3 },
	[ANSWER_HEARD] = { 0.6, 0.55, 0.3, 2 },
};

static const struct manner *manner_of(const struct question *q)
{
	return &manners[q->heard ? ANSWER_HEARD : ANSWER_TYPED];
}

/* A key term must be met at least so well. */
#define KEY_MET	  0.4
/* Said in the sentence or its heading. */
#define WELL_MET  0.7

/* What a term that stands around the sentence is worth. */
#define IN_HEADING  0.75
#define IN_TITLE    0.5
#define IN_SUBJECT  0.9 /* in the sentence before one that begins with "it" */
#define IN_SENTENCE_BEFORE 0.35 /* below KEY_MET: it may be about another thing */

/* --- sentences -------------------------------------------------------------------------- */

struct sentence {
	size_t result;     /* which of the results       */
	size_t start, end; /* octets in that one's text  */
	double has[TERMS_MAX]; /* 0..1: how well each term is there */
	double covered;    /* 0..1: weighted share of the question */
	double score;      /* 0: does not answer                    */
	size_t n_words;
};

struct results {
	const json_t *row[RESULTS_MAX];
	struct bytes text[RESULTS_MAX];
	size_t n;
};

static void take_results(struct results *r, const json_t *all)
{
	const json_t *rows = json_object_get(all, "results");

	r->n = 0;
	for (size_t i = 0; i < json_array_size(rows) && r->n < RESULTS_MAX; i++) {
		const json_t *row = json_array_get(rows, i);
		const char *text = json_str(row, "text", "");

		if (!*text)
			continue;
		r->row[r->n] = row;
		r->text[r->n++] = bytes_str(text);
	}
}

/* Marks in has[] how well each term is met in `text`, worth `worth`; returns the words. */
static size_t mark(const struct question *q, struct bytes text, double worth, double *has)
{
	struct word w;
	size_t n = 0;

	for (size_t pos = 0; word_next(text, &pos, &w); n++) {
		word_to_term(&w);
		for (size_t i = 0; i < q->n_terms; i++)
			has[i] = MAX(has[i], question_meets(q, i, &w) * worth);
	}
	return n;
}

static size_t cut_sentences(const struct question *q, const struct results *r, struct sentence *out)
{
	size_t n = 0;

	for (size_t k = 0; k < r->n; k++) {
		struct span s;

		for (size_t pos = 0; n < SENTENCES_MAX && sentence_next(r->text[k], &pos, &s);) {
			struct sentence *x = &out[n];
			bool seen = false;

			*x = (struct sentence){ .result = k, .start = s.start, .end = s.end };
			x->n_words = mark(q, bytes_sub(r->text[k], s.start, s.end - s.start), 1.0,
					  x->has);
			/* Overlapping passages repeat sentences. */
			for (size_t i = 0; i < n && !seen; i++)
				seen = out[i].end - out[i].start == s.end - s.start &&
				       memcmp(r->text[out[i].result].p + out[i].start,
					      r->text[k].p + s.start, s.end - s.start) == 0;
			n += x->n_words > 0 && !seen;
		}
	}
	return n;
}

/* Where the index said nothing (another tool's results), rarity among the sentences. */
static double rarity(const struct sentence *all, size_t n, size_t t)
{
	double df = 0;

	for (size_t i = 0; i < n; i++)
		df += all[i].has[t] > 0.5;
	return log(1.0 + (double)(n + 1) / (df > 0 ? df : 1.5));
}

static void weigh(struct question *q, const struct sentence *all, size_t n)
{
	for (size_t i = 0; i < q->n_terms; i++) {
		struct term *t = &q->terms[i];

		if (t->weight <= 0)
			t->weight = rarity(all, n, i);
		if (!t->known && !t->n_like)
			t->weight *= manner_of(q)->strange;
		t->weight *= t->share;
	}
}

/* --- what a sentence holds ----------------------------------------------------------------- */

static struct bytes text_of(const struct results *r, const struct sentence *s)
{
	return bytes_sub(r->text[s->result], s->start, s->end - s->start);
}

/* Its subject stands in the sentence before. */
static bool leans_back(struct bytes text)
{
	static const char *const words[] = { "it",   "they",  "this", "these", "those", "he",	"she",
					     "its",  "their", "such", "then",  "there", "both", "however",
					     "his",  "her" };
	struct word w;
	size_t pos = 0;

	if (!word_next(text, &pos, &w))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], w.s) == 0)
			return true;
	return false;
}

static double cover(const struct question *q, const double *has)
{
	double sum = 0, all = 0;

	for (size_t t = 0; t < q->n_terms; t++) {
		sum += has[t] * q->terms[t].weight;
		all += q->terms[t].weight;
	}
	return all > 0 ? sum / all : 0;
}

enum beginning { BEGINS_OTHERWISE, BEGINS_WITH_TERM, DEFINES };

/* "… is a", "… means", ": " at pos, where the words for what is defined end. */
static bool defines(struct bytes text, size_t pos)
{
	struct word verb, next;

	if (pos < text.n && text.p[pos] == ':')
		return true;
	if (!word_next(text, &pos, &verb))
		return false;
	if (shape_listed("means refers describes contains denotes", verb.s))
		return true;
	return shape_listed("is are was were", verb.s) && word_next(text, &pos, &next) &&
	       shape_listed("a an the one any what used where when those all", next.s);
}

/* "What is X?": the sentence that begins with X is about it; "X is …" defines it. */
static enum beginning beginning(const struct question *q, struct bytes text)
{
	struct word w;
	size_t n_terms = 0, end = 0;

	for (size_t pos = 0; word_next(text, &pos, &w);) {
		struct word term = w;
		bool met = false;

		word_to_term(&term);
		for (size_t t = 0; t < q->n_terms && !met; t++)
			met = question_meets(q, t, &term) > KEY_MET;
		n_terms += met;
		end = met ? w.end : end;
		if (met || (!n_terms && shape_listed("a an the in each every", w.s)))
			continue;
		break;
	}
	if (!n_terms)
		return BEGINS_OTHERWISE;
	return n_terms >= q->n_terms && defines(text, end) ? DEFINES : BEGINS_WITH_TERM;
}

/* By whether a definition is asked for. */
static const double worth_of[2][3] = {
	{ [BEGINS_OTHERWISE] = 1, [BEGINS_WITH_TERM] = 1.08, [DEFINES] = 1.08 },
	{ [BEGINS_OTHERWISE] = 1, [BEGINS_WITH_TERM] = 1.08, [DEFINES] = 1.4 },
};

static bool is_counted(const void *ctx, const struct word *w)
{
	const struct question *q = ctx;
	struct word term = *w;

	word_to_term(&term);
	if (q->counted == SIZE_MAX || question_meets(q, q->counted, &term) > KEY_MET)
		return true;
	/* Who counts staff or guests counts people. */
	return shape_listed("people person", w->s) &&
	       shape_listed("staff employe member worker visitor guest passeng inhabit", q->terms[q->counted].s);
}

static bool is_asked(const void *ctx, const struct word *w)
{
	const struct question *q = ctx;
	struct word term = *w;

	word_to_term(&term);
	for (size_t t = 0; t < q->n_terms; t++)
		if (question_meets(q, t, &term) > KEY_MET)
			return true;
	return false;
}

static bool has_shape(const struct question *q, struct bytes text)
{
	struct shape_of of = { q->dimension[0] ? q->dimension : NULL, is_counted, is_asked, q };
	struct said said;

	if (q->shape == SHAPE_ANY)
		return true;
	said_make(&said, text);
	return shape_holds(q->shape, &said, &of);
}

/* A word that the recogniser may have made of another. */
static bool is_doubtful(const struct question *q, const struct term *t)
{
	return q->heard && !t->known && !t->n_like;
}

/* All that names what is asked for is there, and the rarest word. */
static bool has_keys(const struct question *q, const double *has)
{
	size_t rarest = SIZE_MAX, met = 0, asked = 0;
	bool sort = true;

	for (size_t t = 0; t < q->n_terms; t++) {
		if (is_doubtful(q, &q->terms[t]))
			continue;
		asked++;
		if (q->terms[t].key && has[t] < KEY_MET)
			return false;
		met += has[t] >= WELL_MET;
		sort = sort && (!q->terms[t].sort || has[t] >= KEY_MET);
		if (!q->terms[t].sort && (rarest == SIZE_MAX || q->terms[t].weight > q->terms[rarest].weight))
			rarest = t;
	}
	/* One word of many may be misheard, where the kind of answer is sure. */
	bool sure = rarest == SIZE_MAX || has[rarest] >= KEY_MET ||
		    ((q->heard || q->shape != SHAPE_ANY) && met >= manner_of(q)->well_met &&
		     met + 1 == asked);
	return asked && sure && (sort || (met >= 2 && met + 1 == asked));
}

/* The terms of the sentence's surroundings, added to its own. */
static void mark_around(const struct question *q, const struct results *r, const struct sentence *all,
			size_t i, double *has)
{
	const struct sentence *s = &all[i];
	const json_t *row = r->row[s->result];

	memcpy(has, s->has, sizeof(s->has));
	mark(q, bytes_str(json_str(row, "headings", json_str(row, "heading", ""))), IN_HEADING, has);
	mark(q, bytes_str(json_str(row, "title", "")), IN_TITLE, has);
	if (i == 0 || all[i - 1].result != s->result)
		return;
	double worth = leans_back(text_of(r, s)) ? IN_SUBJECT : IN_SENTENCE_BEFORE;
	for (size_t t = 0; t < q->n_terms; t++)
		has[t] = MAX(has[t], all[i - 1].has[t] * worth);
}

static void score(const struct question *q, const struct results *r, struct sentence *all, size_t i)
{
	struct sentence *s = &all[i];
	struct bytes text = text_of(r, s);
	const struct manner *m = manner_of(q);
	double has[TERMS_MAX], own = cover(q, s->has);

	mark_around(q, r, all, i, has);
	s->covered = cover(q, has);
	s->score = 0;
	if (own <= 0 || s->covered < (q->shape == SHAPE_ANY ? m->enough : m->enough_of) || !has_keys(q, has) ||
	    !has_shape(q, text))
		return;
	/* What the sentence itself says counts, its surroundings help. */
	s->score = 0.7 * s->covered + 0.3 * own;
	s->score *= worth_of[q->defines][beginning(q, text)];
	if (s->n_words < 4)
		s->score *= 0.5; /* a heading, a cell of a table */
	if (s->n_words > 45)
		s->score *= 0.85;
	s->score *= 1.0 - 0.02 * (double)s->result;
}

/* --- the parts of the answer ------------------------------------------------------------------ */

/* Appends the sentence without markup. */
static void put_plain(struct buf *b, struct bytes t)
{
	size_t i = 0;

	/* A list's bullet or a quotation's mark. */
	while (i < t.n && strchr("-*+>#| \t", t.p[i]))
		i++;
	for (; i < t.n; i++) {
		char c = (char)t.p[i];

		if (c == '`' || c == '*' || (c == '_' && (i + 1 == t.n || t.p[i + 1] == ' ')))
			continue;
		buf_putc(b, c == '\n' || c == '\t' || c == '|' ? ' ' : c);
	}
	while (b->n && b->p[b->n - 1] == ' ')
		b->p[--b->n] = '\0';
	if (b->n && !strchr(".!?:;", b->p[b->n - 1]))
		buf_putc(b, '.');
}

/* Octets of a long title up to where its name ends: "Staff Handbook of the …". */
static size_t short_title(const char *title, size_t n)
{
	static const char *const ends[] = { " of ", ": ", " - ", " for ", ", ", " (", " \xe2\x80\x93 ",
					    " \xe2\x80\x94 " };
	size_t best = n;

	if (n <= 32)
		return n;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		const char *hit = strstr(title + 5, ends[i]);

		if (hit)
			best = MIN(best, (size_t)(hit - title));
	}
	return best;
}

/* A title fit to be spoken: "staff-handbook.md" is "staff handbook". */
static void put_title(struct buf *b, const char *title)
{
	const char *slash = strrchr(title, '/'), *name = slash && slash[1] ? slash + 1 : title;
	const char *dot = strrchr(name, '.');
	bool file = dot && strlen(dot) <= 6 && strlen(dot) > 1 && !strchr(name, ' ');
	size_t n = file ? (size_t)(dot - name) : strlen(name);

	if (!file)
		n = short_title(name, n);
	for (size_t i = 0; i < n; i++)
		buf_putc(b, file && (name[i] == '-' || name[i] == '_') ? ' ' : name[i]);
}

static char *whereabouts(const json_t *row)
{
	AUTO(buf) struct buf b = { 0 };
	const char *title = json_str(row, "title", ""), *heading = json_str(row, "heading", "");
	int64_t page = json_int(row, "page", 0);

	if (!*title)
		title = json_str(row, "file", "your documents");
	if (page > 0) {
		buf_puts(&b, "That is in ");
		put_title(&b, title);
		buf_printf(&b, ", page %d.", (int)page);
	} else {
		buf_puts(&b, "From ");
		put_title(&b, title);
		/* The heading of the whole document is its title over again. */
		if (*heading && strcmp(heading, title) != 0)
			buf_printf(&b, ", under \"%s\"", heading);
		buf_putc(&b, '.');
	}
	return buf_take(&b);
}

/* Sentences first..last (neighbours) become a part. */
static int add_part(struct answer *a, const struct results *r, const struct sentence *all,
		    size_t first, size_t last)
{
	const json_t *row = r->row[all[first].result];
	struct bytes text = r->text[all[first].result];
	size_t from = all[first].start, to = all[last].end;
	int64_t start = json_int(row, "start", 0);
	AUTO(buf) struct buf said = { 0 };
	struct answer_part *p = &a->parts[a->n_parts];

	for (size_t i = first; i <= last; i++) {
		AUTO(buf) struct buf one = { 0 };

		put_plain(&one, bytes_sub(text, all[i].start, all[i].end - all[i].start));
		if (i > first)
			buf_putc(&said, ' ');
		buf_put(&said, one.p, one.n);
		said.failed = said.failed || one.failed;
	}
	*p = (struct answer_part){
		.text = buf_take(&said),
		.source = json_pack("{s:O*,s:O*,s:s,s:O*,s:O*,s:I,s:I,s:s%}", "document",
				    json_object_get(row, "document"), "file",
				    json_object_get(row, "file"), "title",
				    json_str(row, "title", json_str(row, "file", "")), "page",
				    json_object_get(row, "page"), "heading",
				    json_object_get(row, "heading"), "start",
				    (json_int_t)(start + (int64_t)from), "end",
				    (json_int_t)(start + (int64_t)to), "quote",
				    (const char *)text.p + from, to - from),
		.whereabouts = whereabouts(row),
	};
	a->n_parts++;
	return p->text && p->source && p->whereabouts ? 0 : -ENOMEM;
}

/* Same passage, and nothing left out between. */
static bool neighbours(const struct sentence *all, size_t n, size_t a, size_t b)
{
	return b < n && a < n && all[a].result == all[b].result;
}

/* How far the quotation reaches around the best sentence. */
static void widen(const struct question *q, const struct results *r, const struct sentence *all,
		  size_t n, size_t best, size_t *first, size_t *last)
{
	*first = *last = best;
	if (best > 0 && neighbours(all, n, best - 1, best) && leans_back(text_of(r, &all[best])) &&
	    all[best - 1].n_words + all[best].n_words < 60)
		*first = best - 1;
	struct bytes t = text_of(r, &all[best]);
	/* "… as follows:" is answered by what follows. */
	if (t.n && t.p[t.n - 1] == ':') {
		while (*last - best < NEIGHBOURS_MAX && neighbours(all, n, best, *last + 1))
			++*last;
		return;
	}
	if (!neighbours(all, n, best, best + 1) || all[best].n_words + all[best + 1].n_words > 60)
		return;
	/* The next sentence speaks of the question's rarer words too, or goes on with steps. */
	if ((all[best + 1].score >= 0.85 * all[best].score && q->shape != SHAPE_COUNT) ||
	    (q->shape == SHAPE_WAY && leans_back(text_of(r, &all[best + 1]))))
		*last = best + 1;
}

static size_t best_of(const struct sentence *all, size_t n, size_t not_from, size_t not_to)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < n; i++)
		if ((i < not_from || i > not_to) && (best == SIZE_MAX || all[i].score > all[best].score))
			best = i;
	return best;
}

/* Does b answer words of the question that a leaves open? */
static bool adds(const struct question *q, const struct sentence *a, const struct sentence *b)
{
	double more[TERMS_MAX] = { 0 };

	for (size_t t = 0; t < q->n_terms; t++)
		more[t] = MAX(b->has[t] - a->has[t], 0.0);
	return cover(q, more) > 0.3;
}

static int choose(struct answer *a, const struct question *q, const struct results *r,
		  const struct sentence *all, size_t n)
{
	size_t best = best_of(all, n, SIZE_MAX, 0), first, last;

	if (best == SIZE_MAX || all[best].score <= 0)
		return 0;
	widen(q, r, all, n, best, &first, &last);
	if (add_part(a, r, all, first, last) != 0)
		return -ENOMEM;
	size_t second = best_of(all, n, first, last);
	if (second == SIZE_MAX || all[second].score < 0.9 * all[best].score ||
	    !adds(q, &all[best], &all[second]))
		return 0;
	return add_part(a, r, all, second, second);
}

int answer_find(struct answer *a, const char *query, enum answer_manner m, const json_t *results)
{
	struct question q;
	struct results r;
	struct sentence *all;
	int err = 0;

	answer_done(a);
	question_make(&q, query, json_object_get(results, "words"));
	q.heard = m == ANSWER_HEARD;
	take_results(&r, results);
	if (!q.n_terms || !r.n)
		return 0;
	all = mem_calloc(SENTENCES_MAX, sizeof(*all));
	if (!all)
		return -ENOMEM;
	size_t n = cut_sentences(&q, &r, all);
	weigh(&q, all, n);
	for (size_t i = 0; i < n; i++)
		score(&q, &r, all, i);
	err = choose(a, &q, &r, all, n);
	mem_free(all);
	if (err != 0)
		answer_done(a);
	return err;
}

void answer_done(struct answer *a)
{
	for (size_t i = 0; i < a->n_parts; i++) {
		mem_free(a->parts[i].text);
		mem_free(a->parts[i].whereabouts);
		json_decref(a->parts[i].source);
	}
	*a = (struct answer){ 0 };
}

/* --- queries --------------------------------------------------------------------------------- */

static bool is_informative(struct word w)
{
	return !word_is_stop(&w) && !question_is_asking(&w);
}

/* Appends the informative words of `text`, as written; returns how many. */
static size_t put_informative(struct buf *b, const char *text)
{
	struct bytes t = bytes_str(text);
	struct word w;
	size_t n = 0;

	for (size_t pos = 0; word_next(t, &pos, &w);) {
		if (!is_informative(w))
			continue;
		if (b->n)
			buf_putc(b, ' ');
		buf_put(b, t.p + w.start, w.end - w.start);
		n++;
	}
	return n;
}

/* Appends what the question before was about: its terms, as written, without what told the
 * kind of answer ("how tall", "price"). */
static void put_subject(struct buf *b, const char *before)
{
	struct bytes t = bytes_str(before);
	struct question q;
	struct word w;

	question_make(&q, before, NULL);
	for (size_t i = 0; i < q.n_terms; i++) {
		size_t pos = q.terms[i].start;

		if (!word_next(t, &pos, &w))
			continue;
		buf_putc(b, ' ');
		buf_put(b, t.p + w.start, w.end - w.start);
	}
}

/* "How many people may it carry?" */
static bool points_back(const char *question)
{
	struct word w;

	for (size_t pos = 0; word_next(bytes_str(question), &pos, &w);)
		if (shape_listed("it its they them their he she him his her", w.s))
			return true;
	return false;
}

bool answer_has_subject(const char *question)
{
	struct question q;

	question_make(&q, question, NULL);
	return q.n_terms > 0;
}

char *answer_query(const char *question, const char *before)
{
	AUTO(buf) struct buf b = { 0 }, own = { 0 };
	bool leans = topic_goes_on(question) || points_back(question);

	buf_puts(&b, question);
	if (before && (leans ? put_informative(&own, question) < 3 : !answer_has_subject(question)))
		put_subject(&b, before);
	return own.failed ? NULL : buf_take(&b);
}
