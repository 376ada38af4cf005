/* Any octets as a table of questions. Links: base and src/app/exam.c. */
#include "app/exam.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(exam) struct exam e = { 0 };
	char why[EXAM_WHY] = "";

	if (exam_read(&e, bytes_of(p, n), "q.tsv", why) != 0) {
		if (!why[0])
			abort();
		return 0;
	}
	for (size_t i = 0; i < e.n; i++) {
		const struct exam_question *q = &e.q[i];
		const char *at = q->places;
		struct bytes file;

		while (exam_next_file(&at, &file))
			if (file.n && (file.p < (const uint8_t *)q->places ||
				       file.p + file.n > (const uint8_t *)at))
				abort();
		(void)exam_is_place(q->places, q->text, 3, q->answer);
		/* What is asked for is found in itself. */
		if (*q->answer && !strpbrk(q->answer, "| \t\n\v\f\r") &&
		    !exam_says(q->answer, q->answer))
			abort();
	}
	return 0;
}
