#!/usr/bin/env python3
"""Many passages from Debian's documentation packages, and questions drawn from them; always the same.

usage: bench/passages.py FOLDER [--passages N] [--cranfield DIR]

Fetches the packages below (apt-get download; nothing is installed), takes the text out of their HTML and plain text, and writes
    FOLDER/passages.tsv   N lines "manual, tab, text" (1,000,000); the first 10,000 are the small set, and so on
    FOLDER/questions.tsv  lines "set, tab, question": `cranfield`, its 225 where DIR is given, and `drawn`, 1,000 runs
                          of 4 to 12 words out of the first 10,000 passages, common words left in
There are not a million passages in the packages. One is made of runs of one to three sentences out of one file, drawn until
there are 60 to 120 words: words, sentences and their company are the manuals', and hardly two passages are the same.
"""
import argparse, gzip, html.parser, multiprocessing, os, pathlib, random, re, subprocess, sys

PACKAGES = ['debian-policy', 'developers-reference', 'debian-reference-en', 'maint-guide', 'debian-faq', 'debian-handbook',
            'debmake-doc', 'python3.11-doc', 'postgresql-doc-15', 'git-doc', 'apache2-doc']
LEAST, MOST, RUN, FILE_MIN = 60, 120, 3, 200  # words, words, sentences, words of a file that is worth it
ENGLISH = ('the', 'of')


class Text(html.parser.HTMLParser):
    BLOCKS = {'p', 'div', 'li', 'dd', 'dt', 'td', 'th', 'tr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'br', 'section', 'table'}
    SKIPPED = {'script', 'style', 'nav', 'head', 'pre'}

    def __init__(self):
        super().__init__()
        self.out, self.skip = [], 0

    def handle_starttag(self, tag, attrs):
        self.skip += tag in self.SKIPPED
        self.out += ['\n\n'] * (tag in self.BLOCKS)

    def handle_endtag(self, tag):
        self.skip -= tag in self.SKIPPED and self.skip > 0
        self.out += ['\n\n'] * (tag in self.BLOCKS)

    def handle_data(self, data):
        if not self.skip:
            self.out.append(data)


def fetch(folder):
    """{package: version}; the packages' files are in folder/files."""
    debs = folder / 'debs'
    debs.mkdir(parents=True, exist_ok=True)
    missing = [p for p in PACKAGES if not list(debs.glob(f'{p}_*.deb'))]
    if missing:
        subprocess.run(['apt-get', 'download', '-qq'] + missing, cwd=debs, check=True, stderr=subprocess.DEVNULL)
    for deb in sorted(debs.glob('*.deb')):
        to = folder / 'files' / deb.name.split('_')[0]
        if not to.exists():
            to.parent.mkdir(exist_ok=True)
            subprocess.run(['dpkg-deb', '-x', deb, to], check=True)
    return {d.name.split('_')[0]: d.name.split('_')[1].replace('%3a', ':') for d in sorted(debs.glob('*.deb'))}


def sentences(path):
    """The sentences of a file, each a list of words."""
    raw = gzip.open(path).read() if path.suffix == '.gz' else path.read_bytes()
    text = raw.decode('utf-8', 'replace')
    if '.htm' in path.name:
        parser = Text()
        parser.feed(text)
        text = ''.join(parser.out)
    out = []
    for block in re.split(r'\n\s*\n', text):
        for s in re.split(r'(?<=[.!?])\s+(?=["“(]?[A-Z])', ' '.join(block.split())):
            words = s.split()
            if 5 <= len(words) <= 50 and sum(w[:1].isalpha() for w in words) > 0.7 * len(words):
                out.append(words)
    return out


def is_worth_it(of):
    """Long enough, and English, as the questions are."""
    words = [w.lower() for s in of for w in s]
    return len(words) >= FILE_MIN and sum(w in ENGLISH for w in words) > 0.04 * len(words)


def read_manuals(folder):
    """[(name, sentences)] of the files that have enough, in a fixed order."""
    files = sorted(p for p in (folder / 'files').rglob('*') if p.is_file() and not p.is_symlink() and
                   re.search(r'\.(html?|txt)(\.gz)?$', p.name) and not re.search(r'singlehtml|/html/(?!en-US)[a-z]{2}-[A-Z]{2}/', str(p)))
    with multiprocessing.Pool() as pool:
        found = zip(files, pool.map(sentences, files, chunksize=32))
        names = ((f'{p.relative_to(folder / "files").parts[0]}: {p.name.split(".")[0]}', s) for p, s in found)
        return [(n, s) for n, s in names if is_worth_it(s)]


def draw(manuals, weights, rng):
    name, of = rng.choices(manuals, cum_weights=weights)[0]
    least, words = rng.randint(LEAST, MOST - 20), []
    while len(words) < least:
        at = rng.randrange(len(of))
        for s in of[at:at + rng.randint(1, RUN)]:
            words += s
    return name, words[:MOST]


def questions(folder, cranfield, rng):
    out = []
    if cranfield:
        records = re.split(r'^\.I.*\n\.W\n', (cranfield / 'cran.qry').read_text(), flags=re.M)[1:]
        out += [('cranfield', ' '.join(r.split())) for r in records]
    with open(folder / 'passages.tsv') as f:
        small = [next(f).rstrip('\n').split('\t')[1].split() for _ in range(10000)]
    while sum(s == 'drawn' for s, _ in out) < 1000:
        words, n = rng.choice(small), rng.randint(4, 12)
        at = rng.randrange(len(words) - n)
        out.append(('drawn', ' '.join(words[at:at + n])))
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('folder', type=pathlib.Path)
    p.add_argument('--passages', type=int, default=1000000)
    p.add_argument('--cranfield', type=pathlib.Path)
    a = p.parse_args()
    done = a.folder / f'{a.passages}.done'
    versions = fetch(a.folder)
    if not done.exists():
        manuals = read_manuals(a.folder)
        weights, total = [], 0
        for _, s in manuals:
            total += sum(map(len, s))
            weights.append(total)
        rng = random.Random(4)
        with open(a.folder / 'passages.tsv', 'w') as f:
            for _ in range(a.passages):
                name, words = draw(manuals, weights, rng)
                f.write(f'{name}\t{" ".join(words)}\n')
        done.write_text(f'{len(manuals):,} files, {sum(len(s) for _, s in manuals):,} sentences, {total:,} words')
    with open(a.folder / 'questions.tsv', 'w') as f:
        f.writelines(f'{s}\t{q}\n' for s, q in questions(a.folder, a.cranfield, random.Random(5)))
    print('from ' + ', '.join(f'{n} {v}' for n, v in versions.items()))
    print(f'{done.read_text()}; {a.passages:,} passages of {LEAST} to {MOST} words')


sys.exit(main())
