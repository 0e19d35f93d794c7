# SPDX-License-Identifier: BSD-2-Clause-Patent
"""What came of a run."""

import dataclasses
import json

from .plan import TELLING_VALUES


@dataclasses.dataclass
class Result:
    name: str
    where: str           # nested, direct, tcg
    passed: bool
    why: str             # empty when passed
    value: int           # debug-exit value, None without one
    status: int          # exit status of QEMU, None when it was lost
    timed_out: bool
    seconds: float       # of the inner QEMU, by the clock it lives under
    serial: str
    stderr: str
    qmp: list            # answers and events, as parsed JSON

    @staticmethod
    def of(run, where, status, seconds, *, serial=b"", stderr=b"", qmp=b"",
           timed_out=False, trouble=""):
        serial = text_of(serial)
        result = Result(
            name=run.name, where=where, passed=False, why=trouble,
            value=debug_exit_value(status),
            status=status, timed_out=timed_out, seconds=round(seconds, 2),
            serial=serial, stderr=text_of(stderr), qmp=json_lines(qmp))
        result.why = result.why or judge(run, result)
        result.passed = not result.why
        return result

    @property
    def lost(self):
        """Nothing is known of its end: the machine around it went first."""
        return self.status is None

    def as_dict(self):
        return dataclasses.asdict(self)


def debug_exit_value(status):
    if status is None or status < 0 or not status & 1:
        return None
    return status >> 1 if status >> 1 in TELLING_VALUES else None


def text_of(data):
    return data.decode(errors="replace").replace("\r\n", "\n")


def json_lines(data):
    answers = []
    for line in data.decode(errors="replace").splitlines():
        try:
            answers.append(json.loads(line))
        except json.JSONDecodeError:
            if line.strip():
                answers.append({"unparsed": line})
    return answers


def judge(run, result):
    """Why it failed, in one line; empty when it did not."""
    if result.timed_out:
        return f"no end within {run.timeout:g} s"
    if result.status not in (0, None) and result.value is None:
        return f"QEMU failed or was killed (exit status {result.status})"
    if run.expect is not None and result.value != run.expect:
        return (f"expected debug-exit value {run.expect:#x}, got "
                + ("none" if result.value is None else f"{result.value:#x}")
                + f" (QEMU's exit status {result.status})")
    for text in run.output:
        if text not in result.serial:
            return f"{text!r} is missing from the serial output"
    return ""
