#!/usr/bin/env python3
"""Kill the program (-9) at its write calls; what is left must open, be whole, and go on.

    test/crash_ingest.py VOICED [KILLS, default 50] [SEED]

For each thing the program does with its documents (a first ingest, one after changes, a removal)
its calls that change files are counted, and the kills spread evenly over all of them: strace
sends the signal before the chosen call is made. Every time the database is looked into: whole by
SQLite's own checks, the full-text index in step with the passages, every document with all of its
passages and their text that of one version of its file, nothing gone that had been acknowledged.
Then the same command runs again, undisturbed, and must come to the same end. Needs strace.
"""
import collections, concurrent.futures, os, pathlib, random, re, shutil, sqlite3, subprocess, sys, tempfile

if len(sys.argv) < 2: sys.exit(__doc__)
voiced = str(pathlib.Path(sys.argv[1]).resolve())
kills = int(sys.argv[2]) if len(sys.argv) > 2 else 50
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
dice = random.Random(seed)
FILES = 20
CALLS = 'pwrite64,fdatasync,fsync,ftruncate,fallocate,rename,renameat,renameat2,unlink,unlinkat,link,linkat,mkdir'


def write(folder, i, version):
    """A file whose every sentence names its number and version: a torn one would show."""
    text = f'# File {i} version {version}\n\n'
    for s in range(dice.randrange(3, 9)):
        text += f'## Part {s}\n\n'
        text += f'This is file {i} in version {version} and nothing else is said here. ' * 12 + '\n\n'
    (folder / f'file{i}.md').write_text(text)


def look(db):
    """{number: version} of the documents, when all is well."""
    con = sqlite3.connect(db)
    assert con.execute('PRAGMA integrity_check').fetchall() == [('ok',)]
    if con.execute('SELECT count(*) FROM sqlite_schema').fetchone() == (0,):
        return {}  # killed before the schema was there; the next run makes it
    con.execute("INSERT INTO passages_fts(passages_fts, rank) VALUES('integrity-check', 1)")
    assert con.execute('PRAGMA foreign_key_check').fetchall() == []
    found = {}
    for id, text, n in con.execute('SELECT id, text, n_passages FROM documents').fetchall():
        have = con.execute('SELECT text FROM passages WHERE document = ?', (id,)).fetchall()
        assert len(have) == n, f'document {id}: {len(have)} passages of {n}'
        number, version = re.match(r'.*File (\d+) version (\d+)', text).groups()
        for (t,) in have:
            assert f'file {number} in version {version} and' in t or t.startswith('File'), t[:80]
        found[int(number)] = int(version)
    for (path, n) in con.execute('SELECT path, count(*) FROM documents GROUP BY path'):
        assert n == 1, path
    assert con.execute('SELECT count(*) FROM vectors WHERE passage NOT IN (SELECT id FROM passages)').fetchone() == (0,)
    con.rollback()
    con.close()
    return found


class Case:
    """What is there before, what is run, what may be there then and must be there in the end."""

    def __init__(self, name, top, before, files, after, words):
        self.name, self.before, self.after, self.words = name, before, after, words
        self.docs, self.data = top / name / 'docs', top / name / 'data'
        self.docs.mkdir(parents=True)
        for i, v in before.items():
            write(self.docs, i, v)
        if before:
            subprocess.run([voiced, 'ingest', '--data', self.data, self.docs], check=True, stdout=subprocess.DEVNULL)
            assert look(self.data / 'voiced.db') == before
        for f in self.docs.iterdir():
            f.unlink()
        for i, v in files.items():
            write(self.docs, i, v)
        self.points = self.count(top)

    def command(self, data):
        return [voiced, *[w if w != 'DOCS' else str(self.docs) for w in self.words], '--data', str(data)]

    def start(self, data):
        if self.data.exists():
            shutil.copytree(self.data, data)

    def count(self, top):
        """Every (call, n) there is; strace counts them by call and thread."""
        data, log = top / self.name / 'counted', top / 'strace'
        self.start(data)
        subprocess.run(['strace', '-f', '-qq', '-o', log, '-e', 'trace=' + CALLS, *self.command(data)], check=True,
                       stdout=subprocess.DEVNULL)
        assert look(data / 'voiced.db') == self.after
        n = collections.Counter()
        for line in log.read_text().splitlines():
            m = re.match(r'(\d+) +(\w+)\(', line)
            if m: n[m.groups()] += 1
        most = collections.Counter()
        for (_, call), k in n.items():
            most[call] = max(most[call], k)
        return [(call, i) for call, k in sorted(most.items()) for i in range(1, k + 1)]

    def kill(self, top, point):
        """True: it was killed; False: it came to its end before."""
        call, n = point
        data = pathlib.Path(tempfile.mkdtemp(dir=top)) / 'data'
        try:
            self.start(data)
            p = subprocess.run(['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=' + call, '-e',
                                f'inject={call}:signal=KILL:when={n}', *self.command(data)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            killed = p.returncode != 0
            have = {}
            if (data / 'voiced.db').exists():
                have = look(data / 'voiced.db')
            for i in self.before.keys() | self.after.keys() | have.keys():
                assert have.get(i) in (self.before.get(i), self.after.get(i)), f'document {i}: {have.get(i)}'
            if not killed:
                assert have == self.after
            p = subprocess.run(self.command(data), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            gone = self.words[0] == 'documents' and 'there is no document' in p.stdout
            assert p.returncode == 0 or gone, p.stdout
            assert look(data / 'voiced.db') == self.after
            return killed
        except AssertionError as e:
            raise AssertionError(f'{self.name}, {call} {n}: {e}') from e
        finally:
            shutil.rmtree(data.parent)


# In memory where there is such a file system: a killed program's writes are in the kernel either way.
with tempfile.TemporaryDirectory(dir='/dev/shm' if os.path.isdir('/dev/shm') else None) as top:
    top = pathlib.Path(top)
    old = {i: 0 for i in range(FILES)}
    new = {i: int(i % 3 == 0) for i in range(FILES + 4) if i % 5 != 4}
    cases = [Case('first', top, {}, old, old, ['ingest', 'DOCS']),
             Case('changed', top, old, new, new, ['ingest', 'DOCS'])]
    if re.search(r'^ *documents ', subprocess.run([voiced, '--help'], capture_output=True, text=True).stdout, re.M):
        few = {i: 0 for i in range(FILES) if i % 10 != 1 and i != 7}
        cases.append(Case('removed', top, old, {}, few, ['documents', 'remove', '*1.md', '*file7.md']))
    points = [(c, p) for c in cases for p in c.points]
    chosen = [points[(k * len(points) + seed) // kills % len(points)] for k in range(kills)]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda cp: (cp[0].name, cp[0].kill(top, cp[1])), chosen))
    for c in cases:
        mine = [killed for name, killed in done if name == c.name]
        print(f'{c.name:8} {len(c.points):5} calls that change files; {len(mine):4} runs, {sum(mine):4} killed at one')
print(f'{len(done)} runs, {sum(k for _, k in done)} killed (-9), nothing lost (seed {seed})')
