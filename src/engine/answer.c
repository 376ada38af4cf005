#include "engine/answer.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "knowledge/sentences.h"
#include "knowledge/words.h"

enum { TERMS_MAX = 24, RESULTS_MAX = 8, SENTENCES_MAX = 160, NEIGHBOURS_MAX = 5 };

/* How much of the question's weight a sentence must cover. A question of one or two words
 * needs more of them: one word alone says little. */
#define ENOUGH	     0.45
#define ENOUGH_SHORT 0.6

/* --- the question ------------------------------------------------------------------- */

/* What kind of thing would answer. */
enum wants { WANTS_ANY, WANTS_NUMBER, WANTS_TIME, WANTS_PERSON, WANTS_PLACE, WANTS_REASON, WANTS_WAY };

/* Compared with the start of the question and after each blank; the first row wins. */
static const struct {
	const char *phrase;
	enum wants wants;
} openers[] = {
	{ "how many", WANTS_NUMBER },  { "how much", WANTS_NUMBER },  { "how long", WANTS_NUMBER },
	{ "how far", WANTS_NUMBER },   { "how old", WANTS_NUMBER },   { "how high", WANTS_NUMBER },
	{ "how big", WANTS_NUMBER },   { "how large", WANTS_NUMBER }, { "how fast", WANTS_NUMBER },
	{ "how deep", WANTS_NUMBER },  { "how tall", WANTS_NUMBER },  { "how wide", WANTS_NUMBER },
	{ "how cold", WANTS_NUMBER },  { "how warm", WANTS_NUMBER },  { "how heavy", WANTS_NUMBER },
	{ "how often", WANTS_NUMBER }, { "how strong", WANTS_NUMBER }, { "what does it cost", WANTS_NUMBER },
	{ "what time", WANTS_TIME },   { "what day", WANTS_TIME },    { "which day", WANTS_TIME },
	{ "which month", WANTS_TIME }, { "what year", WANTS_TIME },   { "how soon", WANTS_TIME },
	{ "what number", WANTS_NUMBER }, { "which number", WANTS_NUMBER },
	{ "when", WANTS_TIME },	       { "who", WANTS_PERSON },	      { "whom", WANTS_PERSON },
	{ "where", WANTS_PLACE },      { "why", WANTS_REASON },	      { "how do", WANTS_WAY },
	{ "how can", WANTS_WAY },      { "how should", WANTS_WAY },   { "what should", WANTS_WAY },
	{ "what must", WANTS_WAY },    { "what do i do", WANTS_WAY },
};

static enum wants wants_of(const char *q)
{
	size_t best_at = SIZE_MAX;
	enum wants wants = WANTS_ANY;

	for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
		const char *hit = strcasestr(q, openers[i].phrase);
		size_t at = hit ? (size_t)(hit - q) : SIZE_MAX, n = strlen(openers[i].phrase);

		if (!hit || (at > 0 && q[at - 1] != ' ') || isalpha((unsigned char)hit[n]))
			continue;
		if (at < best_at) {
			best_at = at;
			wants = openers[i].wants;
		}
	}
	return wants;
}

struct term {
	char s[WORD_MAX + 1];
	size_t n;
	unsigned found_in; /* sentences */
	double weight;
};

struct question {
	enum wants wants;
	struct term terms[TERMS_MAX];
	size_t n_terms;
	double weight; /* of all terms */
};

static bool same_term(const struct word *a, const struct term *t)
{
	return a->n == t->n && memcmp(a->s, t->s, a->n) == 0;
}

/* Two forms of one word that stemming keeps apart, such as "observer" and "observatory":
 * worth less than the word itself. */
static bool akin(const struct word *a, const struct term *t)
{
	size_t n = MIN(a->n, t->n), common = 0;

	while (common < n && a->s[common] == t->s[common])
		common++;
	return common >= 5 && common + 3 >= MAX(a->n, t->n);
}

/* Words of questions that say how to answer, not about what. */
static bool is_asking(const struct word *w)
{
	static const char *const words[] = { "many", "much", "long",  "often", "tell", "know",
					     "please", "mean", "say",	"says",	 "there", "happens",
					     "happen", "find", "get",	"need",	 "want" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], w->s) == 0)
			return true;
	return false;
}

static void add_terms(struct question *q, const char *text)
{
	struct bytes b = bytes_str(text);
	struct word w;

	for (size_t pos = 0; q->n_terms < TERMS_MAX && word_next(b, &pos, &w);) {
		size_t i = 0;

		if (word_is_stop(&w) || is_asking(&w))
			continue;
		word_to_term(&w);
		while (i < q->n_terms && !same_term(&w, &q->terms[i]))
			i++;
		if (i < q->n_terms || !w.n)
			continue;
		struct term *t = &q->terms[q->n_terms++];
		*t = (struct term){ .n = w.n };
		memcpy(t->s, w.s, w.n);
	}
}

