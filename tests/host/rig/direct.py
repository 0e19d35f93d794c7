# SPDX-License-Identifier: BSD-2-Clause-Patent
"""Guests on this machine's own QEMU: with KVM where it can host VMBus, with
TCG for the runs that want a machine without any Hyper-V interface."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

from . import machine
from .plan import Run
from .result import Result


def kvm_hosts_vmbus():
    """Tries: a QEMU with the bridge must start and run a guest."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    loader = machine.linux64_loader()
    probe = Run(name="probe", kernel=loader, timeout=5,
                expect=machine.EXIT_ALONE)
    return run_direct(probe).passed


def run_direct(run):
    loader = machine.linux64_loader() if run.boot == "linux64" else None
    with tempfile.TemporaryDirectory(prefix="vmb-rig.") as folder:
        guest = Guest(run, pathlib.Path(folder), loader)
        return guest.result()


class Guest:
    def __init__(self, run, folder, loader):
        self.run = run
        self.folder = folder
        self.serial = b""
        self.steps = machine.qmp_steps(run)
        line = machine.arguments(run, run.kernel, loader, folder / "qmp",
                                 str(folder))
        for name, image in run.images.items():
            if isinstance(image, int):
                with open(folder / name, "wb") as blank:
                    blank.truncate(image << 20)
            else:
                shutil.copy(image, folder / name)
        # The test device's QEMU is built without TCG.
        qemu = "stock" if run.accel == "tcg" else run.qemu
        self.line = [machine.qemu_binary(qemu), *line]

    def result(self):
        pipes = [self.folder / "qmp.in", self.folder / "qmp.out"]
        self.to_qemu = self.from_qemu = None
        if self.run.qmp:
            for pipe in pipes:
                os.mkfifo(pipe)
            # Both ways, so that neither opening waits for QEMU.
            self.to_qemu, self.from_qemu = (
                os.open(pipe, os.O_RDWR | os.O_NONBLOCK) for pipe in pipes)
            self.advance()
        try:
            return self.boot()
        finally:
            for fd in (self.to_qemu, self.from_qemu):
                if fd is not None:
                    os.close(fd)

    def boot(self):
        started = time.monotonic()
        with open(self.folder / "stderr", "w+b") as errors, \
                subprocess.Popen(self.line, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=errors,
                                 bufsize=0) as process:
            timer = threading.Timer(self.run.timeout, process.kill)
            timer.start()
            try:
                for line in process.stdout:
                    self.take(line)
                status = process.wait()
            finally:
                timer.cancel()
                process.kill()
            seconds = time.monotonic() - started
            errors.seek(0)
            stderr = errors.read()
        where = "tcg" if self.run.accel == "tcg" else "direct"
        return Result.of(self.run, where, status, seconds, serial=self.serial,
                         stderr=stderr, qmp=self.answers(),
                         timed_out=seconds >= self.run.timeout)

    def take(self, line):
        self.serial += line
        if self.to_qemu and self.steps and \
                self.steps[0][0].encode() in line:
            self.advance()

    def advance(self):
        """Sends the next command and those that wait for nothing."""
        while True:
            os.write(self.to_qemu, self.steps.pop(0)[1].encode() + b"\n")
            if not self.steps or self.steps[0][0]:
                return

    def answers(self):
        data = b""
        while self.from_qemu is not None:
            try:
                data += os.read(self.from_qemu, 65536)
            except BlockingIOError:
                break
        return data
