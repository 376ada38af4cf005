#!/usr/bin/env python3
"""Makes deliberately harmful files:   test/harmful/make.py DIRECTORY [--quick]

DIRECTORY/files gets them, among good ones; DIRECTORY/secret.txt is what some try to read; DIRECTORY/list.json
says what each is and what must become of it. The same files on every machine. --quick: the small ones only.
"""
import json
import os
import socket
import stat
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common  # noqa: E402
import pdfs  # noqa: E402, F401
import texts  # noqa: E402, F401
import zips  # noqa: E402, F401

GOOD = {
    'good/lighthouse.md': '# Lighthouse\n\nThe lamp zorvane of the lighthouse is lit at dusk by the keeper.\n',
    'good/harbour.txt': 'The harbour master mulquist writes down every boat that comes in.\n',
    'good/weather.html': '<!doctype html><title>Weather</title><body><h1>Weather</h1><p>The barometer tresketh falls before a storm.</p>',
    'zz-last/last.md': '# Last\n\nThe word quendrill stands in the file that is read after all others.\n',
    'zz-last/last.html': '<!doctype html><title>Last</title><body><p>The word brasklon stands in the last page.</p>',
}
WORDS = ['zorvane', 'mulquist', 'tresketh', 'quendrill', 'brasklon']

# Names of good files, as octets: every system's, and none's.
NAMES = ['café.md'.encode('latin-1'), '日本語.md'.encode('shift-jis'), '日本語.md'.encode(), 'Ωμέγα.md'.encode('iso8859-7'),
         '🚢⚓.md'.encode(), b'line\nbreak.md', b'-rf.md', b'--data.md', b' space .md', b'tab\t.md', b'\x1b[2Jclear.md',
         b'$(touch voiced-evil).md', b"quote'\".md", b'\xff\xfe\xfd.md', b'%s%n%x.md', b'a' * 250 + b'.md',
         '‮dm.exe'.encode() + b'.md', b'con.md', b'a..b.md', b'\x7f\x01.md']


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(content)


def special(files, listed):
    """What is no regular file: nothing of it may be read, waited for or followed without end."""
    d = os.path.join(files, 'special').encode()
    os.makedirs(d)
    os.mkfifo(os.path.join(d, b'pipe.html'))
    os.mkfifo(os.path.join(d, b'pipe.md'))
    os.symlink(b'.', os.path.join(d, b'loop'))
    os.symlink(b'..', os.path.join(d, b'up'))
    os.symlink(b'self.md', os.path.join(d, b'self.md'))
    os.symlink(b'b.md', os.path.join(d, b'a.md'))
    os.symlink(b'a.md', os.path.join(d, b'b.md'))
    os.symlink(os.path.abspath(os.path.join(files, '..', 'secret.txt')), os.path.join(d, b'out.txt'))
    os.symlink(b'/dev/zero', os.path.join(d, b'zero.txt'))
    os.symlink(b'/proc/self/mem', os.path.join(d, b'mem.txt'))
    os.symlink(b'/etc', os.path.join(d, b'etc'))
    here = os.getcwd()
    os.chdir(d)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as s:
        s.bind('socket.md')
    os.chdir(here)
    try:
        os.mknod(os.path.join(d, b'device.txt'), stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pass
    deep = d
    for _ in range(60):
        deep = os.path.join(deep, b'deep')
        os.mkdir(deep)
    write(os.path.join(deep.decode(), 'bottom.md'), b'# Bottom\n\nThe bottom.\n')
    listed.append({'file': 'special', 'expect': 'special'})


def names(files, listed):
    d = os.path.join(files, 'names').encode()
    os.makedirs(d)
    for i, n in enumerate(NAMES):
        with open(os.path.join(d, n), 'wb') as f:
            f.write(b'# Name %d\n\nThe file with a difficult name, number %d.\n' % (i, i))
        listed.append({'file': 'names/%d' % i, 'expect': 'title', 'title': 'Name %d' % i})
        with open(os.path.join(d, n[:-3] + b'.html'), 'wb') as f:
            pass
        listed.append({'file': 'names/%d, empty' % i, 'expect': 'empty name'})


def main(args):
    if not args or args[0].startswith('-'):
        sys.exit(__doc__)
    top, quick = os.path.abspath(args[0]), '--quick' in args
    files = os.path.join(top, 'files')
    context = {'secret': os.path.join(top, 'secret.txt'), 'evil': os.path.join(top, 'voiced-evil.txt'),
               'n': lambda small, large: small if quick else large}
    listed = []
    write(context['secret'], b'The canary hesperidine must never be found.\n')
    for name, content in GOOD.items():
        write(os.path.join(files, name), content.encode())
        listed.append({'file': name, 'expect': 'read'})
    for case in common.CASES:
        if quick and not case['quick']:
            continue
        began = time.monotonic()
        content = case['make'](context)
        write(os.path.join(files, 'harmful', case['name']), content)
        listed.append({'file': 'harmful/' + case['name'], 'expect': case['expect'], 'why': case['why'],
                       'octets': len(content)})
        if '--times' in args:
            print('%6.2f s  %9d  %s' % (time.monotonic() - began, len(content), case['name']))
    names(files, listed)
    special(files, listed)
    with open(os.path.join(top, 'list.json'), 'w') as f:
        json.dump({'words': WORDS, 'canary': 'hesperidine', 'evil': context['evil'], 'files': listed}, f, indent=1)
    print('%d files' % len(listed))


main(sys.argv[1:])
