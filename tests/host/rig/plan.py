# SPDX-License-Identifier: BSD-2-Clause-Patent
"""The plan: which guests to boot, on what machine, and what to expect."""

import dataclasses
import json
import pathlib
import re

HYPERV_FLAGS = ["hv-relaxed", "hv-vapic", "hv-vpindex", "hv-runtime",
                "hv-time", "hv-synic", "hv-stimer"]
BOOTS = ("pvh", "linux64")
QEMUS = ("stock", "testdev")
ACCELS = ("kvm", "tcg")
# QEMU leaves with (value << 1) | 1, but 1 is also its own failure, 126 and 127
# the shell's, and 128 to 192 a signal.
TELLING_VALUES = {*range(1, 63), *range(97, 128)}


class PlanError(Exception):
    """The plan asks for something that does not exist."""


@dataclasses.dataclass
class Run:
    """One boot of one guest.  Field by field in ../README.md."""
    name: str
    kernel: pathlib.Path
    append: str = ""
    boot: str = "pvh"
    qemu: str = "stock"
    accel: str = "kvm"
    machine: str = "q35"
    smp: int = 1
    memory: int = 128
    maxmem: str = ""
    hyperv: list = dataclasses.field(default_factory=lambda: HYPERV_FLAGS)
    devices: list = dataclasses.field(default_factory=list)
    args: list = dataclasses.field(default_factory=list)
    images: dict = dataclasses.field(default_factory=dict)
    qmp: list = dataclasses.field(default_factory=list)
    timeout: float = 20
    virtual_time: bool = False
    expect: int = None
    output: list = dataclasses.field(default_factory=list)

    @property
    def vmbus(self):
        """QEMU's bridge works with KVM's SynIC and with nothing else."""
        return self.accel == "kvm" and "hv-synic" in self.hyperv


def load_plan(source, base=None, defaults=None):
    """A dict, a path or an open file -> list of Run.  Relative kernel paths
    start at `base` (default: the plan's folder, else the current one)."""
    if isinstance(source, (str, pathlib.Path)):
        base = base or pathlib.Path(source).resolve().parent
        with open(source, encoding="utf-8") as file:
            source = parse_json(file, source)
    elif hasattr(source, "read"):
        source = parse_json(source, "plan")
    base = pathlib.Path(base or ".").resolve()
    if not isinstance(source, dict) or not isinstance(source.get("runs"), list):
        raise PlanError('a plan is {"defaults": {...}, "runs": [{...}, ...]}')
    common = dict(source.get("defaults", {}), **(defaults or {}))
    runs = [make_run(dict(common, **entry), base) for entry in source["runs"]]
    names = [run.name for run in runs]
    for name in names:
        if names.count(name) > 1:
            raise PlanError(f"run {name!r}: the name is used twice")
    return runs


def parse_json(file, name):
    try:
        return json.load(file)
    except json.JSONDecodeError as error:
        raise PlanError(f"{name}: not JSON: {error}") from error


def make_run(entry, base):
    name = entry.get("name")
    known = {field.name for field in dataclasses.fields(Run)}
    unknown = sorted(set(entry) - known)
    if unknown:
        raise PlanError(f"run {name!r}: unknown field {unknown[0]!r}")
    if not name or "kernel" not in entry:
        raise PlanError(f"run {name!r}: name and kernel are needed")
    entry = dict(entry, kernel=base / entry["kernel"])
    entry["images"] = {key: base / value if isinstance(value, str) else value
                       for key, value in entry.get("images", {}).items()}
    hyperv = entry.get("hyperv", True)
    if isinstance(hyperv, bool):
        entry["hyperv"] = list(HYPERV_FLAGS) if hyperv else []
    run = Run(**entry)
    check_run(run)
    return run


def check_run(run):
    def refuse(field, why):
        value = getattr(run, field)
        raise PlanError(f"run {run.name!r}: {field} is {value!r}; {why}")

    for field, values in (("boot", BOOTS), ("qemu", QEMUS), ("accel", ACCELS)):
        if getattr(run, field) not in values:
            refuse(field, f"one of {', '.join(values)} is meant")
    for field in ("append", "name", "machine", "maxmem"):
        if not isinstance(getattr(run, field), str):
            refuse(field, "a string is meant")
    for field in ("hyperv", "devices", "args", "output"):
        value = getattr(run, field)
        if not isinstance(value, list) or \
                not all(isinstance(item, str) for item in value):
            refuse(field, "a list of strings is meant")
    for field, low, high in (("smp", 1, 16), ("memory", 40, 8192),
                             ("timeout", 0.5, 600)):
        value = getattr(run, field)
        if not isinstance(value, (int, float)) or not low <= value <= high:
            refuse(field, f"{low} to {high} is meant")
    if run.expect is not None and run.expect not in TELLING_VALUES:
        refuse("expect", "1 to 62 and 97 to 127 can be told apart from a QEMU "
               "that failed or was killed")
    if not run.kernel.is_file():
        refuse("kernel", "no such file")
    for name, image in run.images.items():
        if not re.fullmatch(r"[\w.-]+", name) or not (
                image.is_file() if isinstance(image, pathlib.Path)
                else isinstance(image, int) and 1 <= image <= 256):
            refuse("images", "names with a size of 1 to 256 MiB, or a file")
    if run.accel == "tcg" and (run.devices or run.virtual_time):
        refuse("accel", "VMBus devices and virtual_time need kvm")
    check_qmp(run)


def check_qmp(run):
    for step in run.qmp:
        if not isinstance(step, dict) or not set(step) <= {"after", "send"} or \
                not isinstance(step.get("send"), (str, dict)) or \
                not isinstance(step.get("after", ""), str):
            raise PlanError(
                f"run {run.name!r}: qmp step {step!r}; meant is "
                '{"after": "text of the guest", "send": "HMP" or {QMP}}')
