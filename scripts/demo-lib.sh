# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shares variables with lib.sh and with the script that sources it
# What the demonstrations share: steps that are checked, processes that are ended. Source it after lib.sh.
#
# The script that sources it may define `clean_up` anew: it is called at the very end, however that comes.

python=/usr/bin/python3
curl=/usr/bin/curl

started=$SECONDS
work=$(mktemp -d "${TMPDIR:-/tmp}/tosec-demo.XXXXXX")
run=$work/run
logs=$work/logs
declare -A pid
step=0
done_well=
# Longest time that processes may take to end.
stop_patience=20

clean_up() { :; }

# --- the end -----------------------------------------------------------------------------------------------------------

# stop NAME...: SIGTERM to all, then waits for all, in the end by SIGKILL. Fails if one had to be killed.
stop() {
    local name deadline=$((SECONDS + stop_patience)) clean=0
    for name in "$@"; do kill -TERM "${pid[$name]}" 2>/dev/null || true; done
    for name in "$@"; do
        while kill -0 "${pid[$name]}" 2>/dev/null && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
        if kill -KILL "${pid[$name]}" 2>/dev/null; then
            echo "$name (process ${pid[$name]}) did not end in time"
            clean=1
        fi
        wait "${pid[$name]}" 2>/dev/null || true
        unset "pid[$name]"
    done
    return $clean
}

running() {
    local name names=()
    for name in "${!pid[@]}"; do names+=("$name"); done
    [ ${#names[@]} -eq 0 ] || printf '%s\n' "${names[@]}"
}

finish() {
    local code=$?
    trap - EXIT INT TERM
    set +e
    [ "$done_well" = kept ] && exit 0
    if [ -z "$done_well" ]; then
        printf '\n%sstep %s did not show what it should.%s The ends of the logs:\n' "$red" "$step" "$plain"
        tail -n 12 "$logs"/*.log 2>/dev/null
        [ "$code" -ne 0 ] || code=1
    fi
    local names
    mapfile -t names < <(running)
    # shellcheck disable=SC2068
    stop ${names[@]}
    clean_up
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- helpers -----------------------------------------------------------------------------------------------------------

step() {
    step=$((step + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$step" "$*" "$plain"
}
shown() { printf '   %s%s%s\n' "$dim" "$*" "$plain"; }
good() { printf '   %sok%s  %s\n' "$green" "$plain" "$*"; }
wrong() {
    printf '   %swrong%s  %s\n' "$red" "$plain" "$*"
    exit 1
}
indent() { sed 's/^/   /; s/ *$//' | grep -v '^$' || true; }

# until_true SECONDS WHAT COMMAND...
until_true() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt "$deadline" ] || wrong "$what"
        sleep 0.1
    done
}

# in_background NAME COMMAND...: its output goes to a log.
in_background() {
    local name=$1
    shift
    "$@" </dev/null >"$logs/$name.log" 2>&1 &
    pid[$name]=$!
}

# all_well: the last line.
all_well() {
    done_well=yes
    printf '\n%sAll %d steps showed what they should, in %d s.%s\n' "$green" "$step" $((SECONDS - started)) "$plain"
}

cmd() { "$tosec" cmd --run-directory "$run" "$@"; }

# fetch outside|GUEST URL: sets $status and $body. A guest's name makes it the guest's own request.
fetch() {
    local from=$1 url=$2 answer
    local call=("$curl" -sS -m 20 --path-as-is -w '\n%{http_code}' "$url")
    if [ "$from" = outside ]; then shown "outside\$ curl '$url'"; else shown "$from\$ curl '$url'"; fi
    if [ "$from" = outside ]; then
        answer=$("${call[@]}" 2>&1) || true
    else
        answer=$(in_guest "$from" "${call[@]}" 2>&1) || true
    fi
    status=${answer##*$'\n'}
    body=${answer%$'\n'*}
    body=${body%$'\n'}
}

expect_page() { [ "$status $body" = "200 $1" ] || wrong "got: $status $body"; }
