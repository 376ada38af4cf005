/* Text of documents on its way into the recogniser: sentences, questions made of them, and how
 * to say their words; by the first octet also written as a language model. Links: the engine layer. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "engine/adapt.h"
#include "engine/lexicon.h"
#include "engine/lm.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static char dir[] = "/dev/shm/fuzz_adapt_XXXXXX";
static char dict[48], new_dict[48], model[48];

static void leave(void)
{
	unlink(dict);
	unlink(new_dict);
	unlink(model);
	rmdir(dir);
}

static void enter(void)
{
	FILE *f;

	if (!mkdtemp(dir))
		abort();
	snprintf(dict, sizeof(dict), "%s/dict", dir);
	snprintf(new_dict, sizeof(new_dict), "%s/new", dir);
	snprintf(model, sizeof(model), "%s/model", dir);
	f = fopen(dict, "w");
	if (!f || fputs("the DH AH\nmay M EY\ncarry K EH R IY\nten T EH N\n", f) < 0 || fclose(f) != 0)
		abort();
	atexit(leave);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(adapt) struct adapt *a = NULL;
	struct adapt_stats stats;

	if (!dict[0])
		enter();
	if (n == 0)
		return 0;
	if (adapt_new(&a, dict) != 0 || adapt_add(a, bytes_of(p + 1, n - 1)) != 0)
		abort();
	if (p[0] == 0) /* it costs more than all the rest */
		(void)!adapt_write(a, new_dict, model, &stats);
	return 0;
}
