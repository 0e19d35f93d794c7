# SPDX-License-Identifier: BSD-2-Clause-Patent
"""The outer machine's kernel and initramfs, built once and kept.

The kernel is Debian's cloud kernel, unpacked: as a bare vmlinux it needs no
decompression under TCG.  The initramfs holds busybox, KVM's modules and one
QEMU with its libraries; nested.py appends a small archive with the guests."""

import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

from .cache import (HERE, RigError, cache_dir, command, hash_of, locked, need,
                    stamp_of)

MODULES = ["virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko",
           "arch/x86/kvm/kvm-amd.ko"]
FIRMWARE_FILES = ["/usr/share/seabios/bios-256k.bin",
                  "/usr/share/qemu/kvmvapic.bin",
                  "/usr/share/qemu/linuxboot_dma.bin",
                  "/usr/share/qemu/pvh.bin"]
DECOMPRESSORS = {b"\x02\x21\x4c\x18": "lz4", b"\xfd7zXZ\0": "xz",
                 b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip"}


def base_images(qemu):
    """(vmlinux, initramfs) for the outer machine that runs `qemu`."""
    kernel = kernel_package()
    busybox = need(shutil.which("busybox") or "/bin/busybox", "host")
    key = hash_of(kernel.name, stamp_of(qemu), stamp_of(busybox),
                  (HERE / "init.sh").read_bytes(),
                  (HERE / "base.py").read_bytes())
    cache = cache_dir("base")
    folder = cache / key
    with locked(cache):
        if not folder.exists():
            drop_old(cache, keep=4)
            part = pathlib.Path(tempfile.mkdtemp(dir=cache, prefix="new."))
            (part / "vmlinux").write_bytes(bare_kernel(kernel))
            build_initramfs(part, kernel, qemu, busybox)
            part.rename(folder)
        os.utime(folder)
    return folder / "vmlinux", folder / "initramfs"


def drop_old(cache, keep):
    """Each has some 40 to 70 MB; those used last stay."""
    folders = [p for p in cache.iterdir() if p.is_dir()]
    folders.sort(key=lambda p: p.stat().st_mtime, reverse=True)
    for folder in folders[keep:]:
        shutil.rmtree(folder)


def kernel_package():
    current = cache_dir("kernel") / "current"
    need(current / "boot", "host")
    return current.resolve()


def bare_kernel(package):
    """Takes the ELF out of a bzImage (Documentation/arch/x86/boot.rst:
    setup_sects, payload_offset, payload_length)."""
    image = next((package / "boot").glob("vmlinuz-*")).read_bytes()
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (sectors + 1) * 512 + offset
    payload = image[start:start + length]
    for magic, tool in DECOMPRESSORS.items():
        if payload.startswith(magic):
            break
    else:
        raise RigError(f"{package.name}: unknown compression of the kernel")
    # The last four bytes are the size, which the tools take for rubbish; some
    # tell so by their exit status though the output is whole.
    result = subprocess.run([need(f"/usr/bin/{tool}", "host"), "-dc"],
                            input=payload[:-4], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, check=False)
    if not result.stdout.startswith(b"\x7fELF"):
        raise RigError(f"{package.name}: {tool} could not unpack the kernel")
    return result.stdout


def libraries_of(program):
    """Paths from ldd; none for a static program."""
    result = subprocess.run(["ldd", program], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False)
    if "not found" in result.stdout:
        raise RigError(f"{program}: ldd misses libraries:\n{result.stdout}")
    return re.findall(r"(/\S+) \(0x", result.stdout)


def build_initramfs(out, package, qemu, busybox):
    root = out / "root"
    modules = next((package / "lib/modules").iterdir()) / "kernel"
    for name in ("bin", "dev", "proc", "modules", "tmp", "runs"):
        (root / name).mkdir(parents=True)
    install(busybox, root / "bin/busybox")
    install(HERE / "init.sh", root / "init", 0o755)
    for module in MODULES:
        install(modules / module, root / "modules" / pathlib.Path(module).name)
    install(qemu, root / "usr/bin/qemu-system-x86_64", 0o755)
    for path in [*libraries_of(qemu), *FIRMWARE_FILES]:
        install(need(path, "host"), root / path.lstrip("/"))
    pack = "find . | sort | cpio -o -H newc --quiet -R 0:0 | lz4 -l -q -1"
    with open(out / "initramfs", "wb") as file:
        file.write(command(["/bin/bash", "-c", "set -o pipefail; " + pack],
                           "packing the initramfs", cwd=root))
        # The kernel looks for the next archive at a multiple of four.
        file.write(bytes(-file.tell() % 4))
    shutil.rmtree(root)


def install(source, target, mode=None):
    if not os.path.exists(source):
        raise RigError(f"{source} is missing from its package")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    if mode:
        target.chmod(mode)
