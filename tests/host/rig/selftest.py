#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause-Patent
"""What becomes of guests whose outer machine is lost: the rig with a script in
the place of QEMU.  Prints lines for $VMB_RESULTS."""

import contextlib
import io
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from rig import RigError, load_plan  # noqa: E402  (after the path is set)
from rig import nested  # noqa: E402

# Says what init.sh would, as far as the line of `deeds` for this boot goes: how
# many guests end, and whether the next one begins.
QEMU = r"""#!/bin/sh
cd "$(dirname "$0")"
while [ "$1" != -initrd ]; do shift; done
mark=$(grep -a -o 'mark=[0-9a-f]*' "$2" | head -n 1 | cut -d= -f2)
guests=$(grep -a -c '^run [0-9]' "$2")
say() { printf '\n@%s %s\n' "$mark" "$*"; }
read -r deed ended <deeds
sed -i 1d deeds
[ "$deed" != dead ] || exit 3
say ready
number=0
while [ $number -lt $guests ]; do
    say begin $number
    [ $deed-$ended != lost-$number ] || exit 3
    echo hello
    say stderr $number
    say end $number 33 1.0 2.0
    number=$((number + 1))
done
say "done"
"""


def verdicts(folder, *deeds):
    """Boots three guests; what came of each, and boots nobody asked for."""
    (folder / "qemu").write_text(QEMU)
    (folder / "qemu").chmod(0o755)
    (folder / "deeds").write_text("".join(deed + "\n" for deed in deeds))
    (folder / "guest").write_text("no guest")
    (folder / "base").write_text("no base")
    nested.machine.stock_qemu = lambda: folder / "qemu"
    nested.base_images = lambda qemu: (folder / "base", folder / "base")
    runs = [{"name": name, "kernel": "guest", "expect": 16} for name in "abc"]
    with contextlib.redirect_stderr(io.StringIO()):
        results = nested.run_nested(load_plan({"runs": runs}, folder),
                                    lambda result: None)
    left = len((folder / "deeds").read_text().splitlines())
    return [result.passed for result in results] + [left]


def starts(folder, *deeds):
    try:
        verdicts(folder, *deeds)
    except RigError:
        return False
    return True


def main():
    with tempfile.TemporaryDirectory(prefix="vmb-rig.") as folder:
        folder = pathlib.Path(folder)
        whole = "whole 0"
        cases = {
            "nothing lost": verdicts(folder, whole) == [True] * 3 + [0],
            "a guest that loses one machine gets another":
                verdicts(folder, "lost 1", whole) == [True] * 3 + [0],
            "a guest that loses two has failed":
                verdicts(folder, "lost 1", "lost 0", whole)
                == [True, False, True, 0],
            "each guest may lose one":
                verdicts(folder, "lost 0", "lost 1", "lost 1", whole)
                == [True] * 3 + [0],
            "a machine that does not start gets a second try":
                verdicts(folder, "dead", whole) == [True] * 3 + [0],
            "one that never starts is no verdict on a guest":
                not starts(folder, "dead", "dead", whole),
            "one that never starts again fails its guest":
                verdicts(folder, "lost 1", "dead", whole)
                == [True, False, True, 0],
        }
    for name, good in cases.items():
        print(f"{'ok' if good else 'not ok'} rig: {name}")
    return 0 if all(cases.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
