#include "engine/psdecoder.h"

#include <math.h>
#include <pocketsphinx.h>
#include <pthread.h>
#include <sphinxbase/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"

/* How much the documents' model counts beside the general one. Scores are mixed after the
 * language weight, so this is a gentle nudge, not a probability. */
#define EXTRA_WEIGHT 0.3f

enum { LINE_MAX_OCTETS = 512 };

struct psdecoder {
	ps_decoder_t *ps;
	cmd_ln_t *config;
	bool talking;
	struct buf text; /* the last hypothesis, made fit to show */
};

/* libsphinxbase logs to a file that it shares between threads: none at all. */
static pthread_once_t quiet_once = PTHREAD_ONCE_INIT;

static void be_quiet(void)
{
	err_set_logfp(NULL);
}

/* Reads the words of `path` into the decoder's dictionary. */
static bool add_words(ps_decoder_t *ps, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[LINE_MAX_OCTETS];

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		char *phones = line + strcspn(line, " \t");

		line[strcspn(line, "\r\n")] = '\0';
		if (!*phones || phones == line || *line == '#')
			continue;
		*phones++ = '\0';
		/* A word it has already, or a phone it has not, is refused: no harm. */
		ps_add_word(ps, line, phones, FALSE);
	}
	fclose(f);
	return true;
}

/* Reading with the configuration crashes in libsphinxbase where the file is unusable: it
 * weighs a model that is not there. So read without and weigh here. */
static ngram_model_t *read_model(struct psdecoder *d, const char *path, ngram_file_type_t type)
{
	ngram_model_t *lm = ngram_model_read(NULL, path, type, ps_get_logmath(d->ps));

	if (lm)
		ngram_model_apply_weights(lm, (float32)cmd_ln_float32_r(d->config, "-lw"),
					  (float32)cmd_ln_float32_r(d->config, "-wip"));
	return lm;
}

static bool set_models(struct psdecoder *d, const char *general_path, const char *extra_path)
{
	static char general_name[] = "general", extra_name[] = "extra";
	char *names[] = { general_name, extra_name };
	const char *const_names[] = { general_name, extra_name };
	float32 weights[] = { 1.0f - EXTRA_WEIGHT, EXTRA_WEIGHT };
	ngram_model_t *lms[2] = { read_model(d, general_path, NGRAM_BIN), NULL };
	ngram_model_t *lm = lms[0];

	if (!lm)
		return false;
	if (extra_path) {
		lms[1] = read_model(d, extra_path, NGRAM_ARPA);
		lm = lms[1] ? ngram_model_set_init(d->config, lms, names, weights, 2) : NULL;
		/* The set holds references of its own. */
		ngram_model_free(lms[0]);
		ngram_model_free(lms[1]);
		if (lm && !ngram_model_set_interp(lm, const_names, weights)) {
			ngram_model_free(lm);
			lm = NULL;
		}
		if (!lm)
			return false;
	}
	bool ok = ps_set_lm(d->ps, "words", lm) == 0 && ps_set_search(d->ps, "words") == 0;
	ngram_model_free(lm); /* the decoder holds one of its own */
	return ok;
}

static bool build(struct psdecoder *d, const char *dir, const char *extra_dict, const char *extra_lm)
{
	AUTO(mem) char *hmm = mem_printf("%s/en-us/en-us", dir);
	AUTO(mem) char *lm = mem_printf("%s/en-us/en-us.lm.bin", dir);
	AUTO(mem) char *dict = mem_printf("%s/en-us/cmudict-en-us.dict", dir);

	if (!hmm || !lm || !dict || access(hmm, R_OK) != 0 || access(lm, R_OK) != 0 ||
	    access(dict, R_OK) != 0)
		return false;
	/* clang-format off */
	d->config = cmd_ln_init(NULL, ps_args(), TRUE,
		"-hmm", hmm, "-dict", dict,
		"-fwdflat", "no",       /* a second pass: 350 ms more at the end of an utterance */
		"-bestpath", "yes",
		"-remove_silence", "no", /* the turn detector has done that */
		NULL);
	/* clang-format on */
	if (!d->config || !(d->ps = ps_init(d->config)))
		return false;
	if (extra_dict && !add_words(d->ps, extra_dict))
		return false;
	return set_models(d, lm, extra_lm);
}

struct psdecoder *psdecoder_new(const char *model_dir, const char *extra_dict, const char *extra_lm)
{
	struct psdecoder *d = mem_zalloc(sizeof(*d));

	pthread_once(&quiet_once, be_quiet);
	if (!d)
		return NULL;
	if (build(d, model_dir ? model_dir : PSDECODER_MODEL_DIR, extra_dict, extra_lm))
		return d;
	psdecoder_free(d);
	return NULL;
}

void psdecoder_free(struct psdecoder *d)
{
	if (!d)
		return;
	if (d->ps)
		ps_free(d->ps);
	if (d->config)
		cmd_ln_free_r(d->config);
	buf_done(&d->text);
	mem_free(d);
}

void psdecoder_begin(struct psdecoder *d)
{
	ps_start_stream(d->ps);
	d->talking = ps_start_utt(d->ps) == 0;
}

void psdecoder_push(struct psdecoder *d, const int16_t *pcm, size_t n)
{
	if (d->talking)
		ps_process_raw(d->ps, pcm, n, FALSE, FALSE);
}

/* Without the marks of alternative pronunciations, "read(2)", and fillers, "<sil>" "[NOISE]". */
static const char *tidy(struct psdecoder *d, const char *hyp)
{
	buf_reset(&d->text);
	buf_puts(&d->text, "");
	for (const char *p = hyp ? hyp : ""; *(p += strspn(p, " "));) {
		size_t n = strcspn(p, " "), name = 0;

		while (name < n && p[name] != '(')
			name++;
		if (name && !strchr("<[+", *p)) {
			if (d->text.n)
				buf_putc(&d->text, ' ');
			buf_put(&d->text, p, name);
		}
		p += n;
	}
	return d->text.p && d->text.n ? (const char *)d->text.p : "";
}

const char *psdecoder_text(struct psdecoder *d)
{
	return d->talking ? tidy(d, ps_get_hyp(d->ps, NULL)) : "";
}

const char *psdecoder_end(struct psdecoder *d, enum psdecoder_end how)
{
	if (!d->talking)
		return "";
	d->talking = false;
	ps_end_utt(d->ps);
	return how == PSDECODER_FINAL ? tidy(d, ps_get_hyp(d->ps, NULL)) : "";
}
