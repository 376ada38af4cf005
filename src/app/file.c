#include "app/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

static int because(char why[static FILE_WHY], const char *what, const char *path, int err)
{
	snprintf(why, FILE_WHY, "cannot %s %s: %s%s", what, path, strerror(err),
		 err == ENOSPC ? "; free some room and try again" :
		 err == EACCES ? "; check its owner and permissions" :
				 "");
	return -err;
}

/* To the end, though not more than max: what is no file has no size to be asked for first. */
static int read_all(int fd, size_t max, struct buf *to)
{
	size_t before = to->n;

	for (;;) {
		void *at = buf_reserve(to, 65536);

		if (!at)
			return -ENOMEM;
		ssize_t n = read(fd, at, 65536);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		to->n += (size_t)n;
		if (to->n - before > max) {
			to->n = before;
			return -EFBIG;
		}
	}
}

int file_read(const char *path, size_t max, struct buf *to, char why[static FILE_WHY])
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return because(why, "read", path, errno);
	int r = fstat(fd, &st) == 0 ? 0 : -errno;
	if (r == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR;
	if (r == 0 && (size_t)st.st_size > max)
		r = -EFBIG;
	if (r == 0)
		r = read_all(fd, max, to);
	close(fd);
	if (r != -EFBIG)
		return r == 0 ? 0 : because(why, "read", path, -r);
	if ((size_t)st.st_size > max)
		snprintf(why, FILE_WHY, "%s is too large: %lld MB, at most %zu", path,
			 (long long)st.st_size >> 20, max >> 20);
	else
		snprintf(why, FILE_WHY, "%s is too large: at most %zu MB", path, max >> 20);
	return r;
}

static int write_all(int fd, struct bytes b)
{
	for (size_t done = 0; done < b.n;) {
		ssize_t n = write(fd, b.p + done, b.n - done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int file_write(const char *path, struct bytes content, char why[static FILE_WHY])
{
	AUTO(mem) char *beside = mem_printf("%s.part", path);
	if (!beside)
		return because(why, "write", path, ENOMEM);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return because(why, "write", path, errno);

	int r = write_all(fd, content);
	if (close(fd) != 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(beside, path) != 0)
		r = -errno;
	if (r == 0)
		return 0;
	unlink(beside);
	return because(why, "write", path, -r);
}

/* After a power cut it is still there: that it is stands in the directory above. */
static int make_dir(const char *path)
{
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? 0 : -errno;
	AUTO(mem) char *above = mem_printf("%s/..", path);
	int fd = above ? open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		(void)fsync(fd); /* not every file system can */
		close(fd);
	}
	return 0;
}

int file_mkdir(const char *path, char why[static FILE_WHY])
{
	AUTO(mem) char *p = mem_strdup(path);
	int r = 0;

	if (!p)
		return because(why, "make", path, ENOMEM);
	for (char *s = p + 1; r == 0 && *s; s++) {
		if (*s != '/')
			continue;
		*s = 0;
		r = make_dir(p);
		*s = '/';
	}
	if (r == 0)
		r = make_dir(p);
	return r == 0 ? 0 : because(why, "make", path, -r);
}
