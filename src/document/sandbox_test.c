#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "document/sandbox.h"

/* What a process behind the wall tries: 0: it could; 1: it was refused; ends of its own kind. */
static int try_open(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : errno == EPERM ? 1 : 2;
}

static int try_write(void)
{
	return open("/dev/shm/voiced-sandbox-test", O_WRONLY | O_CREAT, 0600) >= 0 ? 0 : 1;
}

static int try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno == EPERM ? 1 : 2;
}

static int try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : errno == EPERM ? 1 : 2;
}

static int try_fork(void)
{
	return fork() >= 0 ? 0 : errno == EPERM ? 1 : 2;
}

static int try_kill(void)
{
	return kill(getppid(), 0) == 0 ? 0 : errno == EPERM ? 1 : 2;
}

static int try_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 ? 0 : errno == EPERM ? 1 : 2;
}

static int try_exec(void)
{
	char *const argv[] = { (char *)(uintptr_t) "true", NULL };

	execve("/bin/true", argv, NULL);
	return errno == EPERM ? 1 : 2;
}

static int try_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED ? 0 : errno == EPERM ? 1 : 2;
}

static int try_no_alarm(void)
{
	struct itimerval t = { 0 };

	return setitimer(ITIMER_REAL, &t, NULL) == 0 ? 0 : errno == EPERM ? 1 : 2;
}

static int try_memory(void)
{
	void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stat st;

	return p != MAP_FAILED && munmap(p, 1 << 20) == 0 && fstat(0, &st) == 0 && write(1, "", 0) == 0 ? 0 : 1;
}

enum { KILLED = -1, COULD = 0, REFUSED = 1 };

static int in_sandbox(enum sandbox_kind kind, int (*what)(void))
{
	const struct sock_fprog *f = sandbox_filter(kind);
	int status;

	fflush(NULL);
	pid_t pid = f ? fork() : -1;
	if (pid == 0)
		_exit(sandbox_enter(f) == 0 ? what() : 9);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 10;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? KILLED : WEXITSTATUS(status);
}

static void shuts_in(void)
{
	static const struct {
		int (*what)(void);
		int reader, program;
	} rows[] = {
		{ try_memory, COULD, COULD },	  { try_open, REFUSED, COULD },
		{ try_write, REFUSED, REFUSED },  { try_code, REFUSED, COULD },
		{ try_socket, KILLED, REFUSED },  { try_unix, KILLED, REFUSED },
		{ try_fork, KILLED, REFUSED },	  { try_kill, KILLED, REFUSED },
		{ try_ptrace, KILLED, REFUSED },  { try_exec, KILLED, COULD },
		{ try_no_alarm, KILLED, REFUSED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int r = in_sandbox(SANDBOX_READER, rows[i].what);
		int p = in_sandbox(SANDBOX_PROGRAM, rows[i].what);

		CHECK_EQ(r, rows[i].reader);
		CHECK_EQ(p, rows[i].program);
	}
	CHECK(access("/dev/shm/voiced-sandbox-test", F_OK) != 0);
}

static int read_file(const char *path, const char *allowed)
{
	int status, files = sandbox_files(allowed);
	const struct sock_fprog *f = sandbox_filter(SANDBOX_PROGRAM);

	if (files < 0)
		return -1; /* an older kernel */
	pid_t pid = f ? fork() : -1;
	if (pid == 0)
		_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sandbox_enter_files(files) == 0 &&
				      sandbox_enter(f) == 0 ?
			      open(path, O_RDONLY) < 0 :
			      9);
	close(files);
	return pid > 0 && waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 10;
}

static void shuts_files(void)
{
	int r = read_file("/usr/bin/env", NULL);

	if (r < 0)
		return;
	CHECK_EQ(r, COULD);
	CHECK_EQ(read_file("/etc/passwd", NULL), REFUSED);
	CHECK_EQ(read_file("/etc/passwd", "/etc"), COULD);
}

TESTS({ "shuts_in", shuts_in }, { "shuts_files", shuts_files })
