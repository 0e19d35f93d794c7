# SPDX-License-Identifier: BSD-2-Clause-Patent
"""Boots guests on QEMU's VMBus host.  See ../README.md.

    import rig
    results = rig.run_plan({"runs": [{"name": "hello", "kernel": "a.elf"}]})
"""

from .plan import PlanError, load_plan
from .cache import RigError
from .runner import run_plan

__all__ = ["PlanError", "RigError", "load_plan", "run_plan"]
