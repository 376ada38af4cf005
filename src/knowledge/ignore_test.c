#include "knowledge/ignore.h"

#include "base/test.h"

static void matches_globs(void)
{
	static const struct {
		const char *pattern, *path;
		bool fits;
	} cases[] = {
		{ "*.md", "a.md", true },	  { "*.md", "a/b.md", false },
		{ "a*c*e", "abcde", true },	  { "a*c*e", "abcdf", false },
		{ "a?c", "abc", true },		  { "a?c", "a/c", false },
		{ "[a-c]x", "bx", true },	  { "[!a-c]x", "bx", false },
		{ "[^a]x", "/x", false },	  { "[]]x", "]x", true },
		{ "[ab", "[ab", true },		  { "a\\*b", "a*b", true },
		{ "a\\*b", "axb", false },	  { "**/b", "b", true },
		{ "**/b", "x/y/b", true },	  { "**/b", "x/yb", false },
		{ "a/**/b", "a/b", true },	  { "a/**/b", "a/x/y/b", true },
		{ "a/**/b", "a/xb", false },	  { "a/**", "a/x/y", true },
		{ "a/**", "a/", false },	  { "**/x*/*.md", "a/x1/b/x2/c.md", true },
		{ "**/x*/*.md", "x1/y/c.md", false }, { "", "", true },
		{ "*", "", true },		  { "a**b", "axxb", true },
		{ "*a*b*c*d*", "xaxbxcxd/", false }, { "***", "abc", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (glob_fits(cases[i].pattern, cases[i].path) != cases[i].fits)
			fprintf(stderr, "%s %s\n", cases[i].pattern, cases[i].path);
		CHECK_EQ(glob_fits(cases[i].pattern, cases[i].path), cases[i].fits);
	}
}

static void last_rule_decides(void)
{
	AUTO(arena) struct arena a = { 0 };
	struct ignore all = { .n_folder = 5 }, sub = { .up = &all, .n_folder = 9 };
	static const char rules[] = "# comment\r\n*.log  \nbuild/\n/top.md\ndoc/*.txt\n!keep.log\n\n!\n/\n";

	int r = ignore_parse(&all, &a, bytes_str(ignore_defaults));
	if (r == 0)
		r = ignore_parse(&all, &a, bytes_str(rules));
	if (r == 0)
		r = ignore_parse(&sub, &a, bytes_str("!*.log\nx.md\n!.notes"));
	bool ok = r == 0 && ignore_says(&all, "/docs/a.log", false) && ignore_says(&all, "/docs/x/a.log", false) &&
		  !ignore_says(&all, "/docs/keep.log", false) && ignore_says(&all, "/docs/build", true) &&
		  !ignore_says(&all, "/docs/build", false) && ignore_says(&all, "/docs/top.md", false) &&
		  !ignore_says(&all, "/docs/x/top.md", false) && ignore_says(&all, "/docs/doc/a.txt", false) &&
		  !ignore_says(&all, "/docs/x/doc/a.txt", false) && ignore_says(&all, "/docs/.hidden", true) &&
		  ignore_says(&all, "/docs/~$letter.docx", false);
	bool below = r == 0 && !ignore_says(&sub, "/docs/sub/a.log", false) &&
		     ignore_says(&sub, "/docs/sub/x.md", false) && !ignore_says(&sub, "/docs/sub/.notes", true) &&
		     ignore_says(&sub, "/docs/sub/deep/x.md", false) && ignore_says(&sub, "/docs/sub/.git", true);
	ignore_done(&all);
	ignore_done(&sub);
	CHECK(ok);
	CHECK(below);
}

TESTS({ "matches_globs", matches_globs }, { "last_rule_decides", last_rule_decides })
