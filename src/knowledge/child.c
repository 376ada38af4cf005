#include "knowledge/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"

enum { PIECE = 65536, NOT_STARTED = 127 };

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

static void limit(int what, rlim_t most)
{
	const struct rlimit r = { most, most };

	(void)setrlimit(what, &r);
}

/* In the child, between fork and exec: only what a signal handler may call. */
static void become(const struct child_params *p, const char *path, int in, int out)
{
	static char path_var[] = "PATH=/usr/bin:/bin", locale[] = "LC_ALL=C.UTF-8";
	static char *const environment[] = { path_var, locale, NULL };
	char *argv[16] = { NULL };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)!unshare(CLONE_NEWUSER | CLONE_NEWNET); /* without a network if we may */
	int null = open("/dev/null", O_WRONLY);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || null < 0 || dup2(null, 2) < 0)
		_exit(NOT_STARTED);
	close_range(3, ~0u, 0);
	limit(RLIMIT_CPU, p->cpu_s);
	limit(RLIMIT_AS, p->memory_max);
	limit(RLIMIT_FSIZE, p->output_max);
	limit(RLIMIT_CORE, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (size_t i = 0; p->argv[i] && i + 1 < ARRAY_LEN(argv); i++)
		argv[i] = (char *)(uintptr_t)p->argv[i];
	execve(path, argv, environment);
	_exit(NOT_STARTED);
}

static int left_ms(uint64_t deadline_us)
{
	uint64_t now = env_now(&env_system);

	return now >= deadline_us ? 0 : (int)((deadline_us - now) / US_PER_MS + 1);
}

static enum child_verdict collect(int fd, const struct child_params *p, uint64_t deadline_us,
				  struct buf *out)
{
	size_t before = out->n;

	for (;;) {
		struct pollfd f = { .fd = fd, .events = POLLIN };
		int ms = left_ms(deadline_us), r = ms ? poll(&f, 1, ms) : 0;

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return CHILD_TIMEOUT;
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
static enum child_verdict reap(pid_t pid, enum child_verdict v, uint64_t deadline_us, int *status)
{
	if (v == CHILD_OK) {
		while (waitpid(pid, status, WNOHANG) == 0) {
			if (!left_ms(deadline_us)) {
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

enum child_verdict child_run(const struct child_params *p, struct buf *out, int *status)
{
	char path[PATH_MAX];
	int pipes[2];

	if (!find_program(p->argv[0], path))
		return CHILD_MISSING;
	int in = input_file(p->input);
	if (in < 0)
		return CHILD_NO_MEMORY;
	if (pipe2(pipes, O_CLOEXEC) != 0) {
		close(in);
		return CHILD_NO_MEMORY;
	}
	uint64_t deadline_us = env_now(&env_system) + (uint64_t)p->timeout_ms * US_PER_MS;
	pid_t pid = fork();
	if (pid == 0)
		become(p, path, in, pipes[1]);
	close(in);
	close(pipes[1]);
	enum child_verdict v = CHILD_NO_MEMORY;
	if (pid > 0)
		v = reap(pid, collect(pipes[0], p, deadline_us, out), deadline_us, status);
	close(pipes[0]);
	return v;
}
