# SPDX-License-Identifier: BSD-2-Clause-Patent
"""The command line of the QEMU that is the VMBus host."""

import json
import shutil
import subprocess

from .cache import (HERE, PROJECT, RigError, cache_dir, command, hash_of,
                    locked, need, stamp_of)

FIRMWARE = ["/usr/share/seabios", "/usr/share/qemu"]
# Debug-exit value of the linux64 loader when it is given no guest.
EXIT_ALONE = 0x7E


def stock_qemu():
    path = shutil.which("qemu-system-x86_64")
    if not path:
        raise RigError("qemu-system-x86_64 is missing: run tools/setup host")
    return path


def testdev_qemu():
    """Its progress goes to our stderr: the first build takes minutes."""
    script = PROJECT / "tests/host/testdev/build"
    result = subprocess.run([script], stdout=subprocess.PIPE, check=False)
    if result.returncode:
        raise RigError(f"{script} failed")
    return result.stdout.decode().strip()


def qemu_binary(kind):
    return testdev_qemu() if kind == "testdev" else stock_qemu()


def linux64_loader():
    """Compiled when its sources or the compiler change."""
    folder = HERE / "linux64"
    sources = [folder / "start.S", folder / "loader.c"]
    script = folder / "loader.ld"
    compiler = need("/usr/bin/gcc", "build")
    key = hash_of(stamp_of(compiler), *[p.read_bytes() for p in sources],
                  script.read_bytes())
    cache = cache_dir("linux64")
    path = cache / key
    with locked(cache):
        if not path.exists():
            flags = ["-std=c11", "-m64", "-O2", "-ffreestanding", "-fno-pic",
                     "-fno-stack-protector", "-fcf-protection=none",
                     "-mno-red-zone", "-mgeneral-regs-only", "-nostdlib",
                     "-static", "-no-pie", f"-Wl,-T,{script}",
                     "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments"]
            part = cache / f"{key}.part"
            command([compiler, *flags, *sources, "-o", part],
                    "compiling the linux64 loader")
            part.rename(path)
    return path


def arguments(run, kernel, loader, qmp_pipe, image_dir):
    """All after the program's name.  `qmp_pipe`: PATH of PATH.in, PATH.out;
    `image_dir`: the folder of the run's images, {images} in its arguments."""
    cpu = "host,kvm=off" if run.accel == "kvm" else "max"
    memory = f"{run.memory}M" + (run.maxmem and f",maxmem={run.maxmem}")
    line = ["-accel", run.accel, "-M", run.machine,
            "-cpu", ",".join([cpu, *run.hyperv]),
            "-smp", str(run.smp), "-m", memory]
    for folder in FIRMWARE:
        line += ["-L", folder]
    line += ["-nodefaults", "-display", "none", "-no-reboot",
             "-serial", "stdio",
             "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    line += images(run, kernel, loader)
    if run.append:
        line += ["-append", run.append]
    line += [arg.replace("{images}", image_dir) for arg in run.args]
    if run.vmbus:
        line += ["-device", "vmbus-bridge"]
    for device in run.devices:
        line += ["-device", device]
    if run.qmp:
        line += ["-chardev", f"pipe,id=qmp,path={qmp_pipe}",
                 "-mon", "chardev=qmp,mode=control"]
    return line


def images(run, kernel, loader):
    if run.boot == "linux64":
        return ["-kernel", str(loader), "-initrd", str(kernel)]
    return ["-kernel", str(kernel)]


def qmp_steps(run):
    """(text to wait for, line to send); the first opens the conversation."""
    steps = [("", json.dumps({"execute": "qmp_capabilities"}))]
    for step in run.qmp:
        send = step["send"]
        if isinstance(send, str):
            send = {"execute": "human-monitor-command",
                    "arguments": {"command-line": send}}
        steps.append((step.get("after", ""), json.dumps(send)))
    return steps
