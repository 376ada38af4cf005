#include "knowledge/faultvfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512, FILES_MAX = 16 };

const char *const fault_names[FAULT_KINDS] = {
	[FAULT_NONE] = "none",		 [FAULT_ERROR] = "error",
	[FAULT_FULL] = "full",		 [FAULT_SHORT] = "short",
	[FAULT_BUSY] = "busy",		 [FAULT_CUT_CLEAN] = "cut, clean",
	[FAULT_CUT_LATE] = "cut, late",	 [FAULT_CUT_TORN] = "cut, torn",
	[FAULT_CUT_GARBAGE] = "cut, garbage", [FAULT_LIE] = "lie",
};

/* A write since the last sync; what == NULL: the file was cut to `n` octets. */
struct change {
	struct change *next;
	size_t at, n;
	uint8_t *what;
};

/* What a disk knows of a file. */
struct image {
	uint8_t *p;
	size_t n;
	struct change *first, **last;
};

struct file {
	char path[512];
	struct image now;
	struct image before; /* of the file deleted under this name, while that is not for good */
	bool exists;         /* as far as programs see */
	bool named;          /* `now` is in the directory for good */
	bool was;            /* `before` may still be there */
};

struct handle {
	sqlite3_file base;
	struct file *file; /* NULL: not followed */
	sqlite3_file *inner;
};

static struct {
	sqlite3_vfs vfs, *inner;
	struct fault_plan plan;
	unsigned long calls;
	bool struck, dead;
	uint64_t dice;
	struct file *files[FILES_MAX];
} d;

/* --- which calls a fault concerns ----------------------------------------------------------- */

enum op { OP_OPEN, OP_MAKE, OP_DELETE, OP_ACCESS, OP_READ, OP_WRITE, OP_TRUNCATE, OP_SYNC, OP_SIZE,
	  OP_LOCK, OP_SHM_MAP, OP_SHM_GROW, OP_SHM_LOCK };

enum {
	ANY = BIT(FAULT_NONE) | BIT(FAULT_ERROR),
	CUTS = BIT(FAULT_CUT_CLEAN) | BIT(FAULT_CUT_LATE) | BIT(FAULT_CUT_TORN) | BIT(FAULT_CUT_GARBAGE),
	CHANGES = ANY | CUTS | BIT(FAULT_LIE),
};

static const struct {
	unsigned kinds;
	int error, full;
} ops[] = {
	[OP_OPEN] = { ANY, SQLITE_CANTOPEN, 0 },
	[OP_MAKE] = { ANY | CUTS | BIT(FAULT_FULL), SQLITE_CANTOPEN, SQLITE_CANTOPEN },
	[OP_DELETE] = { CHANGES, SQLITE_IOERR_DELETE, 0 },
	[OP_ACCESS] = { ANY, SQLITE_IOERR_ACCESS, 0 },
	[OP_READ] = { ANY, SQLITE_IOERR_READ, 0 },
	[OP_WRITE] = { CHANGES | BIT(FAULT_FULL) | BIT(FAULT_SHORT), SQLITE_IOERR_WRITE, SQLITE_FULL },
	[OP_TRUNCATE] = { CHANGES, SQLITE_IOERR_TRUNCATE, 0 },
	[OP_SYNC] = { CHANGES, SQLITE_IOERR_FSYNC, 0 },
	[OP_SIZE] = { ANY, SQLITE_IOERR_FSTAT, 0 },
	[OP_LOCK] = { ANY | BIT(FAULT_BUSY), SQLITE_IOERR_LOCK, 0 },
	[OP_SHM_MAP] = { ANY, SQLITE_IOERR_SHMMAP, 0 },
	[OP_SHM_GROW] = { ANY | BIT(FAULT_FULL), SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_SHMSIZE },
	[OP_SHM_LOCK] = { ANY | BIT(FAULT_BUSY), SQLITE_IOERR_SHMLOCK, 0 },
};

