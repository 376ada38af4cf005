#include "document/apart_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "document/gunzip.h"
#include "document/outline_pack.h"
#include "document/sandbox.h"

enum {
	CONTROL = 0,
	JOBS_MAX = 64,
	TIMEOUT_US = APART_TIMEOUT_MS * US_PER_MS,
	LOOK_MS = 250, /* how often the time of readers is looked at */
	/* Of a reader's APART_MEMORY_MAX: what the template has in memory already (18 MB) */
	SHARED = 32 * 1024 * 1024,
};

struct job {
	pid_t pid;
	int report;
	uint64_t deadline_us;
};

struct template {
	const struct sock_fprog *filter;
	size_t space; /* octets of address space: libraries mostly, hardly any of it in memory */
	struct job jobs[JOBS_MAX];
	size_t n;
	int children; /* signalfd */
	bool closed;  /* nobody will ask for more */
};

const char apart_argument[] = APART_ARGUMENT;

/* --- a reader: one file, then gone ----------------------------------------------------------- */

static bool write_all(int fd, struct bytes b)
{
	while (b.n) {
		ssize_t n = write(fd, b.p, b.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		b = bytes_sub(b, (size_t)n, b.n - (size_t)n);
	}
	return true;
}

static void inflate_one(struct bytes c, struct outline_pack *p)
{
	static const enum extract_verdict verdicts[] = {
		[GUNZIP_OK] = EXTRACT_OK,
		[GUNZIP_MALFORMED] = EXTRACT_MALFORMED,
		[GUNZIP_TOO_LARGE] = EXTRACT_TOO_LARGE,
		[GUNZIP_NO_MEMORY] = EXTRACT_NO_MEMORY,
	};

	p->verdict = verdicts[gunzip(c, EXTRACT_OUT_MAX, &p->outline.text)];
}

static void extract_one(struct bytes c, const char *name, struct outline_pack *p)
{
	const char *type = "";

	p->verdict = extract(c, name, &p->outline, &type, p->why);
	if (p->verdict == EXTRACT_OK)
		strncpy(p->type, type, sizeof(p->type) - 1);
}

/* Nothing is freed: the process ends. */
static int read_one(const struct apart_request *r, struct bytes c)
{
	static struct outline_pack p;
	struct buf rest = { 0 };

	switch (r->kind) {
	case APART_EXTRACT:
		extract_one(c, r->name, &p);
		break;
	case APART_INFLATE:
		inflate_one(c, &p);
		break;
	}
	if (p.verdict != EXTRACT_OK)
		p.outline = (struct outline){ 0 };
	outline_pack_rest(&p, &rest);
	if (rest.failed)
		return APART_NO_MEMORY;
	return write_all(1, buf_bytes(&p.outline.text)) && write_all(1, buf_bytes(&rest)) ?
		       APART_DONE :
		       APART_NO_MEMORY;
}

static void default_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

_Noreturn static void reader(const struct template *t, const struct apart_request *r,
			     const int fds[static APART_FDS])
{
	/* What it adds to what it was forked with, its input included. */
	const struct sandbox_limits limits = { t->space + APART_MEMORY_MAX - SHARED, APART_CPU_S, 3 };
	struct stat st;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	default_signals();
	if (dup2(fds[0], 0) < 0 || dup2(fds[1], 1) < 0 || close_range(3, ~0u, 0) != 0 ||
	    fstat(0, &st) != 0)
		_exit(APART_NO_MEMORY);
	size_t n = (size_t)st.st_size;
	const uint8_t *c = n ? mmap(NULL, n, PROT_READ, MAP_PRIVATE, 0, 0) : (const uint8_t *)"";
	if (c == MAP_FAILED)
		_exit(APART_NO_MEMORY);
	setpriority(PRIO_PROCESS, 0, r->nice);
	sandbox_limit(&limits);
	if (sandbox_enter(t->filter) != 0)
		_exit(APART_NO_SANDBOX);
	_exit(read_one(r, bytes_of(c, n)));
}

/* --- the template ------------------------------------------------------------------------------ */

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* The descriptors of a message. false: not three, all closed. */
static bool take_fds(struct msghdr *m, int fds[static APART_FDS])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return false;
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), MIN(n, (size_t)APART_FDS) * sizeof(int));
	if (n == APART_FDS)
		return true;
	close_all(fds, n);
	return false;
}

