#include "knowledge/labels.h"
#include "base/test.h"

static void words(void)
{
	static const char *const good[] = { "hr", "Legal & tax", "日本", "a-b_c.d/e" };
	static const char *const bad[] = { "", " hr", "hr ", "a\nb", "a\tb", "a,b", "\x7f", "\xff" };
	char longest[LABEL_MAX + 1];

	memset(longest, 'x', sizeof(longest));
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK(label_valid(bytes_str(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!label_valid(bytes_str(bad[i])));
	CHECK(label_valid(bytes_of(longest, LABEL_MAX)));
	CHECK(!label_valid(bytes_of(longest, LABEL_MAX + 1)));
}

static void sets(void)
{
	char set[LABELS_SIZE] = "", word[LABEL_MAX + 1];

	CHECK(labels_add(set, bytes_str("hr")));
	CHECK_STR(set, "\nhr\n");
	CHECK(labels_add(set, bytes_str("legal")) && labels_add(set, bytes_str("hr")));
	CHECK_STR(set, "\nhr\nlegal\n");
	CHECK(labels_have(set, bytes_str("legal")) && !labels_have(set, bytes_str("leg")));
	CHECK(!labels_have("", bytes_str("hr")));
	CHECK(labels_within("", set) && labels_within("\nlegal\n", set) && labels_within(set, set));
	CHECK(!labels_within("\nlegal\nit\n", set) && !labels_within(set, ""));

	set[0] = 0;
	for (int i = 0; i < LABELS_MAX; i++) {
		snprintf(word, sizeof(word), "%0*d", LABEL_MAX, i);
		CHECK(labels_add(set, bytes_str(word)));
	}
	CHECK_EQ(strlen(set) + 1, LABELS_SIZE);
	CHECK(!labels_add(set, bytes_str("more")) && labels_add(set, bytes_str(word)));
}

static void admission(void)
{
	static const struct {
		const char *labels, *groups;
		bool may;
	} rows[] = {
		{ "", NULL, true },	      { "\nhr\n", NULL, true },		{ "", "", true },
		{ "\nhr\n", "", false },      { "\nhr\n", "\nhr\n", true },	{ "", "\nhr\n", true },
		{ "\nhr\n", "\nh\n", false }, { "\nh\n", "\nhr\n", false },	{ "\nhr\nit\n", "\nit\n", true },
		{ "\nhr\n", "\nHR\n", false }, { "\na\nb\n", "\nc\nb\n", true }, { "\na\nb\n", "\nc\nd\n", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_EQ(labels_admit(rows[i].labels, rows[i].groups), rows[i].may);
}

TESTS({ "words", words }, { "sets", sets }, { "admission", admission })