bool faultvfs_is_cut(enum fault kind)
{
	return (BIT(kind) & CUTS) != 0;
}

/* What happens to this call. */
enum blow { BLOW_NONE, BLOW_FAIL, BLOW_PIECE, BLOW_SKIP };

static enum blow strike(enum op op)
{
	if (d.dead)
		return BLOW_FAIL;
	if (!(ops[op].kinds & BIT(d.plan.kind)))
		return BLOW_NONE;
	d.calls++;
	if (!d.plan.at || (d.plan.lasting ? d.calls < d.plan.at : d.calls != d.plan.at))
		return BLOW_NONE;
	d.struck = true;
	if (getenv("FAULTS_TELL"))
		fprintf(stderr, "    call %lu: op %u\n", d.calls, op);
	d.dead = faultvfs_is_cut(d.plan.kind);
	return d.plan.kind == FAULT_NONE  ? BLOW_NONE :
	       d.plan.kind == FAULT_SHORT ? BLOW_PIECE :
	       d.plan.kind == FAULT_LIE	  ? BLOW_SKIP :
					    BLOW_FAIL;
}

static int code(enum op op)
{
	return d.dead			   ? ops[op].error :
	       d.plan.kind == FAULT_BUSY   ? SQLITE_BUSY :
	       d.plan.kind == FAULT_FULL   ? ops[op].full :
					     ops[op].error;
}

static uint64_t roll(void)
{
	d.dice ^= d.dice << 13;
	d.dice ^= d.dice >> 7;
	d.dice ^= d.dice << 17;
	return d.dice;
}

/* --- what the disk knows ---------------------------------------------------------------------- */

/* The test's own memory: neither counted nor failed. */
static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void image_resize(struct image *i, size_t n)
{
	i->p = must(realloc(i->p, n + 1));
	if (n > i->n)
		memset(i->p + i->n, 0, n - i->n);
	i->n = n;
}

static void image_put(struct image *i, size_t at, const uint8_t *what, size_t n)
{
	if (at + n > i->n)
		image_resize(i, at + n);
	memcpy(i->p + at, what, n);
}

static void image_note(struct image *i, size_t at, const void *what, size_t n)
{
	struct change *c = must(calloc(1, sizeof(*c)));

	*c = (struct change){ .at = at, .n = n };
	if (what)
		c->what = memcpy(must(malloc(n + 1)), what, n);
	if (!i->first)
		i->last = &i->first;
	*i->last = c;
	i->last = &c->next;
}

/* A write, sector by sector, as the plan and chance want it. */
static void image_tear(struct image *i, const struct change *c, enum fault kind)
{
	for (size_t done = 0; done < c->n;) {
		size_t n = SECTOR - (c->at + done) % SECTOR;
		uint8_t noise[SECTOR];

		n = n < c->n - done ? n : c->n - done;
		uint64_t chance = roll() % 4;
		if (kind == FAULT_CUT_LATE || chance >= 2) {
			image_put(i, c->at + done, c->what + done, n);
		} else if (kind == FAULT_CUT_GARBAGE && chance == 1) {
			for (size_t k = 0; k < n; k++)
				noise[k] = (uint8_t)roll();
			image_put(i, c->at + done, noise, n);
		}
		done += n;
	}
}

/* All changes reach the disk, or what is left of them. */
static void image_settle(struct image *i, enum fault kind)
{
	for (struct change *c = i->first, *next; c; c = next) {
		next = c->next;
		if (kind == FAULT_NONE && c->what)
			image_put(i, c->at, c->what, c->n);
		else if (kind == FAULT_NONE)
			image_resize(i, c->n);
		else if (kind != FAULT_CUT_CLEAN && c->what)
			image_tear(i, c, kind);
		else if (kind == FAULT_CUT_LATE || (kind != FAULT_CUT_CLEAN && roll() % 2))
			image_resize(i, c->n);
		free(c->what);
		free(c);
	}
	i->first = NULL;
}

