#include "api/recording.h"

#include <dirent.h>
#include <sched.h>
#include <sys/stat.h>

#include "base/pool.h"
#include "base/test.h"
#include "base/testdir.h"

/* A directory to record into, and the worker that writes. */
struct studio {
	struct env_fake env;
	struct pool *pool;
	struct api api;
	struct testdir dir;
	char file[192];
	struct stat st;
	size_t n_files;
};

static void studio_auto_(struct studio *s)
{
	pool_free(s->pool);
	testdir_auto_(&s->dir);
}

static bool studio_open(struct studio *s)
{
	env_fake_init(&s->env, 3);
	s->dir = testdir_new();
	if (pool_new(&s->pool, POOL_TURN, 1) != 0)
		return false;
	s->api.p = (struct api_params){ .env = &s->env.env, .turn = s->pool };
	s->api.record = s->dir.path;
	return true;
}

static atomic_bool idle;

static void note_idle(struct job *j)
{
	(void)j;
	atomic_store(&idle, true);
}

static void nothing(struct job *j)
{
	(void)j;
}

/* Jobs run in order: when this one has, what was recorded before is written. */
static void wait_until_written(struct studio *s)
{
	struct job last = { .work = nothing, .done = note_idle };

	atomic_store(&idle, false);
	pool_run(s->pool, &last);
	while (!atomic_load(&idle))
		sched_yield();
}

static void look(struct studio *s)
{
	DIR *d = opendir(s->dir.path);

	s->n_files = 0;
	for (struct dirent *e; d && (e = readdir(d));)
		if (strstr(e->d_name, ".vrec")) {
			s->n_files++;
			snprintf(s->file, sizeof(s->file), "%s/%.100s", s->dir.path, e->d_name);
			(void)!stat(s->file, &s->st);
		}
	if (d)
		closedir(d);
}

static void what_entered_is_written_for_its_owner_alone(void)
{
	AUTO(studio) struct studio s = { 0 };
	uint8_t start[5] = { 0 };

	CHECK(studio_open(&s));
	struct recording *r = recording_new(&s.api);
	CHECK(r);
	struct recorder hook = recording_hook(r);
	recorder_put(&hook, REC_MESSAGE, 1000000, bytes_str("hello"));
	look(&s);
	size_t before = s.n_files;
	recording_end(r);
	wait_until_written(&s);
	CHECK_EQ(before, 0); /* it is kept in memory while the session lives */
	look(&s);
	CHECK_EQ(s.n_files, 1);
	CHECK_EQ(s.st.st_mode & 0777, 0600);
	CHECK(strncmp(s.file + strlen(s.dir.path), "/1767225600-", 12) == 0); /* 2026-01-01 */
	FILE *f = fopen(s.file, "r");
	CHECK(f);
	size_t n = fread(start, 1, sizeof(start), f);
	fclose(f);
	CHECK(n == 5 && memcmp(start, "VREC\1", 5) == 0);
	CHECK(s.st.st_size > 5 + 5 && s.st.st_size < 5 + 20);
}

static void two_of_one_second_are_two_files(void)
{
	AUTO(studio) struct studio s = { 0 };

	CHECK(studio_open(&s));
	for (int i = 0; i < 2; i++) {
		struct recording *r = recording_new(&s.api);

		recording_end(r);
		wait_until_written(&s);
		CHECK(r);
	}
	look(&s);
	CHECK_EQ(s.n_files, 2);
}

static void nothing_is_recorded_without_being_asked_for(void)
{
	AUTO(studio) struct studio s = { 0 };

	CHECK(studio_open(&s));
	s.api.record = NULL;
	CHECK(!recording_new(&s.api));
	CHECK(!recording_hook(NULL).ops);
	recording_end(NULL);
	look(&s);
	CHECK_EQ(s.n_files, 0);
}

TESTS({ "what_entered_is_written_for_its_owner_alone",
	what_entered_is_written_for_its_owner_alone },
      { "two_of_one_second_are_two_files", two_of_one_second_are_two_files },
      { "nothing_is_recorded_without_being_asked_for",
	nothing_is_recorded_without_being_asked_for })
