#include "base/buf.h"
#include "base/test.h"
#include "document/sentences.h"

static void ends(void)
{
	static const char *const rows[][2] = {
		{ "One. Two! Three?", "One.|Two!|Three?" },
		{ "Dr. Smith met Mr. J. R. Jones at 3.5 p.m. today. He left.",
		  "Dr. Smith met Mr. J. R. Jones at 3.5 p.m. today.|He left." },
		{ "Use tools, e.g. make. See Fig. 3 in No. 5.", "Use tools, e.g. make.|See Fig. 3 in No. 5." },
		{ "1. First do this. 2 remain.", "1. First do this.|2 remain." },
		{ "He said \"Stop.\" Then he left.", "He said \"Stop.\"|Then he left." },
		{ "The answer is no. The end.", "The answer is no.|The end." },
		{ "Line one\nLine two.", "Line one|Line two." },
		{ "It removes foo.bar. dpkg stops.", "It removes foo.bar.|dpkg stops." },
		{ "Wait... what?", "Wait... what?" },
		{ "Wait... What?", "Wait...|What?" },
		{ "Pens, paper etc. The rest.", "Pens, paper etc.|The rest." },
		{ "  \n ", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		struct bytes t = bytes_str(rows[i][0]);
		struct span s;
		size_t pos = 0;
		while (sentence_next(t, &pos, &s)) {
			if (b.n)
				buf_putc(&b, '|');
			buf_put(&b, t.p + s.start, s.end - s.start);
		}
		CHECK(!b.failed);
		CHECK_STR(b.p ? (char *)b.p : "", rows[i][1]);
	}
}

TESTS({ "ends", ends })
