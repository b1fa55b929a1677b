# shellcheck shell=bash
# What the scripts of this folder share. Source it; it changes to the root of the repository.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
# Build servers would outlive the script, and hold files of the work tree.
export MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false

# shellcheck disable=SC2034 # not every script uses every colour
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
else
    # shellcheck disable=SC2034
    bold='' green='' red='' dim='' plain=''
fi

say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }
fail() {
    printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2
    exit 1
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Installs what is missing of the named lists in scripts/packages.
install_packages() {
    command -v dpkg-query >/dev/null || fail "this is no Debian or Ubuntu: install the counterparts of scripts/packages/* by hand"
    local list package missing=()
    for list in "$@"; do
        while read -r package; do
            [ -z "$package" ] || is_installed "$package" || missing+=("$package")
        done <"$root/scripts/packages/$list"
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "missing packages: ${missing[*]} (install them as root: apt-get install ${missing[*]})"
        as_root=(sudo)
        [ -t 0 ] || as_root=(sudo -n)
    fi
    say "installing ${missing[*]}"
    # The lists of a fresh machine or image may be missing or old.
    "${as_root[@]}" apt-get update -q >/dev/null || say "apt-get update failed; trying with the package lists that are there"
    # Servers among them are for the tests to start: for the time of the installation nothing may start a service.
    # shellcheck disable=SC2016 # expanded by the shell that it starts
    "${as_root[@]}" sh -c '
        deny=/usr/sbin/policy-rc.d
        [ -e $deny ] || { printf "#!/bin/sh\nexit 101\n" >$deny && chmod 755 $deny && trap "rm -f $deny" EXIT INT TERM; }
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"' sh "${missing[@]}" </dev/null >/dev/null ||
        fail "could not install: ${missing[*]} (apt-get install ${missing[*]} says why)"
}

require_dotnet() {
    local wanted
    wanted=$(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' global.json)
    command -v dotnet >/dev/null ||
        fail "the .NET SDK $wanted or a later one of its major version is missing: https://dotnet.microsoft.com/download/dotnet/${wanted%%.*}.0"
    dotnet --version >/dev/null 2>&1 ||
        fail "no installed .NET SDK satisfies global.json ($wanted): https://dotnet.microsoft.com/download/dotnet/${wanted%%.*}.0"
}

# build CONFIGURATION: builds all; warnings are errors.
build() {
    require_dotnet
    say "building ($1)"
    dotnet build Tosec.sln -c "$1" --nologo -v quiet </dev/null
}
