#!/usr/bin/env bash
# bench/ingest.sh: how fast files become searchable, on one core: Markdown made of the passages of bench/passages.py, and the
# PDFs of Debian's manuals beside what pdftotext alone takes for them. First without learning (bench/ingest.c), then the
# command from its start to its end, vectors and words learned.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/bench-passages work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
core=$(($(nproc) - 1))
TIMEFORMAT='%R %U %S'
seconds() { # seconds COMMAND…: by the clock, and of CPU with its children's, on one core
	{ time taskset -c "$core" "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print $1, $2 + $3 }'
}
mkdir "$work/markdown" "$work/pdf"
# 300 files of 200 passages, each under a heading.
head -n 60000 "$folder/passages.tsv" | awk -F'\t' -v d="$work/markdown" '
	(NR - 1) % 200 == 0 { close(f); f = sprintf("%s/%04d.md", d, NR / 200); print "# Manual " int(NR / 200) "\n" >f }
	{ print "## " $1 " " NR "\n\n" $2 "\n" >f }'
find "$folder/files" -name '*.en.pdf' -o -name 'developers-reference.pdf' | sort | while read -r f; do cp "$f" "$work/pdf"; done
build/src/knowledge/bench_ingest "$work/markdown" 2>/dev/null | sed 's/^/Markdown, learning left out: /'
bytes=$(cat "$work"/markdown/* | wc -c)
read -r t cpu < <(seconds build/voiced ingest --data "$work/data-md" "$work/markdown")
awk -v n="$bytes" -v t="$t" -v c="$cpu" 'BEGIN { printf "Markdown, with learning: %.1f MB, %.1f MB/s by the clock, %.1f MB per second of CPU\n",
	n / 1e6, n / 1e6 / t, n / 1e6 / c }'
build/src/knowledge/bench_ingest "$work/pdf" 2>/dev/null | sed 's/^/PDF, learning left out: /'
read -r alone alone_cpu < <(seconds sh -c 'for f in "$0"/*.pdf; do pdftotext -enc UTF-8 "$f" - || exit; done' "$work/pdf")
read -r ours ours_cpu < <(seconds build/voiced ingest --data "$work/data-pdf" "$work/pdf")
pages=$(for f in "$work"/pdf/*.pdf; do pdfinfo "$f"; done | awk '/^Pages/ { n += $2 } END { print n }')
awk -v p="$pages" -v a="$alone" -v o="$ours" -v ac="$alone_cpu" -v oc="$ours_cpu" 'BEGIN {
	printf "PDF, with learning: %d pages in %.2f s, %.2f s of CPU; pdftotext alone %.2f and %.2f s: %.2f and %.2f of its speed\n",
		p, o, oc, a, ac, a / o, ac / oc }'
