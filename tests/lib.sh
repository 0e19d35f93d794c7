# SPDX-License-Identifier: BSD-2-Clause-Patent
# Sourced by the stages of ./check that are written in shell.  Run by hand, a
# stage prints its results and works below build/check/.
# shellcheck shell=bash
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
root=$PWD
stage=${0##*/}
: "${VMB_RESULTS:=/dev/stdout}"
: "${VMB_WORK:=$root/build/check/$stage}"
mkdir -p "$VMB_WORK" || exit 2

ok() { echo "ok $*" >>"$VMB_RESULTS"; }
not_ok() { echo "not ok $*" >>"$VMB_RESULTS"; }
skip() { echo "skip $*" >>"$VMB_RESULTS"; }

# try NAME COMMAND...: one test, passed when the command succeeds.  What a
# failed one said is repeated at the end, where ./check shows it.
try() {
    local name=$1
    shift
    echo "== $name: $*"
    if "$@" >"$VMB_WORK/last" 2>&1; then
        cat "$VMB_WORK/last"
        ok "$name"
        return
    fi
    cat "$VMB_WORK/last"
    { echo "== $name failed: $*"; tail -n 6 "$VMB_WORK/last"; } \
        >>"$VMB_WORK/failures"
    not_ok "$name"
    return 1
}
: >"$VMB_WORK/failures"
trap 'cat "$VMB_WORK/failures"' EXIT

# configure FOLDER MESON-OPTION...: a build folder that has just these
# options; an existing one with others is made anew.
configure() {
    local folder=$1 wanted
    shift
    wanted="$root ${CC-} $*"
    if [ -e "$folder/build.ninja" ] &&
        [ "$(cat "$folder/.options" 2>/dev/null)" = "$wanted" ]; then
        return 0
    fi
    rm -rf "$folder"
    meson setup "$folder" "$root" "$@" && echo "$wanted" >"$folder/.options"
}
