# SPDX-License-Identifier: BSD-2-Clause-Patent
"""Compares the objects in a folder with budget.txt; see tests/build/size."""
import collections
import glob
import os
import re
import subprocess
import sys

from callgraph import CallGraph

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUDGET = os.path.join(HERE, "budget.txt")
CORE = ("hv", "vmbus", "ring", "mdl", "src")
# Limits that hold for rooms together, beside those that bear a room's name.
TOGETHER = {"core": CORE, "packet": CORE + ("packet",),
            "storage": ("storvsc", "scsi")}
# Client channels nest the calls of a channel in calls of their own.
CLIENT = re.compile(r"vmb_(channel|packet|kmcl|wait_channel|wait_synchronous)"
                    r"|Vmb")

def room_of(path):
    """src_hv_scan.c.o is of the room hv, src_status.c.o of src itself, and
    src_dev_storvsc_io.c.o of the device storvsc."""
    parts = os.path.basename(path).split("_")
    if parts[0] == "platform":
        return "platform"
    if parts[1] == "dev":
        return parts[2]
    return parts[1] if len(parts) > 2 else "src"


def text_by_room(folder):
    objects = sorted(glob.glob(os.path.join(folder, "*.o")))
    run = subprocess.run(["size", *objects], capture_output=True, text=True,
                         check=True)
    rooms = collections.Counter()
    for line in run.stdout.splitlines()[1:]:
        columns = line.split()
        rooms[room_of(columns[-1])] += int(columns[0])
    return rooms


def read_budget():
    recorded, limits = {}, {}
    with open(BUDGET, encoding="utf-8") as budget:
        for line in budget:
            words = line.split()
            if len(words) == 3 and words[0] == "limit":
                limits[words[1]] = int(words[2])
            elif len(words) == 3 and words[0] in ("text", "stack"):
                recorded[words[0], words[1]] = int(words[2])
    return recorded, limits


def record(figures):
    with open(BUDGET, encoding="utf-8") as budget:
        kept = [line for line in budget
                if not line.startswith(("text ", "stack "))]
    while kept and not kept[-1].strip():
        kept.pop()
    with open(BUDGET, "w", encoding="utf-8") as budget:
        budget.write("".join(kept) + "\n")
        for (what, name), number in figures.items():
            budget.write(f"{what} {name} {number}\n")


def table(figures, recorded):
    for key, number in figures.items():
        delta = (f"{number - recorded[key]:+d}" if key in recorded
                 else "not recorded")
        print(f"{key[0]:6} {key[1]:34} {number:6} {delta:>8}")


def verdicts(rooms, graph, deepest, limits):
    """(name of the test, what is wrong or None) for each."""
    for name, members in TOGETHER.items():
        text = sum(rooms[room] for room in members)
        missing = [room for room in members if not rooms[room]]
        print(f"{name:7} {text} of {limits[name]} bytes: {' '.join(members)}")
        yield (f"{name} text within its limit",
               f"no text of {' '.join(missing)}" if missing
               else None if text <= limits[name]
               else f"{text} bytes of {limits[name]}")
    for which, client in (("stack", False), ("client-stack", True)):
        depth, chain = next(
            (call for call in deepest
             if bool(CLIENT.match(call[1][0])) == client),
            (0, ("no call measured",)))
        words = f"{depth} of {limits[which]} bytes: {' > '.join(chain)}"
        print(f"{which} {words}")
        yield (f"{which} of every public call within its limit",
               None if 0 < depth <= limits[which] else words)
    yield "no recursion", graph.recursion()
    yield "no frame of unknown size", ", ".join(graph.unbounded) or None


def deepest_calls(graph):
    """[(bytes, chain)] of every public function, the deepest first."""
    cache = {}
    if graph.recursion():
        return []
    return sorted((graph.deepest(name, cache) for name in graph.public),
                  reverse=True)


def main(folder, arguments):
    rooms = text_by_room(folder)
    graph = CallGraph(folder, ROOT)
    deepest = deepest_calls(graph)
    figures = {("text", room): rooms[room] for room in sorted(rooms)}
    figures.update({("stack", chain[0].split()[0]): depth
                    for client in (False, True)
                    for depth, chain in [call for call in deepest if bool(
                        CLIENT.match(call[1][0])) == client][:3]})
    recorded, limits = read_budget()
    if arguments == ["--record"]:
        record(figures)
    table(figures, recorded)
    failed = False
    out = os.environ.get("VMB_RESULTS", "/dev/stdout")
    with open(out, "a", encoding="utf-8") as results:
        for test, wrong in verdicts(rooms, graph, deepest, limits):
            failed |= wrong is not None
            results.write(f"not ok {test}: {wrong}\n" if wrong
                          else f"ok {test}\n")
    return int(failed)


sys.exit(main(sys.argv[1], sys.argv[2:]))
