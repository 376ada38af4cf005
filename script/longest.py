#!/usr/bin/env python3
"""The ten longest functions and files:   script/longest.py
A far outlier is nearly always a ladder that wants to be a table."""
import pathlib, re, sys
if sys.argv[1:]: sys.exit(print(__doc__))
functions, files = [], []
for f in pathlib.Path('src').rglob('*.c'):
    lines = f.read_text().splitlines()
    files.append((len(lines), str(f)))
    start = None
    for n, line in enumerate(lines, 1):
        if line == '{': start = n
        elif line == '}' and start:
            head = next((l for l in reversed(lines[:start - 1]) if re.match(r'^[a-z]', l)), '?')
            m = re.search(r'(\w+)\(', head)
            functions.append((n - start - 1, f'{f}:{m.group(1) if m else head}')); start = None
lengths = sorted(n for n, _ in functions)
if lengths:
    print(f'functions: {len(lengths)}, median {lengths[len(lengths) // 2]} lines, '
          f'9 in 10 under {lengths[len(lengths) * 9 // 10]}')
for rows in (functions, files):
    for n, name in sorted(rows, reverse=True)[:10]: print(f'{n:6} {name}')
