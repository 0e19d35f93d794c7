# SPDX-License-Identifier: BSD-2-Clause-Patent
"""Sorts the runs of a plan onto machines and collects the results."""

import concurrent.futures
import os

from .cache import RigError
from .direct import kvm_hosts_vmbus, run_direct
from .nested import run_nested
from .plan import Run, load_plan

MODES = ("auto", "nested", "direct")


def run_plan(plan, *, base=None, defaults=None, jobs=1, progress=None):
    """Boots every guest of `plan` (what load_plan takes, or a list of Run);
    returns the Results in the plan's order.  `jobs`: outer machines at a time.
    `progress` is called with each Result as it comes."""
    runs = plan if is_list_of_runs(plan) else load_plan(plan, base, defaults)
    progress = progress or (lambda result: None)
    batches = make_batches(runs, jobs, choose_mode())
    results = {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        futures = [pool.submit(execute, batch, progress) for batch in batches]
        for future in futures:
            for result in future.result():
                results[result.name] = result
    return [results[run.name] for run in runs]


def is_list_of_runs(plan):
    return isinstance(plan, list) and all(isinstance(r, Run) for r in plan)


def choose_mode():
    mode = os.environ.get("VMB_RIG", "auto")
    if mode not in MODES:
        raise RigError(f"VMB_RIG is {mode!r}; {', '.join(MODES)} are known")
    if mode != "auto":
        return mode
    return "direct" if kvm_hosts_vmbus() else "nested"


def machine_of(run, mode):
    """KVM of this machine has no virtual time; TCG needs no outer machine."""
    if run.accel == "tcg":
        return "direct"
    return "nested" if run.virtual_time else mode


def make_batches(runs, jobs, mode):
    """What may share an outer machine: the same QEMU and the same clock.  With
    several jobs a batch is cut when there is enough to pay for the boot."""
    groups = {}
    for run in runs:
        key = (machine_of(run, mode), run.qemu, run.virtual_time)
        groups.setdefault(key, []).append(run)
    batches = []
    for (where, _, _), members in groups.items():
        parts = min(jobs, max(1, len(members) // 6))
        batches += [(where, members[i::parts]) for i in range(parts)]
    return batches


def execute(batch, progress):
    where, runs = batch
    if where == "nested":
        return run_nested(runs, progress)
    results = []
    for run in runs:
        results.append(run_direct(run))
        progress(results[-1])
    return results
