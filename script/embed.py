#!/usr/bin/env python3
"""The files of web/ as C arrays, so that one binary serves the page:   script/embed.py OUT.c FILE…"""
import hashlib, pathlib, sys
if len(sys.argv) < 3: sys.exit(print(__doc__))
TYPES = {'.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8',
         '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml', '.png': 'image/png',
         '.json': 'application/json', '.webmanifest': 'application/manifest+json'}
out, files = sys.argv[1], sorted(map(pathlib.Path, sys.argv[2:]), key=lambda f: f.name)
text = ['/* Made by script/embed.py from web/. */', '#include "api/page.h"', '']
rows = []
for i, f in enumerate(files):
    data = f.read_bytes()
    body = ','.join(map(str, data))
    text.append(f'static const unsigned char file{i}[] = {{ {body or 0} }};')
    path = '/' if f.name == 'index.html' else '/' + f.name
    rows.append(f'\t{{ "{path}", "{TYPES[f.suffix]}", "\\"{hashlib.sha256(data).hexdigest()[:16]}\\"", {{ file{i}, {len(data)} }} }},')
text += ['', 'const struct page_file page_files[] = {', *rows, '};',
         f'const size_t n_page_files = {len(files)};', '']
pathlib.Path(out).write_text('\n'.join(text))
