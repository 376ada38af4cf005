#include "net/program.h"
#include "base/test.h"

#include <errno.h>
#include <signal.h>

#include "base/buf.h"
#include "base/loop.h"

struct heard {
	struct loop *loop;
	struct program *program;
	struct buf out;
	char note[PROGRAM_NOTE_MAX + 1], why[PROGRAM_WHY];
	int n_ends;
};

static void on_data(void *owner, struct bytes data)
{
	struct heard *h = owner;

	buf_put(&h->out, data.p, data.n);
}

static void on_note(void *owner, const char *line)
{
	snprintf(((struct heard *)owner)->note, PROGRAM_NOTE_MAX + 1, "%s", line);
}

static void on_end(void *owner, const char *why)
{
	struct heard *h = owner;

	h->n_ends++;
	h->program = NULL;
	snprintf(h->why, sizeof(h->why), "%s", why);
}

static const struct program_ops ops = { on_data, on_note, on_end };

static void heard_auto_(struct heard *h)
{
	if (h->program)
		program_stop(h->program);
	for (int i = 0; h->loop && h->program && i < 4000; i++)
		loop_once(h->loop, 1);
	loop_free(h->loop);
	buf_done(&h->out);
}

static int begin(struct heard *h, const char *const *argv, const char *const *environment)
{
	signal(SIGPIPE, SIG_IGN);
	int r = loop_new(&h->loop, 0);

	if (r == 0)
		r = program_start(&h->program, h->loop,
				  &(struct program_params){ argv, environment, &ops, h });
	return r;
}

static void wait_end(struct heard *h)
{
	for (int i = 0; i < 4000 && !h->n_ends; i++)
		loop_once(h->loop, 1);
}

static void both_ways_and_notes(void)
{
	static const char *const argv[] = { "sh", "-c", "echo \"hello $NAME\" >&2; cat", NULL };
	static const char *const environment[] = { "NAME=you", NULL };
	AUTO(heard) struct heard h = { 0 };

	CHECK_EQ(begin(&h, argv, environment), 0);
	CHECK_EQ(program_write(h.program, bytes_str("a line\n")), 0);
	for (int i = 0; i < 2000 && (h.out.n < 7 || !*h.note); i++)
		loop_once(h.loop, 1);
	CHECK(bytes_is(buf_bytes(&h.out), "a line\n"));
	CHECK_STR(h.note, "hello you");
	program_stop(h.program);
	CHECK_EQ(program_write(h.program, bytes_str("x")), -EPIPE);
	wait_end(&h);
	CHECK_EQ(h.n_ends, 1);
	CHECK_STR(h.why, "It ended with status 0.");
}

static void our_environment_stays_here(void)
{
	static const char *const argv[] = { "sh", "-c", "echo \"[$PROGRAM_SECRET]\"; exit 3", NULL };
	AUTO(heard) struct heard h = { 0 };

	GIVEN(setenv("PROGRAM_SECRET", "s3cret", 1) == 0);
	CHECK_EQ(begin(&h, argv, NULL), 0);
	wait_end(&h);
	CHECK_STR(h.why, "It ended with status 3.");
	CHECK(h.out.n == 0 || bytes_is(buf_bytes(&h.out), "[]\n"));
}

static void what_is_not_there_is_said(void)
{
	static const char *const argv[] = { "no-such-program-anywhere", NULL };
	AUTO(heard) struct heard h = { 0 };
	int r = begin(&h, argv, NULL);

	CHECK(r == -ENOENT || r == -ENOMEM);
	CHECK_EQ(h.n_ends, 0);
}

/* A shell that ignores the end of its input, and a child that it leaves behind. */
static void children_of_children_end(void)
{
	static const char *const argv[] = { "sh", "-c", "sleep 1000 & echo ready; exit 0", NULL };
	AUTO(heard) struct heard h = { 0 };

	CHECK_EQ(begin(&h, argv, NULL), 0);
	wait_end(&h);
	CHECK_EQ(h.n_ends, 1);
}

/* One that hears neither the end of its input nor SIGTERM, and one that is ended from outside. */
static void the_deaf_end_too(void)
{
	static const char *const argv[] = { "sh", "-c", "trap '' TERM; echo ready; sleep 1000 & wait; sleep 1000", NULL };
	AUTO(heard) struct heard h = { 0 };

	CHECK_EQ(begin(&h, argv, NULL), 0);
	for (int i = 0; i < 2000 && h.out.n == 0; i++)
		loop_once(h.loop, 1);
	program_kill_all();
	wait_end(&h);
	CHECK_EQ(h.n_ends, 1);
	CHECK_STR(h.why, "It was ended by signal 9.");
}

TESTS({ "both_ways_and_notes", both_ways_and_notes },
      { "our_environment_stays_here", our_environment_stays_here },
      { "what_is_not_there_is_said", what_is_not_there_is_said },
      { "the_deaf_end_too", the_deaf_end_too },
      { "children_of_children_end", children_of_children_end })
