#!/usr/bin/env python3
"""Includes point downward only. A layer may include itself and what its row lists:   script/layers.py"""
import pathlib, re, sys
if sys.argv[1:]: sys.exit(print(__doc__))
MAY = {
    'base': '', 'media': 'base', 'net': 'base', 'rtc': 'base media', 'document': 'base', 'knowledge': 'base net document',
    'engine': 'base media document knowledge', 'service': 'base media net engine', 'session': 'base media engine',
    'leg': 'base media rtc net session', 'api': 'base media rtc net document knowledge engine service session leg',
    'app': 'base media rtc net document knowledge engine service session leg api',
}
TESTS = {'leg': 'engine', 'session': 'service'}  # what a layer's tests may use besides: fakes of what stands below the session
bad = 0
for f in sorted(pathlib.Path('src').rglob('*.[ch]')):
    layer = f.parts[1]
    may = MAY[layer].split()
    if re.search(r'(_test\.c|rig\.h)$', f.name): may += TESTS.get(layer, '').split()
    for n, line in enumerate(f.read_text().splitlines(), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not m: continue
        to = m.group(1).split('/')[0]
        if '/' not in m.group(1) or (to != layer and to not in may):
            bad += 1; print(f'{f}:{n}: {layer} must not include {m.group(1)}')
print(f'layers: {bad} wrong includes'); sys.exit(bool(bad))
