#include "document/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "document/apart_child.h"
#include "document/outline_pack.h"
#include "document/sandbox.h"

enum {
	PIECE = 65536,
	/* The template ends a reader when its time is up. This is for what should not be: a
	 * template that does not, on a machine however busy. */
	PATIENCE_MS = 10 * 60 * 1000,
	/* What an outline can be at most: its text, a block for every few characters of it. */
	PACK_MAX = 2 * EXTRACT_OUT_MAX,
};

static _Thread_local struct apart_cost last_cost;

struct apart_cost apart_last_cost(void)
{
	return last_cost;
}

/* --- the template ------------------------------------------------------------------------------ */

/* Our end of its socket. The number is given once and stays: when a template has died dup2()
 * puts another's socket in its place, so that no thread ever writes to a stranger's. */
static atomic_int control = -1;
static atomic_int template_pid; /* 0: none. To be waited for when it has died */

static int spawn_template(int its_end, pid_t *pid)
{
	static char program[] = "/proc/self/exe", locale[] = "LC_ALL=C.UTF-8";
	char *const argv[] = { program, (char *)(uintptr_t)apart_argument, NULL };
	char *const environment[] = { locale, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&how);
	posix_spawn_file_actions_adddup2(&files, its_end, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setsigdefault(&how, &all);
	posix_spawnattr_setpgroup(&how, 0); /* Ctrl-C is ours alone */
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	int r = posix_spawn(pid, program, &files, &how, argv, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	return -r;
}

/* One more template; its socket replaces `dead`, or becomes the first. */
static int start_template(int dead)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	int r = spawn_template(ends[1], &pid);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return r;
	}
	int none = -1;
	if (dead >= 0) {
		r = dup3(ends[0], dead, O_CLOEXEC) < 0 ? -errno : 0;
		close(ends[0]);
	} else if (!atomic_compare_exchange_strong(&control, &none, ends[0])) {
		close(ends[0]); /* another thread was first: this one ends at once */
		waitpid(pid, NULL, 0);
		return 0;
	}
	pid_t before = atomic_exchange(&template_pid, pid);
	if (before > 0)
		waitpid(before, NULL, WNOHANG);
	return r;
}

