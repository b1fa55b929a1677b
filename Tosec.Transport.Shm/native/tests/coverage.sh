#!/bin/sh
# Compares the calls that docs/sockets.md says are handled or refused with those that the library exports.
# usage: coverage.sh <directory of the build>
set -eu
page=$(dirname "$0")/../../../docs/sockets.md
if ! test -f "$page"; then exit 0; fi # a package of the sources of the library alone
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm -D --defined-only "$1/libtosec-preload.so" | awk '$2 == "T" { print $3 }' | sort -u >"$work/exported"
sed -n '/^## Handled/,/^## Left/p' "$page" | grep '^| `' | cut -d '|' -f 2 | grep -o '[a-z_0-9]*' | sort -u >"$work/told"
if ! diff -u "$work/told" "$work/exported"; then
    echo "docs/sockets.md and the library's exported calls differ (- told, + exported)"
    exit 1
fi
echo "== $(wc -l <"$work/exported") calls as docs/sockets.md tells them"
