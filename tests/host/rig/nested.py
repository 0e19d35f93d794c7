# SPDX-License-Identifier: BSD-2-Clause-Patent
"""Many guests in one outer machine.

The outer machine is a TCG QEMU with one AMD processor that has SVM; in it
Linux with KVM runs the QEMU that is the VMBus host.  Booting the outer machine
costs some seconds, a guest in it about one.  What one guest does must not
cost the others: each has a time limit inside, the whole a watchdog outside, and
when the outer machine is lost the guests it still had get a new one.  Emulated
nested virtualization stops dead now and then, whatever guest it has: only one
that loses two machines has failed."""

import dataclasses
import json
import os
import pathlib
import re
import secrets
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

from . import machine
from .base import base_images
from .cache import RigError, command, hash_of
from .result import Result

BOOT_SECONDS = 90
LEAVING_SECONDS = 10
VIRTUAL_SECONDS = 180  # a guest with a minute of waits takes ten
OUTER_MEMORY = 640  # MiB beside the guest's own
IMAGES = "/tmp/images"
# One processor: with two, nested guests crash or hang under TCG.
OUTER = ["-accel", "tcg", "-smp", "1", "-M", "q35", "-cpu", "EPYC,+svm,+npt",
         "-nodefaults", "-display", "none", "-no-reboot"]
# Waiting then costs nothing: the clock jumps to the next timer.
VIRTUAL_TIME = ["-icount", "shift=2,sleep=off"]
APPEND = ("console=ttyS0 quiet loglevel=3 mitigations=off nokaslr panic=-1 "
          "nowatchdog")


@dataclasses.dataclass
class Section:
    """What came between two marks of init.sh."""
    words: list
    data: bytes = b""


class Stream:
    """Cuts the outer machine's second serial port into sections."""

    def __init__(self, mark):
        self.pattern = re.compile(rb"\n@" + mark.encode() + rb" ([^\n]*)\n")
        self.pending = b""
        self.sections = [Section(["boot"])]

    def feed(self, data):
        self.pending += data
        while match := self.pattern.search(self.pending):
            self.sections[-1].data += self.pending[:match.start()]
            self.sections.append(Section(match.group(1).decode().split()))
            self.pending = self.pending[match.end():]

    def finish(self):
        self.sections[-1].data += self.pending
        self.pending = b""

    @property
    def last(self):
        return self.sections[-1].words


def run_nested(runs, progress):
    """All in one outer machine; more of them only if it gets lost."""
    results = {}
    lost_before = set()
    left = list(runs)
    while left:
        outer = Outer(left)
        came = outer.results() or [outer.lost(left[0])]
        for result in came:
            if result.lost and result.name not in lost_before:
                lost_before.add(result.name)
                print(f"rig: {result.name} is tried again: {result.why}\n"
                      f"{result.serial}", file=sys.stderr, flush=True)
                continue
            if result.lost and not results and not outer.ready:
                raise RigError("the outer machine does not start; "
                               + outer.evidence())
            results[result.name] = result
            progress(result)
        left = [run for run in left if run.name not in results]
    return [results[run.name] for run in runs]


def image_mib(run):
    return sum(image if isinstance(image, int)
               else 2 * (image.stat().st_size >> 20) + 2
               for image in run.images.values())


