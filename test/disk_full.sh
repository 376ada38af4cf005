#!/bin/sh
# What an ingest says and leaves when the disk is full. Needs root (it mounts a small tmpfs).
#   test/disk_full.sh VOICED
set -eu
voiced=$1
top=$(mktemp -d)
mkdir "$top/data" "$top/docs"
trap 'umount "$top/data" 2>/dev/null; rm -rf "$top"' EXIT
mount -t tmpfs -o size=1m tmpfs "$top/data"
i=0
while [ $i -lt 40 ]; do
	{ echo "# File $i"; yes "This is sentence number $i of a text that takes some room." | head -n 400; } >"$top/docs/f$i.md"
	i=$((i + 1))
done
if "$voiced" ingest --data "$top/data" "$top/docs" >"$top/out" 2>&1; then
	echo "it did not notice"; cat "$top/out"; exit 1
fi
grep -q 'disk is full' "$top/out" || { echo "no sentence about it:"; cat "$top/out"; exit 1; }
mount -o remount,size=64m "$top/data"
"$voiced" ingest --data "$top/data" "$top/docs" >"$top/out" 2>&1 || { cat "$top/out"; exit 1; }
echo "disk full: said so, nothing lost, went on when there was room"
