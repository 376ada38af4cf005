#include "document/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CODE_MAX = 1024, R = BIT(SANDBOX_READER), P = BIT(SANDBOX_PROGRAM) };

#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)

/* Allowed where argument `arg` & mask is `value`; no condition where mask is 0. */
struct rule {
	const char *call;
	unsigned kinds;
	unsigned arg;
	uint64_t mask, value;
};

/* clang-format off */
static const struct rule allowed[] = {
	{ "read",            R | P, 0, 0, 0 }, { "readv",          R | P, 0, 0, 0 },
	{ "pread64",         R | P, 0, 0, 0 }, { "lseek",          R | P, 0, 0, 0 },
	{ "write",           R | P, 0, 0, 0 }, { "writev",         R | P, 0, 0, 0 },
	{ "close",           R | P, 0, 0, 0 }, { "fstat",          R | P, 0, 0, 0 },
	{ "brk",             R | P, 0, 0, 0 }, { "munmap",         R | P, 0, 0, 0 },
	{ "mremap",          R | P, 0, 0, 0 }, { "madvise",        R | P, 0, 0, 0 },
	{ "futex",           R | P, 0, 0, 0 }, { "getrandom",      R | P, 0, 0, 0 },
	{ "clock_gettime",   R | P, 0, 0, 0 }, { "clock_getres",   R | P, 0, 0, 0 },
	{ "gettimeofday",    R | P, 0, 0, 0 }, { "time",           R | P, 0, 0, 0 },
	{ "exit",            R | P, 0, 0, 0 }, { "exit_group",     R | P, 0, 0, 0 },
	{ "rt_sigreturn",    R | P, 0, 0, 0 }, { "restart_syscall", R | P, 0, 0, 0 },
	{ "sched_yield",     R | P, 0, 0, 0 }, { "getpid",         R | P, 0, 0, 0 },
	{ "gettid",          R | P, 0, 0, 0 }, { "sigaltstack",    R | P, 0, 0, 0 },
	/* glibc's fstat() */
	{ "newfstatat",      R,     3, AT_EMPTY_PATH, AT_EMPTY_PATH },
	/* Memory is never code. */
	{ "mmap",            R,     2, PROT_EXEC, 0 }, { "mprotect", R,    2, PROT_EXEC, 0 },

	/* The loader's and pdftotext's. */
	{ "mmap",            P,     0, 0, 0 }, { "mprotect",       P,     0, 0, 0 },
	{ "execve",          P,     0, 0, 0 }, { "arch_prctl",     P,     0, 0, 0 },
	{ "open",            P,     1, WRITES, 0 }, { "openat",    P,     2, WRITES, 0 },
	{ "newfstatat",      P,     0, 0, 0 }, { "stat",           P,     0, 0, 0 },
	{ "lstat",           P,     0, 0, 0 }, { "statx",          P,     0, 0, 0 },
	{ "access",          P,     0, 0, 0 }, { "faccessat",      P,     0, 0, 0 },
	{ "faccessat2",      P,     0, 0, 0 }, { "readlink",       P,     0, 0, 0 },
	{ "readlinkat",      P,     0, 0, 0 }, { "getcwd",         P,     0, 0, 0 },
	{ "getdents64",      P,     0, 0, 0 }, { "fadvise64",      P,     0, 0, 0 },
	{ "fcntl",           P,     0, 0, 0 }, { "dup",            P,     0, 0, 0 },
	{ "set_tid_address", P,     0, 0, 0 }, { "set_robust_list", P,    0, 0, 0 },
	{ "rseq",            P,     0, 0, 0 }, { "prlimit64",      P,     2, UINT64_MAX, 0 },
	{ "getrlimit",       P,     0, 0, 0 }, { "getrusage",      P,     0, 0, 0 },
	{ "rt_sigaction",    P,     0, 0, 0 }, { "rt_sigprocmask", P,     0, 0, 0 },
	{ "sysinfo",         P,     0, 0, 0 },
	{ "uname",           P,     0, 0, 0 }, { "sched_getaffinity", P,  0, 0, 0 },
	{ "clock_nanosleep", P,     0, 0, 0 }, { "nanosleep",      P,     0, 0, 0 },
	{ "getuid",          P,     0, 0, 0 }, { "geteuid",        P,     0, 0, 0 },
	{ "getgid",          P,     0, 0, 0 }, { "getegid",        P,     0, 0, 0 },
	{ "getppid",         P,     0, 0, 0 },
};

/* What libraries try in good faith: they are told that they may not. */
static const char *const refused[] = {
	"open", "openat", "stat", "lstat", "statx", "newfstatat", "access", "faccessat", "faccessat2",
	"readlink", "readlinkat", "getcwd", "getdents64", "mmap", "mprotect", "ioctl", "fcntl", "dup",
	"pipe2", "memfd_create", "getrlimit", "prlimit64", "getrusage", "sysinfo", "uname",
	"sched_getaffinity", "rt_sigaction", "rt_sigprocmask", "prctl", "getuid", "geteuid",
	"getgid", "getegid", "getppid", "membarrier",
};
/* clang-format on */

static int allow(scmp_filter_ctx f, const struct rule *r)
{
	int nr = seccomp_syscall_resolve_name(r->call);

	if (nr == __NR_SCMP_ERROR)
		return 0; /* not on this machine */
	if (!r->mask)
		return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 0);
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1,
				SCMP_CMP(r->arg, SCMP_CMP_MASKED_EQ, r->mask, r->value));
}

