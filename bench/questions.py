#!/usr/bin/env python3
"""The development questions, typed and spoken: where does an answer get lost?

usage: bench/questions.py BUILD_DIR [--set NAME ...] [--voices slt,slt-hts,kdlpc] [--typed-only] [--verbose] [--again]

Ingests each set's documents, asks the questions of bench/dev_questions with bench_questions, typed and as the
recogniser heard them from synthetic voices, and prints totals with word error rates. What was spoken and heard is
kept in --folder and used again; --again hears anew (for changes of the recogniser or its adaptation).
Needs flite, festival, festvox-us-slt-hts, festvox-kdlpc16k, sox, debian-policy, developers-reference and, for the
set `faq`, debian-faq and maint-guide.
"""
import argparse, glob, hashlib, pathlib, re, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
TABLES = HERE / 'dev_questions'
POLICY = '/usr/share/doc/debian-policy/policy.html/ch-*.html'
DOCUMENTS = {
    'examples': [str(HERE.parent / 'examples')],
    'faq': sorted(glob.glob('/usr/share/doc/debian/FAQ/*.en.html') + glob.glob('/usr/share/doc/maint-guide/html/*.en.html')),
    'debian': sorted(glob.glob(POLICY)) + ['/usr/share/developers-reference/developers-reference.pdf'],
}
VOICES = {
    'slt': lambda text, wav: ['flite', '-voice', 'slt', '-t', text, '-o', wav],
    'slt-hts': lambda text, wav: ['text2wave', '-eval', '(voice_cmu_us_slt_arctic_hts)', '-F', '16000', '-o', wav],
    'kdlpc': lambda text, wav: ['text2wave', '-eval', '(voice_ked_diphone)', '-F', '16000', '-o', wav],
}


def table(name):
    head, *rows = (l.split('\t') for l in (TABLES / f'{name}.tsv').read_text().splitlines())
    return [dict(zip(head, r)) for r in rows]


def questions(name):
    """(id, question) of a set, answerable and not."""
    return [(r['id'], r['question']) for r in table(name)] + \
        [(r['id'], r['question']) for r in table('unanswerable') if r['set'] == name]


def speak(text, voice, folder):
    """As test/tools/speech.mjs does: with silence around it, at -6 dB."""
    wav = folder / f'{voice}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.wav'
    if not wav.exists():
        raw = folder / f'{voice}-raw.wav'
        subprocess.run(VOICES[voice](text, str(raw)), input=text.encode(), check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        subprocess.run(['sox', '-D', raw, '-r', '16000', '-c', '1', '-b', '16', wav, 'gain', '-n', '-6', 'pad', '0.3', '0.8'],
                       check=True)
    return wav


def hear(build, name, voice, folder, data, again):
    """The file of what was heard (id, tab, words), and the recogniser's word error rate."""
    heard, rate = folder / f'{name}-{voice}.heard', folder / f'{name}-{voice}.wer'
    asked = questions(name)
    if again or not heard.exists() or len(heard.read_text().splitlines()) != len(asked):
        listing = folder / f'{name}-{voice}.list'
        listing.write_text(''.join(f'{speak(text, voice, folder)}\t{text}\n' for _, text in asked))
        newest = max((data / 'recogniser').glob('*.dict'), key=lambda p: p.stat().st_mtime)
        out = subprocess.run([build / 'src/engine/bench_speech', '--dict', newest, '--lm', newest.with_suffix('.lm'), listing],
                             check=True, capture_output=True, text=True).stdout
        said = re.findall(r'^\d+/\d+ (.*)\n     = ', out, flags=re.M)
        heard.write_text(''.join(f'{i}\t{words}\n' for (i, _), words in zip(asked, said, strict=True)))
        rate.write_text(re.search(r'WER ([\d.]+)', out)[1])
    return heard, rate.read_text()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('build', type=pathlib.Path)
    p.add_argument('--set', action='append', choices=DOCUMENTS)
    p.add_argument('--voices', default='slt,slt-hts,kdlpc')
    p.add_argument('--typed-only', action='store_true')
    p.add_argument('--verbose', action='store_true')
    p.add_argument('--again', action='store_true')
    p.add_argument('--folder', type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / 'voiced-bench-questions')
    a = p.parse_args()
    for name in a.set or DOCUMENTS:
        data = a.folder / name
        data.mkdir(parents=True, exist_ok=True)
        subprocess.run([a.build / 'voiced', 'ingest', '--data', data, *DOCUMENTS[name]], check=True, capture_output=True)
        command = [a.build / 'src/engine/bench_questions'] + (['--verbose'] if a.verbose else [])
        rest = [data, name, TABLES / f'{name}.tsv', TABLES / 'unanswerable.tsv']
        subprocess.run(command + rest, check=True)
        for voice in [] if a.typed_only else a.voices.split(','):
            heard, rate = hear(a.build, name, voice, a.folder, data, a.again)
            print(f'{voice:8} WER {rate:>4} %  ', end='', flush=True)
            subprocess.run(command + ['--heard', heard] + rest, check=True)


sys.exit(main())