static void start_job(struct template *t, const struct apart_request *r, const int fds[static APART_FDS])
{
	pid_t pid = fork();

	if (pid == 0)
		reader(t, r, fds);
	close_all(fds, APART_FDS - 1);
	if (pid > 0)
		t->jobs[t->n++] = (struct job){ pid, fds[2], env_now(&env_system) + TIMEOUT_US };
	else
		close(fds[2]);
}

static void on_control(struct template *t)
{
	union {
		char space[CMSG_SPACE(APART_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct apart_request r;
	struct iovec v = { &r, sizeof(r) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	int fds[APART_FDS];

	ssize_t n = recvmsg(CONTROL, &m, MSG_CMSG_CLOEXEC);
	if (n == 0 || (n < 0 && errno != EINTR))
		t->closed = true;
	if (n <= 0 || !take_fds(&m, fds))
		return;
	r.name[APART_NAME_MAX - 1] = 0;
	if (n == sizeof(r))
		start_job(t, &r, fds);
	else
		close_all(fds, APART_FDS);
}

static void on_end(struct template *t, pid_t pid, int status, const struct rusage *u)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->jobs[i].pid != pid)
			continue;
		const struct apart_report rep = {
			.status = status,
			.peak_kb = u->ru_maxrss,
			.cpu_us = (uint64_t)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000 +
				  (uint64_t)(u->ru_utime.tv_usec + u->ru_stime.tv_usec),
		};
		(void)!send(t->jobs[i].report, &rep, sizeof(rep), MSG_NOSIGNAL);
		close(t->jobs[i].report);
		t->jobs[i] = t->jobs[--t->n];
		return;
	}
}

static void on_children(struct template *t)
{
	struct signalfd_siginfo info;
	struct rusage u;
	int status;
	pid_t pid;

	(void)!read(t->children, &info, sizeof(info));
	while ((pid = wait4(-1, &status, WNOHANG, &u)) > 0)
		on_end(t, pid, status, &u);
}

/* A reader has no handlers and cannot make one: SIGALRM is its end, and says why. */
static void end_late(const struct template *t)
{
	uint64_t now = env_now(&env_system);

	for (size_t i = 0; i < t->n; i++)
		if (now >= t->jobs[i].deadline_us &&
		    now >= t->jobs[i].deadline_us + sandbox_starved_us(t->jobs[i].pid))
			kill(t->jobs[i].pid, SIGALRM);
}

/* One turn: readers that nobody waits for, readers that have ended, a new one. */
static void turn(struct template *t)
{
	struct pollfd f[JOBS_MAX + 2];
	size_t n = t->n;

	for (size_t i = 0; i < n; i++)
		f[i] = (struct pollfd){ .fd = t->jobs[i].report };
	f[n] = (struct pollfd){ .fd = t->children, .events = POLLIN };
	f[n + 1] = (struct pollfd){ .fd = t->closed || n == JOBS_MAX ? -1 : CONTROL, .events = POLLIN };
	if (poll(f, (nfds_t)n + 2, n ? LOOK_MS : -1) < 0)
		return;
	end_late(t);
	for (size_t i = 0; i < n; i++) {
		if (!f[i].revents)
			continue;
		kill(t->jobs[i].pid, SIGKILL); /* not waited for yet: still its own number */
	}
	if (f[n + 1].revents)
		on_control(t);
	if (f[n].revents)
		on_children(t);
}

static void first_to_die(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, "1000", 4);
		close(fd);
	}
}

static size_t address_space(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!f || fscanf(f, "%lu", &pages) != 1)
		pages = 0; /* then the limit is on all of it */
	if (f)
		fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int template_run(void)
{
	struct template t = { .filter = sandbox_filter(SANDBOX_READER) };
	sigset_t child;

	prctl(PR_SET_NAME, "voiced-reader");
	first_to_die();
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	t.children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (!t.filter || t.children < 0)
		return APART_NO_SANDBOX;
	extract_warm();
	t.space = address_space();
	while (!t.closed || t.n)
		turn(&t);
	return 0;
}

__attribute__((constructor)) static void perhaps_template(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], APART_ARGUMENT) == 0)
		_exit(template_run());
}
