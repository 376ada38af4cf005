#!/usr/bin/env python3
"""Kill an ingest again and again; what is left must open, be whole, and continue.

    test/crash_ingest.py VOICED [ROUNDS, default 50] [SEED]

Each round changes some files, starts `VOICED ingest --data DIR FOLDER`, and kills it (-9)
at a random moment. Then the database is looked into: whole by SQLite's own check, the
full-text index in step, every document with all its passages, its text the text of one
version of its file. At the end one ingest runs through and must know every file.
"""
import pathlib, random, sqlite3, subprocess, sys, tempfile, time

voiced = sys.argv[1]
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 50
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
dice = random.Random(seed)
FILES = 60


def write(folder, i, version):
    """A file whose every sentence names its number and version: a torn one would show."""
    text = f'# File {i} version {version}\n\n'
    for s in range(dice.randrange(3, 12)):
        text += f'## Part {s}\n\n'
        text += f'This is file {i} in version {version} and nothing else is said here. ' * 12 + '\n\n'
    (folder / f'file{i}.md').write_text(text)


def check(db):
    con = sqlite3.connect(db)
    assert con.execute('PRAGMA integrity_check').fetchone() == ('ok',)
    if con.execute('SELECT count(*) FROM sqlite_schema').fetchone() == (0,):
        return 0  # killed before the schema was there; the next run makes it
    con.execute("INSERT INTO passages_fts(passages_fts) VALUES('integrity-check')")
    for id, text, n in con.execute('SELECT id, text, n_passages FROM documents').fetchall():
        have = con.execute('SELECT text FROM passages WHERE document = ?', (id,)).fetchall()
        assert len(have) == n, f'document {id}: {len(have)} passages of {n}'
        version = text.split('\n', 1)[0].split('version ')[1]
        for (t,) in have:
            assert f'in version {version} and' in t or t.startswith('File'), t[:80]
    orphans = con.execute('SELECT count(*) FROM passages WHERE document NOT IN'
                          ' (SELECT id FROM documents)').fetchone()[0]
    assert orphans == 0
    n = con.execute('SELECT count(*) FROM documents').fetchone()[0]
    con.rollback()
    con.close()
    return n


with tempfile.TemporaryDirectory() as top:
    top = pathlib.Path(top)
    folder, data = top / 'docs', top / 'data'
    folder.mkdir()
    command = [voiced, 'ingest', '--data', str(data), str(folder)]
    for i in range(FILES):
        write(folder, i, 0)
    killed, longest = 0, 0.2
    for r in range(1, rounds + 1):
        for i in dice.sample(range(FILES), 20):
            write(folder, i, r)
        start = time.monotonic()
        p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            code = p.wait(dice.uniform(0, longest))
            assert code == 0, f'round {r}: exit code {code}'
            longest = max(0.01, (time.monotonic() - start) * 1.05)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            killed += 1
        if (data / 'voiced.db').exists() and (data / 'voiced.db').stat().st_size:
            check(data / 'voiced.db')
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert check(data / 'voiced.db') == FILES
    print(f'{rounds} rounds, {killed} killed in the middle, nothing lost (seed {seed})')