/* The condition under which a reader may make the call, if there is one. */
static const struct rule *condition(const char *call)
{
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		if ((allowed[i].kinds & R) && allowed[i].mask && strcmp(allowed[i].call, call) == 0)
			return &allowed[i];
	return NULL;
}

static int refuse(scmp_filter_ctx f, const char *call)
{
	int nr = seccomp_syscall_resolve_name(call);
	const struct rule *r = condition(call);

	if (nr == __NR_SCMP_ERROR)
		return 0;
	if (!r)
		return seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), nr, 0);
	return seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), nr, 1,
				SCMP_CMP(r->arg, SCMP_CMP_MASKED_EQ, r->mask, r->mask & ~r->value));
}

/* --- made once --------------------------------------------------------------------------- */

static struct {
	pthread_once_t once;
	struct sock_filter code[CODE_MAX];
	struct sock_fprog prog; /* .len 0: failed */
	int error;
} made[SANDBOX_KINDS] = {
	[SANDBOX_READER] = { .once = PTHREAD_ONCE_INIT },
	[SANDBOX_PROGRAM] = { .once = PTHREAD_ONCE_INIT },
};

static int fill(scmp_filter_ctx f, enum sandbox_kind kind)
{
	int r = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(allowed); i++)
		if (allowed[i].kinds & BIT(kind))
			r = allow(f, &allowed[i]);
	for (size_t i = 0; r == 0 && kind == SANDBOX_READER && i < ARRAY_LEN(refused); i++)
		r = refuse(f, refused[i]);
	return r;
}

/* libseccomp 2.5 gives the code to a file only. */
static int take_code(scmp_filter_ctx f, enum sandbox_kind kind)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : seccomp_export_bpf(f, fd);

	if (r == 0) {
		ssize_t n = pread(fd, made[kind].code, sizeof(made[kind].code), 0);
		if (n <= 0 || n == sizeof(made[kind].code))
			r = -E2BIG;
		else
			made[kind].prog = (struct sock_fprog){
				(unsigned short)((size_t)n / sizeof(*made[kind].code)), made[kind].code };
	}
	if (fd >= 0)
		close(fd);
	return r;
}

static void make(enum sandbox_kind kind)
{
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
		made[kind].error = errno; /* a kernel without */
		return;
	}
	scmp_filter_ctx f =
		seccomp_init(kind == SANDBOX_READER ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
	int r = f ? fill(f, kind) : -ENOMEM;

	if (r == 0)
		r = take_code(f, kind);
	if (f)
		seccomp_release(f);
	made[kind].error = -r;
}

static void make_reader(void)
{
	make(SANDBOX_READER);
}

static void make_program(void)
{
	make(SANDBOX_PROGRAM);
}

const struct sock_fprog *sandbox_filter(enum sandbox_kind kind)
{
	pthread_once(&made[kind].once, kind == SANDBOX_READER ? make_reader : make_program);
	if (made[kind].prog.len)
		return &made[kind].prog;
	errno = made[kind].error;
	return NULL;
}

int sandbox_enter(const struct sock_fprog *filter)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0) != 0)
		return -errno;
	return 0;
}

/* --- Landlock: since Linux 5.13; by system call, as glibc has no functions for it ------------ */

enum { READS = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR };

static void let_read(int files, const char *dir)
{
	struct landlock_path_beneath_attr a = { .allowed_access = READS };
	struct stat st;

	a.parent_fd = open(dir, O_PATH | O_CLOEXEC);
	if (a.parent_fd < 0)
		return; /* what is not there cannot be read either */
	if (fstat(a.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		a.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
	(void)syscall(SYS_landlock_add_rule, files, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	close(a.parent_fd);
}

int sandbox_files(const char *dir)
{
	static const char *const dirs[] = { "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime",
					     "/dev/null" };
	/* All that its first version (5.13) knows: every way to write, make or remove. */
	const struct landlock_ruleset_attr all = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	int files = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);

	if (files < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		let_read(files, dirs[i]);
	if (dir)
		let_read(files, dir);
	return files;
}

int sandbox_enter_files(int files)
{
	return syscall(SYS_landlock_restrict_self, files, 0) == 0 ? 0 : -errno;
}

/* --- amounts ----------------------------------------------------------------------------- */

static void limit(int what, rlim_t most, rlim_t hard)
{
	const struct rlimit r = { most, hard };

	(void)setrlimit(what, &r);
}

void sandbox_limit(const struct sandbox_limits *l)
{
#if !SANITIZED /* a shadow is terabytes of address space */
	limit(RLIMIT_AS, l->memory_max, l->memory_max);
#endif
	limit(RLIMIT_CPU, l->cpu_s, l->cpu_s + 1);
	limit(RLIMIT_NOFILE, l->n_files, l->n_files);
	limit(RLIMIT_FSIZE, 0, 0);
	limit(RLIMIT_NPROC, 0, 0);
	limit(RLIMIT_CORE, 0, 0);
}

uint64_t sandbox_starved_us(int pid)
{
	char path[64];
	unsigned long long ran_ns, waited_ns = 0;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu %llu", &ran_ns, &waited_ns) != 2)
		waited_ns = 0;
	fclose(f);
	return waited_ns / 1000;
}
