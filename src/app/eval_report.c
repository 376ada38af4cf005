/* eval_report.c - what came of a table of questions, for people and as JSON. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/eval.h"
#include "base/alloc.h"

/* --- what is counted -------------------------------------------------------------------------- */

static bool answerable(const struct exam_question *q)
{
	return exam_answerable(q);
}

static bool unanswerable(const struct exam_question *q)
{
	return !exam_answerable(q);
}

static bool has_answer(const struct exam_question *q)
{
	return exam_answerable(q) && *q->answer;
}

static bool found(const struct eval_result *r)
{
	return r->rank > 0;
}

static bool found_first(const struct eval_result *r)
{
	return r->rank == 1;
}

static bool right(const struct eval_result *r)
{
	return r->verdict == EVAL_RIGHT;
}

static bool said(const struct eval_result *r)
{
	return r->said;
}

static bool wrong(const struct eval_result *r)
{
	return r->verdict == EVAL_WRONG;
}

static bool abstained(const struct eval_result *r)
{
	return r->verdict == EVAL_ABSTAINED;
}

static const struct measure {
	const char *key, *label;
	bool (*counts)(const struct exam_question *q);
	bool (*is)(const struct eval_result *r);
	bool good; /* more of it is better */
} measures[] = {
	{ "found", "the right place found", answerable, found, true },
	{ "found_first", "the right place found first", answerable, found_first, true },
	{ "right", "answered from the right place", answerable, right, true },
	{ "said", "answer says what the table wants", has_answer, said, true },
	{ "wrong", "answered from another place", answerable, wrong, false },
	{ "abstained", "said that nothing was found", answerable, abstained, false },
	{ "unanswerable_abstained", "unanswerable: said so", unanswerable, abstained, true },
};

struct count {
	size_t of, is[EVAL_RUNS], better,
		worse; /* better, worse: the second run against the first */
};

static struct count count(const struct eval *e, const struct measure *m)
{
	struct count c = { 0 };

	for (size_t i = 0; i < e->exam->n; i++) {
		bool is[EVAL_RUNS] = { false };

		if (!m->counts(&e->exam->q[i]))
			continue;
		c.of++;
		for (size_t k = 0; k < e->n_runs; k++)
			c.is[k] += is[k] = m->is(&e->run[k].results[i]);
		if (e->n_runs == EVAL_RUNS && is[0] != is[1])
			*(is[1] == m->good ? &c.better : &c.worse) += 1;
	}
	return c;
}

/* How often a coin would split as unevenly: the two-sided sign test. */
static double chance(size_t better, size_t worse)
{
	size_t n = better + worse, least = MIN(better, worse);
	double p = 0;

	for (size_t i = 0; i <= least; i++)
		p += exp(lgamma((double)n + 1) - lgamma((double)i + 1) -
			 lgamma((double)(n - i) + 1) - (double)n * log(2));
	return MIN(2 * p, 1.0);
}

/* --- times ------------------------------------------------------------------------------------- */

static uint64_t answering(const struct eval_result *r)
{
	return r->asked.answering_us;
}

static uint64_t searching(const struct eval_result *r)
{
	return r->search_us;
}

static uint64_t hearing(const struct eval_result *r)
{
	return r->asked.hearing_us;
}

static const struct clock {
	const char *key, *label;
	uint64_t (*us)(const struct eval_result *r);
} clocks[] = {
	{ "answer_ms", "ms to the answer", answering },
	{ "search_ms", "ms of the search alone", searching },
	{ "hearing_ms", "ms to recognise a recording", hearing },
};

struct times {
	size_t n;
	double median, p95, worst; /* ms */
};

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* All zero where there is nothing to tell, or no memory. */
static struct times times(const struct eval *e, size_t run, const struct clock *c)
{
	struct times t = { 0 };
	AUTO(mem) double *ms = mem_calloc(e->exam->n, sizeof(*ms));