class Outer:
    """One boot of the outer machine."""

    def __init__(self, runs):
        self.runs = runs
        self.mark = secrets.token_hex(6)
        self.stream = Stream(self.mark)
        self.why = ""
        self.console = ""

    def results(self):
        with tempfile.TemporaryDirectory(prefix="vmb-rig.") as folder:
            folder = pathlib.Path(folder)
            kernel, initramfs = self.write_initramfs(folder)
            self.boot(folder, kernel, initramfs)
            log = folder / "console"
            if log.exists():
                self.console = log.read_text(errors="replace")[-4000:]
        self.stream.finish()
        return self.collect()

    # ---- what goes in ------------------------------------------------------

    def write_initramfs(self, folder):
        loader = None
        if any(run.boot == "linux64" for run in self.runs):
            loader = machine.linux64_loader()
        qemu = machine.qemu_binary(self.runs[0].qemu)
        kernel, base = base_images(qemu)
        files = folder / "files"
        (files / "runs").mkdir(parents=True)
        if loader:
            shutil.copy(loader, files / "runs/linux64")
        (files / "plan.sh").write_text(self.plan_script(files))
        archive = command(["cpio", "-o", "-H", "newc", "--quiet"],
                          "packing the guests", cwd=files,
                          input="\n".join(names_below(files)).encode())
        initramfs = folder / "initramfs"
        with open(initramfs, "wb") as out, open(base, "rb") as source:
            out.write(archive)
            out.write(bytes(-out.tell() % 4))
            shutil.copyfileobj(source, out)
        return kernel, initramfs

    def plan_script(self, files):
        lines = [f"mark={self.mark}", "say ready"]
        for number, run in enumerate(self.runs):
            guest = f"runs/{hash_of(run.kernel.read_bytes())}.elf"
            if not (files / guest).exists():
                shutil.copy(run.kernel, files / guest)
            if run.qmp:
                (files / f"runs/{number}.awk").write_text(qmp_program(run))
            line = machine.arguments(run, "/" + guest, "/runs/linux64",
                                     "/tmp/qmp", IMAGES)
            lines += self.image_lines(run, files)
            lines.append(f"run {number} {run.timeout:g} " + shlex.join(line))
        return "\n".join(lines) + "\n"

    def image_lines(self, run, files):
        """The run's images are made anew in the outer machine's memory."""
        yield f"rm -rf {IMAGES}"
        if run.images:
            yield f"mkdir {IMAGES}"
        for name, image in run.images.items():
            if isinstance(image, int):
                yield (f"dd if=/dev/null of={IMAGES}/{name} bs=1M "
                       f"seek={image} 2>/dev/null")
                continue
            copy = f"runs/{hash_of(image.read_bytes())}.img"
            if not (files / copy).exists():
                shutil.copy(image, files / copy)
            yield f"cp /{copy} {IMAGES}/{name}"

    # ---- the machine --------------------------------------------------------

    def boot(self, folder, kernel, initramfs):
        memory = OUTER_MEMORY + max(run.memory + image_mib(run)
                                    for run in self.runs)
        line = [machine.stock_qemu(), *OUTER, "-m", str(memory),
                "-serial", f"file:{folder}/console", "-serial", "stdio",
                "-kernel", str(kernel), "-initrd", str(initramfs),
                "-append", APPEND]
        if self.runs[0].virtual_time:
            line += VIRTUAL_TIME
        with open(folder / "stderr", "w+", encoding="utf-8") as errors, \
                subprocess.Popen(line, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE,
                                 stderr=errors) as process:
            try:
                self.listen(process)
                # It closes its output before it ends: let it say how.
                process.wait(0 if self.why else LEAVING_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            finally:
                process.kill()
            if process.wait() and not self.why:
                self.why = f"it ended with status {process.returncode}"
            if not self.why and self.stream.last != ["done"]:
                self.why = "it switched itself off, as after a crash"
            errors.seek(0)
            self.stderr = "".join(
                line for line in errors if "TCG doesn't support" not in line)

    def listen(self, process):
        """Until the machine is off, or a section takes too long."""
        fd = process.stdout.fileno()
        count = 0
        deadline = time.monotonic() + BOOT_SECONDS
        while True:
            wait = max(0.0, deadline - time.monotonic())
            if not select.select([fd], [], [], wait)[0]:
                self.why = f"no word from it after {' '.join(self.stream.last)}"
                return
            data = os.read(fd, 65536)
            if not data:
                return
            self.stream.feed(data)
            if len(self.stream.sections) != count:
                count = len(self.stream.sections)
                deadline = time.monotonic() + self.patience()

    def patience(self):
        """The limit inside comes first.  Under virtual time it is no measure:
        an idle guest's clock runs ahead of ours, a busy one's far behind."""
        words = self.stream.last
        if words[0] != "begin":
            return BOOT_SECONDS
        run = self.runs[int(words[1])]
        return VIRTUAL_SECONDS if run.virtual_time else run.timeout * 1.5 + 30

    # ---- what comes out ------------------------------------------------------

    def collect(self):
        parts = {}
        results = []
        for section in self.stream.sections:
            word, *rest = section.words or ["?"]
            if word == "begin":
                parts = {"begin": section.data}
            elif word in ("stderr", "qmp"):
                parts[word] = section.data
            elif word == "end":
                results.append(self.finished(parts, rest))
        if self.stream.last[0] in ("begin", "stderr", "qmp"):
            run = self.runs[int(self.stream.last[1])]
            results.append(self.lost(run, parts.get("begin", b"")))
        return results

    @property
    def ready(self):
        """KVM came up in it."""
        return len(self.stream.sections) > 1

    def finished(self, parts, words):
        run = self.runs[int(words[0])]
        seconds = float(words[3]) - float(words[2])
        status = int(words[1])
        return Result.of(run, "nested", status, seconds,
                         timed_out=status == 137 and seconds >= run.timeout,
                         serial=parts["begin"], stderr=parts["stderr"],
                         qmp=parts.get("qmp", b""))

    def lost(self, run, serial=b""):
        return Result.of(run, "nested", None, 0.0, serial=serial,
                         trouble="the outer machine was lost; "
                         + self.evidence())

    def evidence(self):
        parts = [self.why, self.stderr.strip(), self.console.strip()[-1500:]]
        return "\n".join(part for part in parts if part) or "it said nothing"


def names_below(folder):
    return [str(path.relative_to(folder)) for path in sorted(folder.rglob("*"))]


def qmp_program(run):
    """The awk program that passes the guest's lines on and, at the texts the
    plan names, sends the commands in order."""
    def quoted(text):
        return json.dumps(text, ensure_ascii=False)

    lines = ["function tell(text) { print text > pipe; fflush(pipe) }",
             "function advance() {",
             "  do tell(line[step++]); while (step <= steps && !after[step])",
             "}",
             f'BEGIN {{ pipe = "/tmp/qmp.in"; steps = {len(run.qmp)}']
    for number, (after, line) in enumerate(machine.qmp_steps(run)):
        lines += [f"  after[{number}] = {quoted(after)}",
                  f"  line[{number}] = {quoted(line)}"]
    lines += ["  step = 0; advance()", "}", "{ print; fflush()",
              "  if (step <= steps && index($0, after[step])) advance() }"]
    return "\n".join(lines) + "\n"