static void image_done(struct image *i)
{
	image_settle(i, FAULT_CUT_CLEAN);
	free(i->p);
	*i = (struct image){ 0 };
}

static void image_load(struct image *i, const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t piece[8192];
	size_t n;

	while (f && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		image_put(i, i->n, piece, n);
	if (f)
		fclose(f);
}

/* --- files ------------------------------------------------------------------------------------ */

static struct file *find(const char *path)
{
	size_t i = 0;

	for (; i < FILES_MAX && d.files[i]; i++)
		if (strcmp(d.files[i]->path, path) == 0)
			return d.files[i];
	if (i == FILES_MAX)
		abort();
	struct file *f = d.files[i] = must(calloc(1, sizeof(*f)));
	snprintf(f->path, sizeof(f->path), "%s", path);
	return f;
}

static bool followed(const char *path)
{
	return path && faultvfs_is_cut(d.plan.kind) && !d.dead;
}

/* Before it is opened. */
static struct file *follow(const char *path, bool makes)
{
	bool there = followed(path) && access(path, F_OK) == 0;

	if (!followed(path) || (!there && !makes))
		return NULL;
	struct file *f = find(path);


	if (!f->exists && there) {
		image_load(&f->now, path);
		f->named = f->now.n > 0; /* an empty one has just been made */
	} else if (!there) {
		f->named = false;
	}
	f->exists = true;
	return f;
}

static void file_synced(struct file *f)
{
	image_settle(&f->now, FAULT_NONE);
	if (f->named)
		return;
	/* The system's VFS syncs the directory with the first sync of a log: all names in it. */
	for (size_t i = 0; i < FILES_MAX && d.files[i]; i++) {
		d.files[i]->named = true;
		d.files[i]->was = false;
	}
}

static void file_deleted(const char *path, bool for_good)
{
	if (!followed(path))
		return;
	struct file *f = find(path);

	if (!f->exists) {
		image_load(&f->now, path);
		f->named = true;
	}
	f->exists = false;
	if (f->named && !for_good) {
		image_done(&f->before);
		f->before = f->now;
		if (f->before.first) /* the list's end moves with it */
			for (f->before.last = &f->before.first; *f->before.last;)
				f->before.last = &(*f->before.last)->next;
		f->now = (struct image){ 0 };
		f->was = true;
	} else if (for_good) {
		f->was = false;
	}
	image_done(&f->now);
	f->named = false;
}

static void forget(void)
{
	for (size_t i = 0; i < FILES_MAX && d.files[i]; i++) {
		image_done(&d.files[i]->now);
		image_done(&d.files[i]->before);
		free(d.files[i]);
		d.files[i] = NULL;
	}
}

/* Which of the two that may stand under this name does; NULL: none. */
static struct image *left(struct file *f)
{
	bool late = d.plan.kind == FAULT_CUT_LATE, clean = d.plan.kind == FAULT_CUT_CLEAN;

	if (f->exists && (f->named || late || (!clean && roll() % 2)))
		return &f->now;
	return f->was && !late && (clean || roll() % 2) ? &f->before : NULL;
}

static int leave(struct file *f)
{
	struct image *i = left(f);

	if (!i)
		return remove(f->path) == 0 || errno == ENOENT ? 0 : -errno;
	image_settle(i, d.plan.kind);
	FILE *to = fopen(f->path, "we");
	if (!to)
		return -errno;
	bool ok = i->n == 0 || fwrite(i->p, 1, i->n, to) == i->n;
	return fclose(to) == 0 && ok ? 0 : -EIO;
}

/* The memory that processes share does not outlive the machine. */
static void remove_shm(const char *path)
{
	char shm[sizeof(d.files[0]->path) + 8];

	snprintf(shm, sizeof(shm), "%s-shm", path);
	(void)!unlink(shm);
}

int faultvfs_restart(void)
{
	int r = 0;

	if (!d.dead) /* the plan's call was not reached: nothing has happened */
		forget();
	for (size_t i = 0; r == 0 && i < FILES_MAX && d.files[i]; i++) {
		r = leave(d.files[i]);
		remove_shm(d.files[i]->path);
	}
	faultvfs_plan((struct fault_plan){ 0 });
	return r;
}

void faultvfs_plan(struct fault_plan p)
{
	forget();
	d.plan = p;
	d.calls = 0;
	d.struck = d.dead = false;
	d.dice = p.seed * 0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d;
	(void)roll();
}

unsigned long faultvfs_calls(void)
{
	return d.calls;
}

bool faultvfs_struck(void)
{
	return d.struck;
}

/* --- SQLite's interface: open files ------------------------------------------------------------ */

static sqlite3_file *inner(sqlite3_file *f)
{
	return ((struct handle *)f)->inner;
}

static int on_close(sqlite3_file *f)
{
	return inner(f)->pMethods->xClose(inner(f));
}

static int on_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	if (strike(OP_READ) == BLOW_FAIL)
		return code(OP_READ);
	return inner(f)->pMethods->xRead(inner(f), to, n, at);
}