	for (size_t i = 0; ms && i < e->exam->n; i++)
		if (c->us(&e->run[run].results[i]))
			ms[t.n++] = (double)c->us(&e->run[run].results[i]) / US_PER_MS;
	if (!t.n)
		return t;
	qsort(ms, t.n, sizeof(*ms), by_size);
	t.median = ms[t.n / 2];
	t.p95 = ms[t.n * 95 / 100];
	t.worst = ms[t.n - 1];
	return t;
}

/* --- for people ----------------------------------------------------------------------------------- */

static const char *verdict_word(const struct exam_question *q, const struct eval_result *r)
{
	static const char *const words[] = {
		[EVAL_RIGHT] = "right", [EVAL_WRONG] = "wrong", [EVAL_ABSTAINED] = "abstained"
	};

	if (!r->heard)
		return "unheard";
	return !exam_answerable(q) && r->verdict != EVAL_ABSTAINED ? "answered" : words[r->verdict];
}

static void print_question(const struct eval *e, size_t i)
{
	const struct exam_question *q = &e->exam->q[i];

	printf("%4zu", i + 1);
	for (size_t k = 0; k < e->n_runs; k++) {
		const struct eval_result *r = &e->run[k].results[i];
		char rank[8] = "-";

		if (r->rank)
			snprintf(rank, sizeof(rank), "%u", (unsigned)r->rank);
		printf("  %5s  %-9s %7.1f", exam_answerable(q) ? rank : "", verdict_word(q, r),
		       (double)r->asked.answering_us / US_PER_MS);
	}
	printf("  %s%s%s\n", *q->id ? q->id : "", *q->id ? " " : "", q->text);
	if (q->wav && e->run[0].results[i].heard)
		printf("      heard: %s\n", (const char *)e->run[0].results[i].asked.question.p);
}

static void print_counts(const struct eval *e)
{
	printf("\n");
	if (e->n_runs == EVAL_RUNS)
		printf("%-36s %12s %12s   better  worse  chance\n", "", "first", "second");
	for (size_t m = 0; m < ARRAY_LEN(measures); m++) {
		struct count c = count(e, &measures[m]);
		if (!c.of)
			continue;
		printf("%-36s", measures[m].label);
		for (size_t k = 0; k < e->n_runs; k++)
			printf(" %4zu of %4zu", c.is[k], c.of);
		if (e->n_runs == EVAL_RUNS)
			printf("   %6zu %6zu  %6.2f", c.better, c.worse, chance(c.better, c.worse));
		printf("\n");
	}
}

static void print_times(const struct eval *e)
{
	for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
		if (!times(e, 0, &clocks[i]).n)
			continue;
		printf("%-36s", clocks[i].label);
		for (size_t k = 0; k < e->n_runs; k++) {
			struct times t = times(e, k, &clocks[i]);
			char cell[48];

			snprintf(cell, sizeof(cell), "%.1f, %.1f", t.median, t.p95);
			printf(" %12s", cell);
		}
		printf("   median, p95\n");
	}
}

void eval_print(const struct eval *e)
{
	printf("   #");
	for (size_t k = 0; k < e->n_runs; k++)
		printf("  found  answer         ms");
	printf("  question\n");
	for (size_t i = 0; i < e->exam->n; i++)
		print_question(e, i);
	print_counts(e);
	print_times(e);
	printf("\nFound: among the first %u passages of the search.\n", e->k);
	if (e->n_runs == EVAL_RUNS)
		printf("Second: %s. Better and worse count the questions on which the second differs;\n"
		       "chance is how often a coin would split them as unevenly.\n",
		       e->run[1].name);
}

/* --- JSON --------------------------------------------------------------------------------------------- */

static json_t *tenths(double ms)
{
	return json_real(round(ms * 1000) / 1000);
}

