#!/bin/sh
# Runs the socket tests over the library and the fake node, with room enough and with hardly any, and checks that nothing is left.
# usage: run.sh <directory of the build> [sanitizer run time to preload]
set -u
out=$(cd "$1" && pwd)
runtime=${2:-}
work=$(mktemp -d)
node=
trap 'test -n "$node" && kill "$node" 2>/dev/null; rm -rf "$work"' EXIT
preload=$out/libtosec-preload.so
if [ -n "$runtime" ]; then preload="$(gcc -print-file-name="$runtime") $preload"; fi
export ASAN_OPTIONS=detect_leaks=0:handle_segv=1 UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS="die_after_fork=0 report_signal_unsafe=0 exitcode=66 suppressions=$(dirname "$0")/tsan.supp"
failed=0

start() {
    env "$@" "$out/fake_node" "$work/agent" >"$work/node" 2>&1 &
    node=$!
    waited=0 # a busy machine may take its time to start a program under a sanitizer
    while ! test -S "$work/agent" && [ $waited -lt 300 ]; do sleep 0.1; waited=$((waited + 1)); done
}

finish() { # expects that every stream and buffer has come back
    kill "$node"
    wait "$node"
    node=
    rm -f "$work/agent"
    grep -v '^streams 0 buffers 0$' "$work/node" && failed=1
}

tests() { # settings of the node, then "--", then test names
    settings=
    while [ "$1" != -- ]; do settings="$settings $1"; shift; done
    shift
    # shellcheck disable=SC2086
    start $settings FAKE_X=
    echo "== $settings $*"
    TOSEC_TEST_NODE=$node TOSEC_AGENT=$work/agent LD_PRELOAD=$preload "$out/socket_tests" tosec "$@" || failed=1
    finish
}

tests --
whole=$preload
preload=$(echo "$preload" | sed 's|libtosec-preload|points/libtosec-preload|')
export TOSEC_TEST_POINTS=1
tests -- stopped_
unset TOSEC_TEST_POINTS
preload=$whole
tests FAKE_WINDOW=4096 FAKE_SMALL=2 FAKE_LARGE=0 -- transfer full_sender partial_write small_sends share_a_stream killed
tests FAKE_WINDOW=32768 FAKE_SMALL=3 FAKE_LARGE=1 -- transfer full_sender partial_write small_sends files

echo "== supervised"
start FAKE_X=
TOSEC_AGENT=$work/agent "$out/tosec-supervise" "$out/static_tests" "$out/static_tests" supervised || failed=1
finish
echo "== supervised, one of the two killed"
for victim in program supervisor; do
    start FAKE_X=
    TOSEC_AGENT=$work/agent "$out/tosec-supervise" "$out/static_tests" "$out/static_tests" helper hold 0 >"$work/held" &
    supervisor=$!
    while ! test -s "$work/held" && kill -0 $supervisor; do sleep 0.1; done
    program=$(cat "$work/held")
    if [ $victim = program ]; then kill -9 "$program"; else kill -9 $supervisor; fi
    wait $supervisor
    [ $? -eq 137 ] || failed=1
    while kill -0 "$program" 2>/dev/null; do sleep 0.1; done
    rm "$work/held"
    finish
done
echo "== supervised, without agent"
TOSEC_AGENT=$work/agent "$out/tosec-supervise" /bin/true true 2>/dev/null
[ $? -eq 69 ] || { echo "not told that there is no agent"; failed=1; }
TOSEC_FALLBACK=kernel TOSEC_AGENT=$work/agent "$out/tosec-supervise" "$out/static_tests" "$out/static_tests" kernel names poll_tells || failed=1
start FAKE_X=
TOSEC_TEST_DYING_NODE=$node TOSEC_AGENT=$work/agent "$out/tosec-supervise" "$out/static_tests" "$out/static_tests" supervised dead_agent || failed=1
node=
rm -f "$work/agent"

start FAKE_X=
TOSEC_TEST_DYING_NODE=$node TOSEC_AGENT=$work/agent LD_PRELOAD=$preload "$out/socket_tests" tosec dead_agent || failed=1
node=
if [ -z "$runtime" ]; then # the sanitizers are for the library
    echo "== the kernel's own"
    "$out/socket_tests" kernel || failed=1
fi
echo "== without agent, falling back"
TOSEC_FALLBACK=kernel LD_PRELOAD=$preload "$out/socket_tests" kernel roundtrip names poll_tells || failed=1
exit $failed
