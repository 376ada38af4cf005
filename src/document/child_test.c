#include "base/test.h"
#include "document/child.h"

static enum child_verdict run(const char *program, const char *arg, const char *arg2, struct bytes in,
			      size_t out_max, unsigned timeout_ms, struct buf *out)
{
	const char *const argv[] = { program, arg, arg2, NULL };
	const struct child_params p = { .argv = argv, .input = in, .output_max = out_max,
					.memory_max = (size_t)1 << 30, .cpu_s = 2,
					.timeout_ms = timeout_ms };
	int status = 0;

	return child_run(&p, out, &status);
}

static void talks(void)
{
	AUTO(buf) struct buf out = { 0 };

	CHECK_EQ(run("cat", "/dev/fd/0", NULL, bytes_str("hello"), 100, 5000, &out), CHILD_OK);
	CHECK_STR((char *)out.p, "hello");
}

/* Prints which descriptors are open, and the errors of what it must not do. */
static const char probe[] = "for (0..20) { print if open(my $f, '<&', $_) } print ' ';"
			    "socket(my $s, 2, 1, 0) or print 'socket', $!+0, ' ';"
			    "defined(fork) or print 'fork', $!+0, ' ';"
			    "open(my $w, '>', '/dev/shm/voiced-child-test') or print 'write';";

static void keeps_limits(void)
{
	AUTO(buf) struct buf out = { 0 };
	struct bytes none = bytes_of("", 0);

	CHECK_EQ(run("no-such-program-at-all", NULL, NULL, none, 100, 5000, &out), CHILD_MISSING);
	CHECK_EQ(run("false", NULL, NULL, none, 100, 5000, &out), CHILD_FAILED);
	CHECK_EQ(run("sleep", "100", NULL, none, 100, 20, &out), CHILD_TIMEOUT);
	CHECK_EQ(run("yes", NULL, NULL, none, 100000, 5000, &out), CHILD_TOO_LARGE);
	buf_reset(&out);
	/* Nothing of ours is open there but the three; no socket, no other program, nothing
	 * written. */
	CHECK_EQ(run("perl", "-e", probe, none, 100, 5000, &out), CHILD_OK);
	CHECK_STR((char *)out.p, "012 socket1 fork1 write");
}

TESTS({ "talks", talks }, { "keeps_limits", keeps_limits })
