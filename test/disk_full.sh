#!/bin/sh
# What an ingest says and leaves when the disk is full: on small disks of several sizes, so that it
# is full at other moments. Needs root (it mounts a tmpfs).
#   test/disk_full.sh VOICED [KB...]
set -eu
voiced=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- 8 40 64 100 160 300 500 1000 2000 4000
[ "$(id -u)" = 0 ] || { echo "disk full: left out, it needs root to mount a small disk"; exit 0; }
top=$(mktemp -d)
mkdir "$top/data" "$top/docs"
trap 'umount "$top/data" 2>/dev/null; rm -rf "$top"' EXIT
i=0
while [ $i -lt 24 ]; do
	{ echo "# File $i"; yes "This is sentence number $i of a text that takes some room." | head -n 1500; } >"$top/docs/f$i.md"
	i=$((i + 1))
done
fail() { echo "$size KB: $1"; cat "$top/out"; exit 1; }
for size; do
	mount -t tmpfs -o size="${size}k" tmpfs "$top/data"
	if "$voiced" ingest --data "$top/data" "$top/docs" >"$top/out" 2>&1; then fail "it did not notice"; fi
	grep -q 'disk is full\|No space left' "$top/out" || fail "no sentence about it"
	mount -o remount,size=64m "$top/data"
	"$voiced" ingest --data "$top/data" "$top/docs" >"$top/out" 2>&1 || fail "it does not go on"
	added=$(sed -n 's/^\([0-9]*\) added.*[^0-9]\([0-9]*\) unchanged.*/\1 + \2/p' "$top/out")
	[ "$(expr $added)" = 24 ] || fail "not all documents are there"
	python3 - "$top/data/voiced.db" <<-'END'
	import sqlite3, sys
	con = sqlite3.connect(sys.argv[1])
	assert con.execute('PRAGMA integrity_check').fetchall() == [('ok',)]
	con.execute("INSERT INTO passages_fts(passages_fts, rank) VALUES('integrity-check', 1)")
	END
	echo "$size KB: said so; when there was room, $added of 24 documents were added and known"
	umount "$top/data"
done
echo "disk full: said so, nothing lost, went on when there was room"