/* --- sentences -------------------------------------------------------------------------- */

struct sentence {
	size_t result;     /* which of the results       */
	size_t start, end; /* octets in that one's text  */
	double has[TERMS_MAX]; /* 0..1: how well each term is there */
	double covered;    /* 0..1: weighted share of the question */
	double score;
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

/* Marks in has[] which terms occur in `text`, worth `worth` each; returns the words. */
static size_t mark(const struct question *q, struct bytes text, double worth, double *has)
{
	struct word w;
	size_t n = 0;

	for (size_t pos = 0; word_next(text, &pos, &w); n++) {
		word_to_term(&w);
		for (size_t i = 0; i < q->n_terms; i++) {
			double v = same_term(&w, &q->terms[i]) ? 1.0 : akin(&w, &q->terms[i]) ? 0.7 : 0;

			has[i] = MAX(has[i], v * worth);
		}
	}
	return n;
}

static size_t cut_sentences(struct question *q, const struct results *r, struct sentence *out)
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
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < q->n_terms; t++)
			q->terms[t].found_in += out[i].has[t] > 0.5;
	return n;
}

static void weigh(struct question *q, size_t n_sentences)
{
	q->weight = 0;
	for (size_t t = 0; t < q->n_terms; t++) {
		/* A word found nowhere may be what the question is about, or be misheard: it
		 * counts like a rare one, no more. */
		double df = q->terms[t].found_in ? q->terms[t].found_in : 1.5;

		q->terms[t].weight = log(1.0 + (double)(n_sentences + 1) / df);
		q->weight += q->terms[t].weight;
	}
}

/* --- what a sentence holds ----------------------------------------------------------------- */

static bool any_word(struct bytes text, const char *const *list, size_t n_list)
{
	struct word w;

	for (size_t pos = 0; word_next(text, &pos, &w);)
		for (size_t i = 0; i < n_list; i++)
			if (strcmp(w.s, list[i]) == 0)
				return true;
	return false;
}

static bool holds_number(struct bytes text)
{
	static const char *const more[] = { "half", "once", "twice", "free", "daily", "weekly", "every",
					    "none", "quarter", "double" };
	struct word w;

	for (size_t pos = 0; word_next(text, &pos, &w);) {
		word_to_term(&w);
		if (isdigit((unsigned char)w.s[0]))
			return true;
	}
	return any_word(text, more, ARRAY_LEN(more));
}

static bool holds_time(struct bytes text)
{
	static const char *const words[] = {
		"o", "clock", "am", "pm", "noon", "midnight", "morning", "afternoon", "evening", "night",
		"sunset", "sunrise", "dark", "dusk", "dawn", "monday", "tuesday", "wednesday", "thursday",
		"friday", "saturday", "sunday", "january", "february", "march", "april", "may", "june",
		"july", "august", "september", "october", "november", "december", "spring", "summer",
		"autumn", "winter", "weekday", "weekdays", "weekend", "weekends", "day", "week", "month",
		"year", "before", "after", "when", "until", "hour", "hours", "nineteen", "twenty",
	};
	return any_word(text, words, ARRAY_LEN(words));
}

static bool holds_person(struct bytes text)
{
	static const char *const roles[] = {
		"manager", "officer", "director", "doctor", "leader", "master", "skipper", "technician",
		"scientist", "head", "staff", "people", "person", "anyone", "everyone", "nobody", "team",
		"member", "members", "student", "students", "supervisor", "visitors", "engineer", "crew",
		"observer", "observers", "founder", "he", "she", "owner", "administrator", "user", "guide",
	};
	struct word w, last = { 0 };
	bool run = false;

	/* Two capitalised words in a row, not at the start: a name. */
	for (size_t pos = 0; word_next(text, &pos, &w); last = w) {
		bool upper = isupper(text.p[w.start]) && w.n > 1;

		if (upper && run && w.start == last.end + 1 && last.start > 0)
			return true;
		run = upper;
	}
	return any_word(text, roles, ARRAY_LEN(roles));
}

static bool holds_place(struct bytes text)
{
	static const char *const words[] = { "in",   "at",	"on",	"under", "beside", "behind",
					     "near", "outside", "above", "below", "inside", "between",
					     "next", "opposite" };
	return any_word(text, words, ARRAY_LEN(words));
}

static bool holds_reason(struct bytes text)
{
	static const char *const words[] = { "because", "since", "so", "therefore", "to", "otherwise" };

	return any_word(text, words, ARRAY_LEN(words));
}

static bool holds_way(struct bytes text)
{
	static const char *const words[] = { "must", "should", "may", "can", "by", "with", "use", "press",
					     "call", "ask", "wait", "run", "type", "first", "then" };

	return any_word(text, words, ARRAY_LEN(words));
}

