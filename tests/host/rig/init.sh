#!/bin/busybox sh
# SPDX-License-Identifier: BSD-2-Clause-Patent
#
# /init of the outer machine: loads KVM, then does what /plan.sh says (written
# by nested.py).  ttyS0 is the kernel's console, ttyS1 carries the results:
#
#   @MARK ready                   KVM works
#   @MARK begin N                 then what guest N writes on its serial port
#   @MARK stderr N                then what its QEMU says
#   @MARK qmp N                   then QMP's answers, one a line
#   @MARK end N STATUS FROM TO    how QEMU ended, its times since boot
#   @MARK done
#
# A guest may end without a newline: every mark brings one along.
export PATH=/bin:/usr/bin
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
for module in irqbypass kvm kvm-amd; do
    insmod /modules/$module.ko
done
stty -F /dev/ttyS1 raw -echo
exec 3>&1 >/dev/ttyS1
qemu=/usr/bin/qemu-system-x86_64

say() {
    printf '\n@%s %s\n' "$mark" "$*"
}

now() {
    read -r up _ </proc/uptime
    echo "$up"
}

# run N TIMEOUT QEMU-ARGUMENTS...
run() {
    number=$1 limit=$2
    shift 2
    say begin "$number"
    started=$(now)
    if [ -e "/runs/$number.awk" ]; then
        run_with_qmp "$@"
    else
        timeout -s KILL "$limit" "$qemu" "$@" 2>/tmp/stderr
        status=$?
    fi
    ended=$(now)
    say stderr "$number"
    cat /tmp/stderr
    if [ -e /tmp/qmp.log ]; then
        say qmp "$number"
        cat /tmp/qmp.log
        rm -f /tmp/qmp.log
    fi
    say end "$number" "$status" "$started" "$ended"
}

# The guest's lines pass through the awk program, which sends the next command
# when it sees the text that command waits for.  The pipes are held open here
# (4, 5), so that nobody waits for a QEMU that did not start.
run_with_qmp() {
    rm -f /tmp/qmp.in /tmp/qmp.out
    mkfifo /tmp/qmp.in /tmp/qmp.out
    exec 4<>/tmp/qmp.in 5<>/tmp/qmp.out 6</tmp/qmp.out
    cat <&6 >/tmp/qmp.log 4<&- 5<&- &
    reader=$!
    {
        timeout -s KILL "$limit" "$qemu" "$@" 2>/tmp/stderr
        echo $? >/tmp/status
    } | awk -f "/runs/$number.awk" 5<&-
    status=$(cat /tmp/status)
    exec 4<&- 5<&- 6<&-
    wait $reader
}

if [ -c /dev/kvm ]; then
    . /plan.sh
    say "done"
else
    echo "rig: the outer machine has no /dev/kvm" >&3
fi
poweroff -f
