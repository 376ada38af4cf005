/* eval.h - a table of questions asked with one configuration or two, and the report of it. */
#pragma once

#include "app/asking.h"
#include "app/exam.h"

enum { EVAL_RUNS = 2 };

enum eval_verdict {
	EVAL_RIGHT,     /* the answer's first source is an acceptable place             */
	EVAL_WRONG,     /* it is another place, or there is none: it is not answerable  */
	EVAL_ABSTAINED, /* no answer                                                    */
};

struct eval_result {
	struct asked asked;
	size_t rank; /* of the first acceptable place in the search, from 1; 0: not among the first k */
	uint64_t search_us;
	enum eval_verdict verdict;
	bool said;  /* the answer contains what the table wants */
	bool heard; /* false: a recording in which no words were heard */
};

struct eval_run {
	const char *name; /* what --against says; "" for the first */
	const struct config *c;
	const char *groups; /* of who asks; NULL: all */
	struct eval_result *results; /* [exam->n] */
};

struct eval {
	const struct exam *exam;
	unsigned k;
	struct eval_run run[EVAL_RUNS];
	size_t n_runs;
};

void eval_print(const struct eval *e);
/* One JSON document. -ENOMEM. */
MUST_USE int eval_print_json(const struct eval *e);
