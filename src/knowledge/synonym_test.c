#include "base/test.h"
#include "knowledge/synonym.h"

static void append(void *ctx, const char *term)
{
	strncat(ctx, term, 20);
	strncat(ctx, " ", 2);
}

static void finds_groups(void)
{
	char s[100] = "";

	synonyms_foreach("phone", append, s);
	CHECK_STR(s, "telephon ");
	s[0] = 0;
	synonyms_foreach("pai", append, s);
	CHECK_STR(s, "cost price fee charg ");
	s[0] = 0;
	synonyms_foreach("zebra", append, s);
	CHECK_STR(s, "");
}

TESTS({ "finds_groups", finds_groups })
