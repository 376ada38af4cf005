/* doctor.c - what works, what does not, and the command that mends it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"
#include "app/doctor.h"
#include "base/alloc.h"
#include "base/json.h"
#include "document/sandbox.h"
#include "knowledge/store.h"

static bool exists(const char *dir, const char *name, char path[static 300])
{
	snprintf(path, 300, "%s/%s", dir, name);
	return access(path, R_OK) == 0;
}

static void check_data(const struct config *c, struct finding *f)
{
	struct stat st;

	if (stat(c->data, &st) != 0) {
		f->verdict = BAD;
		snprintf(f->text, sizeof(f->text), "%s does not exist yet", c->data);
		snprintf(f->mend, sizeof(f->mend), "voiced ingest PATH   (it is made by the first one)");
	} else if (!S_ISDIR(st.st_mode) || access(c->data, R_OK | W_OK | X_OK) != 0) {
		f->verdict = BAD;
		snprintf(f->text, sizeof(f->text), "%s cannot be written by this user", c->data);
		snprintf(f->mend, sizeof(f->mend), "sudo chown -R \"$USER\" '%.120s'", c->data);
	} else {
		snprintf(f->text, sizeof(f->text), "%s", c->data);
	}
}

struct counted {
	size_t documents, passages;
};

static int count(void *ctx, const struct store_document *d)
{
	struct counted *n = ctx;

	n->documents++;
	n->passages += d->n_passages;
	return 0;
}

static void check_documents(const struct config *c, struct finding *f)
{
	AUTO(store) struct store *s = NULL;
	struct counted n = { 0 };
	char why[STORE_WHY];
	int64_t id;
	int r = store_reader_open(&s, c->data, why);

	if (r == 0 && store_collection(s, STORE_DEFAULT_COLLECTION, &id) == 0)
		r = store_documents(s, id, count, &n);
	if (r == 0 && n.documents) {
		snprintf(f->text, sizeof(f->text), "%zu documents, %zu passages in %s/voiced.db", n.documents,
			 n.passages, c->data);
		return;
	}
	f->verdict = BAD;
	snprintf(f->text, sizeof(f->text), "%s", r == 0 || r == -ENOENT ? "none has been ingested yet" : why);
	snprintf(f->mend, sizeof(f->mend), "voiced ingest PATH");
}

static void check_embedder(const struct config *c, struct finding *f)
{
	AUTO(store) struct store *s = NULL;
	struct store_state now = { 0 };
	char why[STORE_WHY];
	int64_t id;
	int r = store_reader_open(&s, c->data, why);

	if (r == 0)
		r = store_collection(s, STORE_DEFAULT_COLLECTION, &id);
	if (r == 0)
		r = store_state(s, id, &now);
	if (r != 0 || !now.dim)
		snprintf(f->text, sizeof(f->text), "none yet: search goes by words; one is learned from 32 passages on");
	else
		snprintf(f->text, sizeof(f->text), "%s, %u dimensions", now.embedder, now.dim);
	if (now.next[0]) {
		size_t n = strlen(f->text);

		f->verdict = NOTE;
		snprintf(f->text + n, sizeof(f->text) - n, "; %s has %lld of %lld passages ('voiced serve' or 'voiced ingest' goes on)",
			 now.next, (long long)now.done, (long long)now.total);
	}
}

static void check_certificate(const struct config *c, struct finding *f)
{
	char path[300];

	f->verdict = exists(c->data, "cert.pem", path) ? FINE : NOTE;
	snprintf(f->text, sizeof(f->text), f->verdict == FINE ? "%s" : "%s will be made by the first 'voiced serve'",
		 path);
}

static void check_private_key(const struct config *c, struct finding *f)
{
	char path[300];
	struct stat st;

	if (!exists(c->data, "key.pem", path) || stat(path, &st) != 0) {
		f->verdict = NOTE;
		snprintf(f->text, sizeof(f->text), "%s will be made with the certificate", path);
	} else if (st.st_mode & 077) {
		f->verdict = BAD;
		snprintf(f->text, sizeof(f->text), "%s can be read by others", path);
		snprintf(f->mend, sizeof(f->mend), "chmod 600 '%.150s'", path);
	} else {
		snprintf(f->text, sizeof(f->text), "%s", path);
	}
}

static void check_logs(const struct config *c, struct finding *f)
{
	(void)c;
	snprintf(f->text, sizeof(f->text), "standard error of 'voiced serve'; under systemd: journalctl -u voiced");
}

static void check_model(const struct config *c, struct finding *f)
{
	static const char dir[] = "/usr/share/pocketsphinx/model/en-us";
	char path[300];

	(void)c;
	if (exists(dir, "en-us.lm.bin", path) && exists(dir, "cmudict-en-us.dict", path)) {
		snprintf(f->text, sizeof(f->text), "%s", dir);
		return;
	}
	f->verdict = BAD;
	snprintf(f->text, sizeof(f->text), "the speech model is missing: %s", path);
	snprintf(f->mend, sizeof(f->mend), "apt-get install pocketsphinx-en-us");
}

static void check_pdf(const struct config *c, struct finding *f)
{
	const char *all = getenv("PATH");
	char path[300], dir[256];

	(void)c;
	for (size_t n; all && *all; all += n + (all[n] == ':')) {
		n = strcspn(all, ":");
		snprintf(dir, sizeof(dir), "%.*s", (int)MIN(n, sizeof(dir) - 1), all);
		if (exists(dir, "pdftotext", path)) {
			snprintf(f->text, sizeof(f->text), "%s", path);
			return;
		}
	}
	f->verdict = BAD;
	snprintf(f->text, sizeof(f->text), "pdftotext is missing: PDF files cannot be read");
	snprintf(f->mend, sizeof(f->mend), "apt-get install poppler-utils");
}

static void check_walls(const struct config *c, struct finding *f)
{
	int files = sandbox_files(NULL);

	(void)c;
	if (!sandbox_filter(SANDBOX_READER)) {
		f->verdict = BAD;
		snprintf(f->text, sizeof(f->text), "this kernel has no seccomp filters: only text files can be read");
		snprintf(f->mend, sizeof(f->mend), "a kernel with CONFIG_SECCOMP_FILTER (Debian's has it)");
		return;
	}
	f->verdict = files >= 0 ? FINE : NOTE;
	snprintf(f->text, sizeof(f->text), "what is no text is read behind seccomp%s",
		 files >= 0 ? " and Landlock" : "; the kernel has no Landlock besides");
	if (files >= 0)
		close(files);
}

static const struct {
	const char *name;
	void (*check)(const struct config *c, struct finding *f);
} checks[] = {
	{ "data", check_data },
	{ "documents", check_documents },
	{ "embedder", check_embedder },
	{ "certificate", check_certificate },
	{ "private key", check_private_key },
	{ "logs", check_logs },
	{ "recogniser", check_model },
	{ "PDF reader", check_pdf },
	{ "walls", check_walls },
};

static const char *const words[] = { [FINE] = "ok", [NOTE] = "note", [BAD] = "MISSING" };

static int print_json(const struct finding *found, size_t n, bool good)
{
	AUTO(buf) struct buf out = { 0 };
	AUTO(json) json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name", found[i].name, "state",
							  words[found[i].verdict], "text", found[i].text, "mend",
							  found[i].mend)) != 0)
			return 1;
	AUTO(json) json_t *o = json_pack("{s:b, s:O}", "ok", good, "checks", list);
	json_write(&out, o);
	if (out.failed)
		return 1;
	puts((const char *)out.p);
	return good ? 0 : 1;
}

static void print_text(const struct finding *found, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		printf("%-12s %-8s %s\n", found[i].name, words[found[i].verdict], found[i].text);
		if (found[i].mend[0])
			printf("%-12s %-8s -> %s\n", "", "", found[i].mend);
	}
}

int command_doctor(struct config *c)
{
	AUTO(mem) struct finding *found = mem_calloc(ARRAY_LEN(checks) + DOCTOR_SERVICES_MAX, sizeof(*found));
	bool good = store_init() == 0;
	size_t n = ARRAY_LEN(checks);

	if (!found)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		found[i].name = checks[i].name;
		checks[i].check(c, &found[i]);
	}
	n += doctor_services(c, found + n);
	for (size_t i = 0; i < n; i++)
		good = good && found[i].verdict != BAD;
	if (c->json)
		return print_json(found, n, good);
	print_text(found, n);
	return good ? 0 : 1;
}