static int on_write(sqlite3_file *f, const void *what, int n, sqlite3_int64 at)
{
	struct handle *h = (struct handle *)f;

	if (h->file && !d.dead) /* also that in whose middle the power goes */
		image_note(&h->file->now, (size_t)at, what, (size_t)n);
	switch (strike(OP_WRITE)) {
	case BLOW_FAIL:
		return code(OP_WRITE);
	case BLOW_SKIP:
		return SQLITE_OK;
	case BLOW_PIECE:
		(void)inner(f)->pMethods->xWrite(inner(f), what, n / 2, at);
		return SQLITE_FULL;
	case BLOW_NONE:
		break;
	}
	return inner(f)->pMethods->xWrite(inner(f), what, n, at);
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	struct handle *h = (struct handle *)f;

	if (h->file && !d.dead)
		image_note(&h->file->now, 0, NULL, (size_t)n);
	enum blow b = strike(OP_TRUNCATE);
	if (b != BLOW_NONE)
		return b == BLOW_SKIP ? SQLITE_OK : code(OP_TRUNCATE);
	return inner(f)->pMethods->xTruncate(inner(f), n);
}

/* To the kernel, not to the platter: the disk that counts is d.files. */
static int on_sync(sqlite3_file *f, int flags)
{
	struct handle *h = (struct handle *)f;
	enum blow b = strike(OP_SYNC);

	(void)flags;
	if (b != BLOW_NONE)
		return b == BLOW_SKIP ? SQLITE_OK : code(OP_SYNC);
	if (h->file)
		file_synced(h->file);
	return SQLITE_OK;
}

static int on_size(sqlite3_file *f, sqlite3_int64 *n)
{
	if (strike(OP_SIZE) == BLOW_FAIL)
		return code(OP_SIZE);
	return inner(f)->pMethods->xFileSize(inner(f), n);
}

static int on_lock(sqlite3_file *f, int level)
{
	if (strike(OP_LOCK) == BLOW_FAIL)
		return code(OP_LOCK);
	return inner(f)->pMethods->xLock(inner(f), level);
}

static int on_unlock(sqlite3_file *f, int level)
{
	return inner(f)->pMethods->xUnlock(inner(f), level);
}

static int on_reserved(sqlite3_file *f, int *out)
{
	return inner(f)->pMethods->xCheckReservedLock(inner(f), out);
}

static int on_control(sqlite3_file *f, int op, void *arg)
{
	return inner(f)->pMethods->xFileControl(inner(f), op, arg);
}

static int on_sector(sqlite3_file *f)
{
	return inner(f)->pMethods->xSectorSize(inner(f));
}

static int on_device(sqlite3_file *f)
{
	return inner(f)->pMethods->xDeviceCharacteristics(inner(f));
}

