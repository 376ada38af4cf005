#!/usr/bin/env python3
"""Recognition, measured: general model against the documents' words, several voices.

usage: bench/speech.py BUILD_DIR [--documents FOLDER] [--paced] [--questions FILE]

Speaks the questions with Flite's slt and Festival's slt (HTS) and ked (diphone), adds the
human recordings of pocketsphinx-testdata, and runs bench_speech on each. Needs sox, flite,
festival, festvox-us-slt-hts, festvox-kdlpc16k, pocketsphinx-testdata.
"""
import argparse, html, pathlib, re, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
TESTDATA = pathlib.Path('/usr/share/pocketsphinx/test/data')
NUMBERS = 'zero one two three four five six seven eight nine'.split()


def flite(text, wav):
    subprocess.run(['flite', '-voice', 'slt', '-t', text, '-o', str(wav)], check=True)


def festival(voice):
    def speak(text, wav):
        subprocess.run(['text2wave', '-eval', f'(voice_{voice})', '-o', str(wav)], input=text.encode(), check=True,
                       stderr=subprocess.DEVNULL)
    return speak


VOICES = {'flite-slt': flite, 'festival-slt-hts': festival('cmu_us_slt_arctic_hts'),
          'festival-ked': festival('ked_diphone')}


def synthetic(voice, questions, folder):
    rows = []
    for i, text in enumerate(questions):
        raw, wav = folder / 'raw.wav', folder / f'{voice}-{i:03}.wav'
        if not wav.exists():
            VOICES[voice](text, raw)
            subprocess.run(['sox', '-D', str(raw), '-r', '16000', '-c', '1', '-b', '16', str(wav), 'pad', '0.2', '0.3'],
                           check=True)
        rows.append((wav, text))
    return rows


def human(folder):
    rows = []
    base = TESTDATA / 'librivox'
    for name, text in zip((base / 'fileids').read_text().split(), (base / 'transcription').read_text().splitlines()):
        rows.append((base / f'{name}.wav', re.sub(r'\(.*?\)|</?s>', '', text).strip()))
    for name in ('goforward', 'numbers', 'something'):
        wav = folder / f'{name}.wav'
        subprocess.run(['sox', '-D', '-t', 'raw', '-r', '16000', '-e', 'signed', '-b', '16', '-c', '1',
                        str(TESTDATA / f'{name}.raw'), str(wav)], check=True)
    rows.append((folder / 'goforward.wav', 'go forward ten meters'))
    return rows


def read_documents(folder):
    text = []
    for f in sorted(pathlib.Path(folder).iterdir()):
        if f.suffix == '.pdf':
            pages = subprocess.run(['pdftotext', str(f), '-'], check=True, capture_output=True, text=True).stdout
            text.append(re.sub(r'(?<!\n)\n(?!\n)', ' ', pages))
        elif f.suffix == '.html':
            text.append(html.unescape(re.sub(r'<[^>]*>', '\n', f.read_text())))
        elif f.suffix in ('.md', '.txt'):
            text.append(re.sub(r'^[#>*-]+ ', '', f.read_text(), flags=re.M))
    return '\n\n'.join(text)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('build')
    p.add_argument('--documents', help='folder of .md .txt .html .pdf to learn words and sentences from')
    p.add_argument('--paced', action='store_true')
    p.add_argument('--questions', default=HERE / 'speech_questions.txt')
    p.add_argument('--folder', help='keep the recordings here; otherwise they go when this ends')
    p.add_argument('--verbose', action='store_true')
    a = p.parse_args()
    with tempfile.TemporaryDirectory(prefix='voiced-speech-') as passing:
        folder = pathlib.Path(a.folder or passing)
        folder.mkdir(exist_ok=True)
        measure(a, folder)


def measure(a, folder):
    program = pathlib.Path(a.build) / 'src/engine/bench_speech'
    questions = [q for q in pathlib.Path(a.questions).read_text().splitlines() if q.strip()]
    sets = {voice: synthetic(voice, questions, folder) for voice in VOICES}
    sets['human'] = human(folder)
    learn = []
    if a.documents:
        (folder / 'documents.txt').write_text(read_documents(a.documents))
        learn = ['--learn', str(folder / 'documents.txt'), '--dict', str(folder / 'extra.dict'),
                 '--lm', str(folder / 'extra.arpa')]
    for name, rows in sets.items():
        listing = folder / f'{name}.list'
        listing.write_text(''.join(f'{wav}\t{text}\n' for wav, text in rows))
        for kind in ['general'] + (['adapted'] if learn else []):
            args = [str(program), str(listing)] + ([] if a.verbose else ['--quiet'])
            if kind == 'adapted':
                args += learn
            if a.paced:
                args.append('--paced')
            print(f'== {name}, {kind}', flush=True)
            subprocess.run(args, check=True)


sys.exit(main())
