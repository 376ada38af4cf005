#include <errno.h>

#include "app/config.h"
#include "base/test.h"
#include "base/testdir.h"

static void config_auto_(struct config *c)
{
	config_done(c);
}

static void flags_over_environment_over_file(void)
{
	AUTO(testdir) struct testdir d = testdir_new();
	static const char text[] = "# mine\nlisten = 127.0.0.1:1\n key = abc \nmax-sessions=7\nk=3\n";
	char path[256];
	bool written = testdir_write(&d, "config", bytes_str(text), path);

	setenv("VOICED_LISTEN", "127.0.0.1:2", 1);
	setenv("VOICED_MAX_SESSIONS", "8", 1);
	const char *argv[] = { "--config", path, "--max-sessions=9", "--docs", "a", "--docs", "b" };
	AUTO(config) struct config c;
	int r = config_load(&c, CMD_SERVE, 7, argv);
	unsetenv("VOICED_LISTEN");
	unsetenv("VOICED_MAX_SESSIONS");
	CHECK(written);
	CHECK_EQ(r, 0);
	CHECK_STR(c.listen, "127.0.0.1:2");
	CHECK_STR(c.key, "abc");
	CHECK_EQ(c.max_sessions, 9);
	CHECK_EQ(c.docs.n, 2);
	CHECK_STR(c.docs.at[1], "b");
}

/* A server's limit is not a token's. */
static void what_is_said_by_hand_is_in_no_file(void)
{
	AUTO(testdir) struct testdir d = testdir_new();
	static const char text[] = "max-sessions = 7\nkey = abc\n",
			  wrong[] = "max-sessions = 7\nkey = abc\nexpires = 20\n";
	char path[256];
	bool written = testdir_write(&d, "config", bytes_str(text), path);

	setenv("VOICED_MAX_SESSIONS", "8", 1);
	setenv("VOICED_EXPIRES", "20", 1);
	const char *argv[] = { "--config", path, "--max-sessions", "9" };
	AUTO(config) struct config c, by_hand, none;
	int r = config_load(&c, CMD_TOKEN, 2, argv), r_by_hand = config_load(&by_hand, CMD_TOKEN, 4, argv);
	written = written && testdir_write(&d, "config", bytes_str(wrong), path);
	int r_none = config_load(&none, CMD_TOKEN, 2, argv);
	unsetenv("VOICED_MAX_SESSIONS");
	unsetenv("VOICED_EXPIRES");
	CHECK(written);
	CHECK(r == 0 && r_by_hand == 0 && r_none != 0);
	CHECK_STR(c.key, "abc");
	CHECK_EQ(c.token_sessions, 1);
	CHECK_EQ(c.expires_s, 600);
	CHECK_EQ(by_hand.token_sessions, 9);
	CHECK_EQ(by_hand.max_sessions, 1000);
}

static void words_are_left(void)
{
	const char *argv[] = { "what", "is", "--json", "--", "--x" };
	AUTO(config) struct config c;
	CHECK_EQ(config_load(&c, CMD_ASK, 5, argv), 0);
	CHECK(c.json);
	CHECK_EQ(c.words.n, 3);
	CHECK_STR(c.words.at[2], "--x");
}

static void a_second_configuration(void)
{
	const char *argv[] = { "--collection", "mine", "-k", "3", "q.tsv" };
	AUTO(config) struct config c;
	AUTO(config) struct config pairs;
	AUTO(config) struct config none;
	AUTO(config) struct config file;
	AUTO(testdir) struct testdir d = testdir_new();
	char path[256];
	int r = config_load(&c, CMD_EVAL, 5, argv);
	int r_pairs = config_vary(&pairs, &c, CMD_EVAL, " mode=text  k=7 ");
	int r_none = config_vary(&none, &c, CMD_EVAL, "nowhere.conf");
	bool written = testdir_write(&d, "b", bytes_str("collection = other\nlisten = :1\n"), path);
	int r_file = config_vary(&file, &c, CMD_EVAL, path);

	CHECK(written);
	CHECK(r == 0 && r_pairs == 0 && r_file == 0 && r_none != 0);
	CHECK_STR(pairs.mode, "text");
	CHECK_STR(pairs.collection, "mine");
	CHECK_EQ(pairs.k, 7);
	CHECK_EQ(c.k, 3);
	CHECK_STR(c.mode, "hybrid");
	CHECK_STR(file.collection, "other");
	CHECK_EQ(file.k, 3);
}

static void nearest_word(void)
{
	static const char *const names[] = { "serve", "ingest", "search", "ask", "doctor", NULL };
	static const char *const rows[][2] = {
		{ "sevre", "serve" }, { "injest", "ingest" }, { "serach", "search" }, { "doc", NULL },
		{ "xyz", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *near = config_nearest(rows[i][0], names);
		CHECK((!near && !rows[i][1]) || (near && rows[i][1] && !strcmp(near, rows[i][1])));
	}
}

static void words_become_a_set(void)
{
	static const struct config_list two = { { "hr", "legal", "hr" }, 3 }, none = { { "" }, 1 }, bad = { { "a,b" }, 1 };
	char set[LABELS_SIZE];

	CHECK_EQ(config_set_of(&two, "group", set), 0);
	CHECK_STR(set, "\nhr\nlegal\n");
	CHECK_EQ(config_set_of(&none, "group", set), 0);
	CHECK_STR(set, "");
	CHECK_EQ(config_set_of(&bad, "group", set), -EINVAL);
}

TESTS({ "flags_over_environment_over_file", flags_over_environment_over_file },
      { "what_is_said_by_hand_is_in_no_file", what_is_said_by_hand_is_in_no_file },
      { "words_are_left", words_are_left }, { "a_second_configuration", a_second_configuration },
      { "nearest_word", nearest_word }, { "words_become_a_set", words_become_a_set })