static int on_shm_map(sqlite3_file *f, int page, int size, int grow, void volatile **out)
{
	enum op op = grow ? OP_SHM_GROW : OP_SHM_MAP;

	if (strike(op) == BLOW_FAIL)
		return code(op);
	return inner(f)->pMethods->xShmMap(inner(f), page, size, grow, out);
}

static int on_shm_lock(sqlite3_file *f, int from, int n, int flags)
{
	if ((flags & SQLITE_SHM_LOCK) && strike(OP_SHM_LOCK) == BLOW_FAIL)
		return code(OP_SHM_LOCK);
	return inner(f)->pMethods->xShmLock(inner(f), from, n, flags);
}

static void on_shm_barrier(sqlite3_file *f)
{
	inner(f)->pMethods->xShmBarrier(inner(f));
}

static int on_shm_unmap(sqlite3_file *f, int remove_it)
{
	return inner(f)->pMethods->xShmUnmap(inner(f), remove_it);
}

static const sqlite3_io_methods methods = {
	2,	   on_close,	on_read,    on_write,  on_truncate, on_sync,	on_size,	on_lock,	on_unlock,
	on_reserved, on_control, on_sector, on_device, on_shm_map,  on_shm_lock, on_shm_barrier, on_shm_unmap,
	NULL,	   NULL,
};

/* --- SQLite's interface: names ----------------------------------------------------------------- */

static int on_open(sqlite3_vfs *v, const char *path, sqlite3_file *f, int flags, int *out)
{
	struct handle *h = (struct handle *)f;
	bool makes = path && (flags & SQLITE_OPEN_CREATE) && access(path, F_OK) != 0;
	enum op op = makes ? OP_MAKE : OP_OPEN;

	(void)v;
	f->pMethods = NULL;
	if (strike(op) == BLOW_FAIL)
		return code(op);
	struct file *file = follow(path, makes);
	h->inner = (sqlite3_file *)(h + 1);
	int rc = d.inner->xOpen(d.inner, path, h->inner, flags, out);
	if (rc != SQLITE_OK)
		return rc;
	h->file = file;
	f->pMethods = &methods;
	return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *v, const char *path, int sync_dir)
{
	enum blow b = strike(OP_DELETE);

	(void)v;
	if (b != BLOW_NONE)
		return b == BLOW_SKIP ? SQLITE_OK : code(OP_DELETE);
	file_deleted(path, sync_dir != 0);
	return d.inner->xDelete(d.inner, path, 0);
}

static int on_access(sqlite3_vfs *v, const char *path, int flags, int *out)
{
	(void)v;
	if (strike(OP_ACCESS) == BLOW_FAIL)
		return code(OP_ACCESS);
	return d.inner->xAccess(d.inner, path, flags, out);
}

static int on_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	return us;
}

/* Why the last call failed. */
static int on_last_error(sqlite3_vfs *v, int n, char *text)
{
	(void)v;
	if (!d.struck)
		return d.inner->xGetLastError(d.inner, n, text);
	return d.plan.kind == FAULT_FULL || d.plan.kind == FAULT_SHORT ? ENOSPC : EIO;
}

int faultvfs_init(void)
{
	faultvfs_plan((struct fault_plan){ 0 });
	d.inner = sqlite3_vfs_find("unix");
	if (!d.inner)
		return -ENOENT;
	d.vfs = *d.inner;
	d.vfs.zName = "faults";
	d.vfs.pNext = NULL;
	d.vfs.szOsFile = (int)sizeof(struct handle) + d.inner->szOsFile;
	d.vfs.xOpen = on_open;
	d.vfs.xDelete = on_delete;
	d.vfs.xAccess = on_access;
	d.vfs.xSleep = on_sleep;
	d.vfs.xGetLastError = on_last_error;
	return sqlite3_vfs_register(&d.vfs, 1) == SQLITE_OK ? 0 : -ENOMEM;
}

void faultvfs_done(void)
{
	faultvfs_plan((struct fault_plan){ 0 });
	sqlite3_vfs_unregister(&d.vfs);
}