/* With what wants, a sentence without it is worth less. */
static const struct {
	bool (*holds)(struct bytes text);
	double with, without;
} shapes[] = {
	[WANTS_NUMBER] = { holds_number, 1.2, 0.65 }, [WANTS_TIME] = { holds_time, 1.2, 0.7 },
	[WANTS_PERSON] = { holds_person, 1.2, 0.75 }, [WANTS_PLACE] = { holds_place, 1.1, 0.75 },
	[WANTS_REASON] = { holds_reason, 1.2, 0.95 }, [WANTS_WAY] = { holds_way, 1.1, 0.9 },
};

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
	double sum = 0;

	for (size_t t = 0; t < q->n_terms; t++)
		sum += has[t] * q->terms[t].weight;
	return q->weight > 0 ? sum / q->weight : 0;
}

/* "What is X?": the sentence that begins with X defines it. */
static bool begins_with_term(const struct question *q, struct bytes text)
{
	struct word w;

	for (size_t pos = 0; word_next(text, &pos, &w);) {
		if (word_is_stop(&w))
			continue;
		word_to_term(&w);
		for (size_t t = 0; t < q->n_terms; t++)
			if (same_term(&w, &q->terms[t]))
				return true;
		return false;
	}
	return false;
}

static void score(const struct question *q, const struct results *r, struct sentence *all, size_t i)
{
	struct sentence *s = &all[i];
	struct bytes text = text_of(r, s);
	const json_t *row = r->row[s->result];
	double has[TERMS_MAX];

	memcpy(has, s->has, sizeof(has));
	mark(q, bytes_str(json_str(row, "heading", "")), 0.6, has);
	mark(q, bytes_str(json_str(row, "title", "")), 0.4, has);
	if (i > 0 && all[i - 1].result == s->result && leans_back(text))
		for (size_t t = 0; t < q->n_terms; t++)
			has[t] = MAX(has[t], all[i - 1].has[t] * 0.8);
	s->covered = cover(q, has);
	/* What the sentence itself says counts, its surroundings help. */
	double own = cover(q, s->has);
	s->score = 0.7 * s->covered + 0.3 * own;
	if (shapes[q->wants].holds)
		s->score *= shapes[q->wants].holds(text) ? shapes[q->wants].with
							 : shapes[q->wants].without;
	if (own > 0 && begins_with_term(q, text))
		s->score *= 1.08;
	if (s->n_words < 4)
		s->score *= 0.5; /* a heading, a cell of a table */
	if (s->n_words > 45)
		s->score *= 0.85;
	s->score *= 1.0 - 0.02 * (double)s->result;
	if (own == 0)
		s->score = 0;
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
	if ((all[best + 1].score >= 0.85 * all[best].score && q->wants != WANTS_NUMBER) ||
	    (q->wants == WANTS_WAY && leans_back(text_of(r, &all[best + 1]))))
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
	double more = 0;

	for (size_t t = 0; t < q->n_terms; t++)
		if (b->has[t] > a->has[t])
			more += (b->has[t] - a->has[t]) * q->terms[t].weight;
	return q->weight > 0 && more / q->weight > 0.3;
}

static int choose(struct answer *a, const struct question *q, const struct results *r,
		  const struct sentence *all, size_t n)
{
	size_t best = best_of(all, n, SIZE_MAX, 0), first, last;
	double enough = q->n_terms <= 2 ? ENOUGH_SHORT : ENOUGH;

	if (best == SIZE_MAX || all[best].covered < enough || all[best].score < enough * 0.7)
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

int answer_find(struct answer *a, const char *query, const json_t *results)
{
	struct question q = { .wants = wants_of(query) };
	struct results r;
	struct sentence *all;
	int err = 0;

	answer_done(a);
	add_terms(&q, query);
	take_results(&r, results);
	if (!q.n_terms || !r.n)
		return 0;
	all = mem_calloc(SENTENCES_MAX, sizeof(*all));
	if (!all)
		return -ENOMEM;
	size_t n = cut_sentences(&q, &r, all);
	weigh(&q, n);
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
	return !word_is_stop(&w) && !is_asking(&w);
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

char *answer_query(const char *question, const char *before)
{
	AUTO(buf) struct buf b = { 0 }, own = { 0 };

	buf_puts(&b, question);
	if (before && put_informative(&own, question) < 2)
		put_informative(&b, before);
	return own.failed ? NULL : buf_take(&b);
}

char *answer_topic(const char *query)
{
	AUTO(buf) struct buf b = { 0 };
	struct bytes t = bytes_str(query);
	struct word w;
	size_t n = 0;

	buf_puts(&b, "");
	for (size_t pos = 0; word_next(t, &pos, &w); n++)
		for (size_t i = 0; i < w.n; i++)
			if (!isalpha((unsigned char)w.s[i]))
				return mem_strdup("");
	if (put_informative(&b, query) > 3)
		return mem_strdup("");
	char *s = buf_take(&b);
	return s ? s : b.failed ? NULL : mem_strdup("");
}