static int send_request(int to, const struct apart_request *r, const int fds[static APART_FDS])
{
	union {
		char space[CMSG_SPACE(APART_FDS * sizeof(int))];
		struct cmsghdr align;
	} space = { 0 };
	struct apart_request copy = *r;
	struct iovec v = { &copy, sizeof(copy) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &space,
			    .msg_controllen = sizeof(space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(APART_FDS * sizeof(int));
	memcpy(CMSG_DATA(c), fds, APART_FDS * sizeof(int));
	while (sendmsg(to, &m, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* A template that has died (it should not) is replaced, twice. */
static int ask(const struct apart_request *r, const int fds[static APART_FDS])
{
	int failed = 0;

	for (int i = 0; i < 3; i++) {
		int fd = atomic_load(&control);
		if (fd >= 0 && (failed = send_request(fd, r, fds)) == 0)
			return 0;
		int e = start_template(fd);
		if (e < 0)
			return e;
	}
	return failed ? failed : -EPIPE;
}

void apart_start(void)
{
	if (atomic_load(&control) < 0)
		(void)!start_template(-1); /* who asks tries again, and says so */
}

/* --- one file ----------------------------------------------------------------------------------- */

struct job {
	int in, out[2], report[2]; /* -1: not open */
};

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void job_auto_(struct job *j)
{
	shut(&j->in);
	shut(&j->out[0]);
	shut(&j->out[1]);
	shut(&j->report[0]); /* the reader is killed if it is still there */
	shut(&j->report[1]);
}

static bool fill(int fd, struct bytes c)
{
	while (fd >= 0 && c.n) {
		ssize_t n = write(fd, c.p, c.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		c = bytes_sub(c, (size_t)n, c.n - (size_t)n);
	}
	return fd >= 0;
}

static bool open_job(struct job *j, struct bytes content)
{
	j->in = memfd_create("document", MFD_CLOEXEC);
	return fill(j->in, content) && pipe2(j->out, O_CLOEXEC) == 0 &&
	       socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, j->report) == 0;
}

enum wait { WAIT_READY, WAIT_TIMEOUT };

static enum wait wait_for(int fd, uint64_t deadline_us)
{
	for (;;) {
		uint64_t now = env_now(&env_system);
		struct pollfd f = { .fd = fd, .events = POLLIN };

		if (now >= deadline_us)
			return WAIT_TIMEOUT;
		int r = poll(&f, 1, (int)((deadline_us - now) / US_PER_MS + 1));
		if (r > 0 || (r < 0 && errno != EINTR))
			return WAIT_READY;
	}
}

enum outcome { READER_ENDED, READER_TIMEOUT, READER_TOO_LARGE, READER_LOST, PARENT_NO_MEMORY };

static enum outcome collect(int fd, uint64_t deadline_us, struct buf *to)
{
	for (;;) {
		if (wait_for(fd, deadline_us) == WAIT_TIMEOUT)
			return READER_TIMEOUT;
		uint8_t *p = buf_reserve(to, PIECE);
		if (!p)
			return PARENT_NO_MEMORY;
		ssize_t n = read(fd, p, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return READER_ENDED;
		to->n += (size_t)n;
		to->p[to->n] = 0;
		if (to->n > PACK_MAX)
			return READER_TOO_LARGE;
	}
}

static enum outcome take_report(int fd, uint64_t deadline_us, int *status)
{
	struct apart_report rep;

	if (wait_for(fd, deadline_us) == WAIT_TIMEOUT)
		return READER_TIMEOUT;
	if (recv(fd, &rep, sizeof(rep), MSG_DONTWAIT) != sizeof(rep))
		return READER_LOST;
	*status = rep.status;
	last_cost = (struct apart_cost){ (size_t)rep.peak_kb * 1024, rep.cpu_us };
	return READER_ENDED;
}

static enum outcome run(enum apart_kind kind, struct bytes content, const char *name, struct buf *to,
			int *status)
{
	AUTO(job) struct job j = { -1, { -1, -1 }, { -1, -1 } };
	struct apart_request r = { .kind = kind, .nice = getpriority(PRIO_PROCESS, 0) };

	snprintf(r.name, sizeof(r.name), "%s", name);
	if (!open_job(&j, content))
		return PARENT_NO_MEMORY;
	const int fds[APART_FDS] = { j.in, j.out[1], j.report[1] };
	uint64_t deadline_us = env_now(&env_system) + (uint64_t)PATIENCE_MS * US_PER_MS;
	if (ask(&r, fds) != 0)
		return PARENT_NO_MEMORY;
	shut(&j.in);
	shut(&j.out[1]);
	shut(&j.report[1]);
	enum outcome o = collect(j.out[0], deadline_us, to);
	return o == READER_ENDED ? take_report(j.report[0], deadline_us, status) : o;
}

/* --- what became of it ----------------------------------------------------------------------------- */

static enum extract_verdict say(char why[static EXTRACT_WHY], const char *name, enum extract_verdict v,
				const char *sentence)
{
	snprintf(why, EXTRACT_WHY, "%.160s: %s", name, sentence);
	return v;
}

static enum extract_verdict too_much(char why[static EXTRACT_WHY], const char *name)
{
	return say(why, name, EXTRACT_TOO_LARGE, "takes more than 512 MB to read; skipped");
}

/* It ended, but not by handing something back. */
static enum extract_verdict ended_badly(int status, char why[static EXTRACT_WHY], const char *name)
{
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (signal == SIGALRM || signal == SIGXCPU)
		return extract_say(why, EXTRACT_TIMEOUT, name);
	if (signal == SIGKILL || (WIFEXITED(status) && WEXITSTATUS(status) == APART_NO_MEMORY))
		return too_much(why, name);
	if (WIFEXITED(status) && WEXITSTATUS(status) == APART_NO_SANDBOX)
		return extract_say(why, EXTRACT_NO_SANDBOX, name);
	return say(why, name, EXTRACT_MALFORMED,
		   signal == SIGSYS ? "made its reader do what no reader may; stopped and skipped" :
				      "is damaged: its reader failed; skipped");
}

static enum extract_verdict outcome(enum outcome o, int status, const char *name,
				    char why[static EXTRACT_WHY])
{
	switch (o) {
	case READER_ENDED:
		return status == 0 ? EXTRACT_OK : ended_badly(status, why, name);
	case READER_TIMEOUT:
		return extract_say(why, EXTRACT_TIMEOUT, name);
	case READER_TOO_LARGE:
		return extract_say(why, EXTRACT_TOO_LARGE, name);
	case READER_LOST:
		return say(why, name, EXTRACT_MALFORMED, "could not be read: its reader was stopped; skipped");
	case PARENT_NO_MEMORY:
		return extract_say(why, EXTRACT_NO_MEMORY, name);
	}
	return EXTRACT_MALFORMED;
}

/* A verdict, and on EXTRACT_OK what was handed back, checked. */
static enum extract_verdict read_apart(enum apart_kind kind, struct bytes content, const char *name,
				       struct outline_pack *p, char why[static EXTRACT_WHY])
{
	AUTO(buf) struct buf packed = { 0 };
	int status = 0;

	if (!sandbox_filter(SANDBOX_READER))
		return extract_say(why, EXTRACT_NO_SANDBOX, name);
	enum outcome o = run(kind, content, name, &packed, &status);
	enum extract_verdict v = outcome(o, status, name, why);
	if (v != EXTRACT_OK)
		return v;
	if (!outline_unpack(&packed, kind == APART_EXTRACT ? PACK_TEXT : PACK_OCTETS, p))
		return p->outline.text.failed ?
			       outcome(PARENT_NO_MEMORY, 0, name, why) :
			       say(why, name, EXTRACT_MALFORMED, "is damaged: its reader made no sense of it");
	if (p->verdict == EXTRACT_NO_MEMORY)
		return too_much(why, name);
	if (p->verdict != EXTRACT_OK) {
		extract_say(why, p->verdict, name);
		if (p->why[0])
			snprintf(why, EXTRACT_WHY, "%s", p->why);
	}
	return p->verdict;
}

static enum extract_verdict extract_apart(struct bytes content, const char *name, struct outline *out,
					  const char **type, char why[static EXTRACT_WHY])
{
	struct outline_pack p = { 0 };
	enum extract_verdict v = read_apart(APART_EXTRACT, content, name, &p, why);
	const char *known = v == EXTRACT_OK ? extract_type(p.type) : NULL;

	if (v == EXTRACT_OK && !known)
		v = say(why, name, EXTRACT_MALFORMED, "is damaged: its reader made no sense of it");
	if (v == EXTRACT_OK) {
		outline_done(out);
		*out = p.outline;
		*type = known;
	} else {
		outline_done(&p.outline);
	}
	return v;
}

/* What was inside is named as the file that it came from. */
static void rename_sentence(char why[static EXTRACT_WHY], const char *from, const char *to)
{
	char rest[EXTRACT_WHY];
	size_t n = strlen(from);

	if (strncmp(why, from, n) != 0)
		return;
	snprintf(rest, sizeof(rest), "%s", why + n);
	snprintf(why, EXTRACT_WHY, "%.160s%.150s", to, rest);
}

/* Unpacked by another process; what that hands back may be of any kind but packed again. */
static enum extract_verdict extract_gzip(struct bytes content, const char *name, struct outline *out,
					 const char **type, char why[static EXTRACT_WHY])
{
	struct outline_pack p = { 0 };
	char inner[160];
	enum extract_verdict v = read_apart(APART_INFLATE, content, name, &p, why);

	if (v == EXTRACT_OK) {
		struct bytes c = buf_bytes(&p.outline.text);

		extract_inner_name(name, inner, sizeof(inner));
		switch (extract_where(c, inner)) {
		case EXTRACT_HERE:
			v = extract(c, inner, out, type, why);
			break;
		case EXTRACT_APART:
			v = extract_apart(c, inner, out, type, why);
			break;
		case EXTRACT_UNPACK:
			v = say(why, inner, EXTRACT_BINARY, "is packed twice; unpack it once; skipped");
			break;
		}
		if (v != EXTRACT_OK)
			rename_sentence(why, inner, name);
	}
	outline_done(&p.outline);
	return v;
}

enum extract_verdict apart_extract(struct bytes content, const char *name, struct outline *out,
				   const char **type, char why[static EXTRACT_WHY])
{
	if (content.n > EXTRACT_IN_MAX)
		return extract_say(why, EXTRACT_TOO_LARGE, name);
	switch (extract_where(content, name)) {
	case EXTRACT_HERE:
		return extract(content, name, out, type, why);
	case EXTRACT_APART:
		return extract_apart(content, name, out, type, why);
	case EXTRACT_UNPACK:
		return extract_gzip(content, name, out, type, why);
	}
	return EXTRACT_MALFORMED;
}