static json_t *result_json(const struct exam_question *q, const struct eval_result *r)
{
	json_t *sources = r->asked.sources ? json_incref(r->asked.sources) : json_array();
	json_t *rank =
		exam_answerable(q) && r->rank ? json_integer((json_int_t)r->rank) : json_null();
	const char *asked = (const char *)r->asked.question.p,
		   *answer = (const char *)r->asked.answer.p;

	return json_pack("{ss ss ss so so so so so}", "asked", asked ? asked : "", "verdict",
			 verdict_word(q, r), "answer", answer ? answer : "", "rank", rank,
			 "answer_ms", tenths((double)r->asked.answering_us / US_PER_MS),
			 "search_ms", tenths((double)r->search_us / US_PER_MS), "hearing_ms",
			 q->wav ? tenths((double)r->asked.hearing_us / US_PER_MS) : json_null(),
			 "sources", sources);
}

static json_t *question_json(const struct eval *e, size_t i)
{
	const struct exam_question *q = &e->exam->q[i];
	json_t *results = json_array();

	for (size_t k = 0; k < e->n_runs; k++)
		if (json_array_append_new(results, result_json(q, &e->run[k].results[i])) != 0) {
			json_decref(results);
			return NULL;
		}
	return json_pack("{ss ss ss sb so}", "id", q->id, "question", q->text, "sources", q->places,
			 "answerable", exam_answerable(q), "results", results);
}

static json_t *count_json(const struct eval *e, const struct measure *m)
{
	struct count c = count(e, m);
	json_t *is = json_array();

	for (size_t k = 0; k < e->n_runs; k++)
		if (json_array_append_new(is, json_integer((json_int_t)c.is[k])) != 0) {
			json_decref(is);
			return NULL;
		}
	json_t *o = json_pack("{sI so}", "of", (json_int_t)c.of, "count", is);
	if (!o || e->n_runs < EVAL_RUNS)
		return o;
	AUTO(json)
	json_t *more = json_pack("{sI sI so}", "better", (json_int_t)c.better, "worse",
				 (json_int_t)c.worse, "chance", tenths(chance(c.better, c.worse)));
	if (json_object_update(o, more) == 0)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *clock_json(const struct eval *e, const struct clock *c)
{
	json_t *list = json_array();

	for (size_t k = 0; k < e->n_runs; k++) {
		struct times t = times(e, k, c);

		if (json_array_append_new(list,
					  json_pack("{so so so}", "median", tenths(t.median), "p95",
						    tenths(t.p95), "max", tenths(t.worst))) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *run_json(const struct eval_run *r)
{
	return json_pack("{ss ss ss}", "name", r->name, "collection", r->c->collection, "mode",
			 r->c->mode);
}

/* The whole; a member that could not be made fails the writing. */
static json_t *report_json(const struct eval *e)
{
	json_t *runs = json_array(), *questions = json_array(), *counts = json_object(),
	       *clocked = json_object();
	int bad = 0;

	for (size_t k = 0; k < e->n_runs; k++)
		bad |= json_array_append_new(runs, run_json(&e->run[k]));
	for (size_t i = 0; i < e->exam->n; i++)
		bad |= json_array_append_new(questions, question_json(e, i));
	for (size_t m = 0; m < ARRAY_LEN(measures); m++)
		bad |= json_object_set_new(counts, measures[m].key, count_json(e, &measures[m]));
	for (size_t i = 0; i < ARRAY_LEN(clocks); i++)
		bad |= json_object_set_new(clocked, clocks[i].key, clock_json(e, &clocks[i]));
	json_t *o = json_pack("{sI so so so so}", "k", (json_int_t)e->k, "configurations", runs,
			      "counts", counts, "times", clocked, "questions", questions);
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

int eval_print_json(const struct eval *e)
{
	AUTO(buf) struct buf out = { 0 };
	AUTO(json) json_t *o = report_json(e);

	json_write(&out, o);
	if (!o || out.failed)
		return -ENOMEM;
	puts((const char *)out.p);
	return 0;
}
