#include "document/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "document/sandbox.h"

enum { PIECE = 65536, NOT_STARTED = 127, DESCRIPTORS = 32 };

static bool find_program(const char *name, char path[static PATH_MAX])
{
	const char *dirs = getenv("PATH");

	for (const char *d = dirs && *dirs ? dirs : "/usr/bin:/bin"; *d;) {
		size_t n = strcspn(d, ":");

		if (n && (size_t)snprintf(path, PATH_MAX, "%.*s/%s", (int)n, d, name) < PATH_MAX &&
		    access(path, X_OK) == 0)
			return true;
		d += n + (d[n] == ':');
	}
	return false;
}

static int input_file(struct bytes in)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	size_t n = 0;

	while (fd >= 0 && n < in.n) {
		ssize_t w = write(fd, in.p + n, in.n - n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			close(fd);
			return -1;
		}
		n += (size_t)w;
	}
	if (fd >= 0 && lseek(fd, 0, SEEK_SET) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

struct start {
	const struct child_params *p;
	const struct sock_fprog *filter;
	const char *path;
	int in, out, files; /* files: -1: no Landlock */
};

/* In the child, between vfork and exec: only what a signal handler may call, and on memory
 * that is the parent's: it may change nothing there but what is its own. */
_Noreturn static void become(const struct start *s)
{
	static char path_var[] = "PATH=/usr/bin:/bin", locale[] = "LC_ALL=C.UTF-8";
	static char *const environment[] = { path_var, locale, NULL };
	const struct sandbox_limits limits = { s->p->memory_max, s->p->cpu_s, DESCRIPTORS };
	char *argv[16] = { NULL };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	int null = open("/dev/null", O_WRONLY);
	if (dup2(s->in, 0) < 0 || dup2(s->out, 1) < 0 || null < 0 || dup2(null, 2) < 0)
		_exit(NOT_STARTED);
	for (size_t i = 0; s->p->argv[i] && i + 1 < ARRAY_LEN(argv); i++)
		argv[i] = (char *)(uintptr_t)s->p->argv[i];
	sandbox_limit(&limits);
	for (int sig = 1; sig < SIGRTMIN; sig++)
		signal(sig, SIG_DFL); /* the parent's handlers would run in its memory */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    (s->files >= 0 && sandbox_enter_files(s->files) != 0) || close_range(3, ~0u, 0) != 0 ||
	    sandbox_enter(s->filter) != 0)
		_exit(NOT_STARTED);
	execve(s->path, argv, environment);
	_exit(NOT_STARTED);
}

/* Until when, not counting the time that others had the processor. */
struct patience {
	uint64_t deadline_us;
	pid_t pid;
};

static int left_ms(const struct patience *p)
{
	uint64_t now = env_now(&env_system), deadline_us = p->deadline_us;

	if (now >= deadline_us)
		deadline_us += sandbox_starved_us(p->pid);
	return now >= deadline_us ? 0 : (int)((deadline_us - now) / US_PER_MS + 1);
}

static enum child_verdict collect(int fd, const struct child_params *p, const struct patience *until,
				  struct buf *out)
{
	size_t before = out->n;

	for (;;) {
		struct pollfd f = { .fd = fd, .events = POLLIN };
		int ms = left_ms(until), r = ms ? poll(&f, 1, ms) : 0;

		if (!ms)
			return CHILD_TIMEOUT;
		if (r == 0 || (r < 0 && errno == EINTR))
			continue;
		if (r < 0)
			return CHILD_NO_MEMORY;
		uint8_t *to = buf_reserve(out, PIECE);
		if (!to)
			return CHILD_NO_MEMORY;
		ssize_t n = read(fd, to, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return CHILD_OK;
		out->n += (size_t)n;
		out->p[out->n] = 0;
		if (out->n - before > p->output_max)
			return CHILD_TOO_LARGE;
	}
}

/* It has closed its output; give it until the deadline to end, too. */
static enum child_verdict reap(const struct patience *until, enum child_verdict v, int *status)
{
	pid_t pid = until->pid;

	if (v == CHILD_OK) {
		while (waitpid(pid, status, WNOHANG) == 0) {
			if (!left_ms(until)) {
				v = CHILD_TIMEOUT;
				break;
			}
			poll(NULL, 0, 1);
		}
	}
	if (v != CHILD_OK) {
		kill(pid, SIGKILL);
		while (waitpid(pid, status, 0) < 0 && errno == EINTR)
			;
		return v;
	}
	if (WIFSIGNALED(*status) && (WTERMSIG(*status) == SIGXCPU || WTERMSIG(*status) == SIGKILL))
		return CHILD_TIMEOUT;
	if (WIFEXITED(*status) && WEXITSTATUS(*status) == NOT_STARTED)
		return CHILD_MISSING;
	return *status == 0 ? CHILD_OK : CHILD_FAILED;
}

static enum child_verdict watch(const struct start *s, int from, struct buf *out, int *status)
{
	struct patience until = { .deadline_us = env_now(&env_system) +
						 (uint64_t)s->p->timeout_ms * US_PER_MS };
	sigset_t all, before;

	/* Not fork(): it copies the tables of all our memory, 60 ms for 500 MB. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = vfork();
	if (pid == 0)
		become(s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(s->out);
	if (pid < 0)
		return CHILD_NO_MEMORY;
	until.pid = pid;
	return reap(&until, collect(from, s->p, &until, out), status);
}

enum child_verdict child_run(const struct child_params *p, struct buf *out, int *status)
{
	struct start s = { .p = p, .filter = sandbox_filter(SANDBOX_PROGRAM) };
	char path[PATH_MAX], dir[PATH_MAX];
	int pipes[2];

	if (!find_program(p->argv[0], path))
		return CHILD_MISSING;
	if (!s.filter)
		return CHILD_NO_SANDBOX;
	s.path = path;
	s.in = input_file(p->input);
	if (s.in < 0)
		return CHILD_NO_MEMORY;
	if (pipe2(pipes, O_CLOEXEC) != 0) {
		close(s.in);
		return CHILD_NO_MEMORY;
	}
	s.out = pipes[1];
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	s.files = sandbox_files(dir);
	enum child_verdict v = watch(&s, pipes[0], out, status);
	close(s.in);
	close(pipes[0]);
	if (s.files >= 0)
		close(s.files);
	return v;
}
