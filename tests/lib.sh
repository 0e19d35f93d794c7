# SPDX-License-Identifier: BSD-2-Clause-Patent
# Sourced by the stages of ./check that are written in shell.  Run by hand, a
# stage prints its results and works below build/check/.
# shellcheck shell=bash
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
root=$PWD
stage=${0##*/}
# Results open the file again that stdout may be: who does not append to it
# writes over them.
if [ -z "${VMB_RESULTS-}" ]; then
    VMB_RESULTS=/dev/stdout
    [ ! -f /dev/stdout ] || exec >>/dev/stdout
    [ ! -f /dev/stderr ] || exec 2>>/dev/stderr
fi
: "${VMB_WORK:=$root/build/check/$stage}"
# The words at the head of the script: how it is called.
usage() { # STATUS
    sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit "$1"
}
case ${1-} in -h | --help) usage 0 ;; esac

mkdir -p "$VMB_WORK" || exit 2

ok() { echo "ok $*" >>"$VMB_RESULTS"; }
not_ok() {
    echo "not ok $*" >>"$VMB_RESULTS"
    : >"$VMB_WORK/failed"
}
skip() { echo "skip $*" >>"$VMB_RESULTS"; }

# try NAME COMMAND...: one test, passed when the command succeeds.  What a
# failed one said is repeated at the end, where ./check shows it.  Several may
# run side by side.
try() {
    local name=$1 said=$VMB_WORK/said.$BASHPID
    shift
    echo "== $name: $*"
    if "$@" >"$said" 2>&1; then
        cat "$said"
        rm -f "$said"
        ok "$name"
        return
    fi
    cat "$said"
    { echo "== $name failed: $*"; tail -n 6 "$said"; } >>"$VMB_WORK/failures"
    rm -f "$said"
    not_ok "$name"
    return 1
}
: >"$VMB_WORK/failures"
rm -f "$VMB_WORK/failed"
trap 'cat "$VMB_WORK/failures"; [ ! -e "$VMB_WORK/failed" ] || exit 1' EXIT

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
