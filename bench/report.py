# SPDX-License-Identifier: BSD-2-Clause-Patent
"""report.py FOLDER [--smoke]: tables and plot of what bench/run measured.

Reads the *.tsv of FOLDER, prints the tables, writes report.txt and report.svg.
Exit status 1 when a row is missing.
"""
import datetime
import itertools
import os
import statistics
import sys

MODES = ("send", "receive", "pair", "threads")
INBAND = ("64 bytes", "256 bytes", "4096 bytes")
DIRECT = ("1 page", "8 pages", "32 pages")
BATCHES = ("1", "32")
LIMIT, RING, CHANNEL, DPDK = "limit", "vmb ring", "vmb channel", "DPDK 22.11"
CONTESTANTS = (LIMIT, RING, CHANNEL, DPDK)
# What must hold: (words, mode, packet, batch, limit of the ratio).
TARGETS = (
    ("send, 64 bytes", "send", "64 bytes", "1", 4.0),
    ("receive, 64 bytes", "receive", "64 bytes", "1", 4.0),
    ("send, 1 page", "send", "1 page", "1", 4.0),
    ("send, 8 pages", "send", "8 pages", "1", 3.0),
    ("send, 32 pages", "send", "32 pages", "1", 2.5),
    ("send, 4096 bytes", "send", "4096 bytes", "1", 1.2),
    ("receive, 4096 bytes", "receive", "4096 bytes", "1", 1.2),
)
# The packet object's send and completion beside the channel's; storage.
PACKET = "vmb packet"
ADDED_MOST = 8.0  # ns
LOADS = tuple(itertools.product(
    (("random read", "4 KiB"), ("random write", "4 KiB"),
     ("sequential read", "1 MiB"), ("sequential write", "1 MiB")),
    ("1", "8", "64")))
MEMCPY, GUEST, BOTH = "memcpy", "guest", "guest and host"
COLOURS = {LIMIT: "#999999", RING: "#1b6ca8", CHANNEL: "#5fa8d3",
           DPDK: "#d98e32"}


def rows(folder, name):
    with open(os.path.join(folder, name + ".tsv"), encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t") for line in lines]


def numbers(text):
    return [float(word) for word in text.split()]


class Spread:
    """Median and quartiles."""

    def __init__(self, values):
        self.low, self.middle, self.high = statistics.quantiles(
            values, n=4, method="inclusive")

    def text(self, digits):
        return (f"{self.middle:.{digits}f} "
                f"({self.low:.{digits}f}-{self.high:.{digits}f})")


class Figures:
    def __init__(self, folder):
        self.times = {tuple(row[1].split("/")): numbers(row[2])
                      for row in rows(folder, "time")}
        self.counts = self._counts(rows(folder, "counts"))
        self.latency = {row[1]: Spread(numbers(row[2]))
                        for row in rows(folder, "latency")}
        self.sizes = [row[1:] for row in rows(folder, "sizes")]
        self.static = rows(folder, "static")

    @staticmethod
    def _counts(lines):
        """Instructions of one packet: what 2n packets take and n do not."""
        runs = {}
        for _, name, total in lines:
            *case, packets = name.split("/")
            runs.setdefault(tuple(case), {})[int(packets)] = int(total)
        return {case: (totals[max(totals)] - totals[min(totals)])
                / (max(totals) - min(totals))
                for case, totals in runs.items() if len(totals) == 2}

    def time(self, case):
        return Spread(self.times[case])

    def ratio(self, case, against=None):
        """Round by round, so that what disturbs both cancels out."""
        limit = self.times[against or (*case[:3], LIMIT)]
        return Spread([a / b for a, b in zip(self.times[case], limit)])

    def added(self, batch):
        """By a packet object, to what its channel takes; instructions, too."""
        case = ("exchange", "64 bytes", batch)
        pairs = zip(self.times[(*case, PACKET)], self.times[(*case, CHANNEL)])
        return (Spread([a - b for a, b in pairs]),
                self.counts[(*case, PACKET)] - self.counts[(*case, CHANNEL)])

    def gain(self, case):
        """How many times the rate of the limit that shows each packet."""
        limit = self.times[(*case[:2], "1", LIMIT)]
        return Spread([b / a for a, b in zip(self.times[case], limit)])


def cases():
    for mode, packet, batch in itertools.product(MODES, INBAND + DIRECT,
                                                 BATCHES):
        if mode != "receive" or packet in INBAND:
            yield mode, packet, batch


def other_rows():
    for batch, who in itertools.product(BATCHES, (CHANNEL, PACKET)):
        yield "exchange", "64 bytes", batch, who
    for (load, depth), who in itertools.product(LOADS, (MEMCPY, GUEST, BOTH)):
        yield (*load, depth, who)


def uncounted(row):
    """Threads wait; memcpy of 1 MiB is one instruction (disk.c)."""
    return row[0] == "threads" or (row[1], row[3]) == ("1 MiB", MEMCPY)


def missing(figures):
    """Rows that should be there; DPDK's only where it is installed."""
    present = {case[3] for case in figures.times}
    expected = [(*case, who) for case in cases() for who in CONTESTANTS
                if who != DPDK or (who in present and case[2] == "1")]
    for row in (*expected, *other_rows()):
        if row not in figures.times:
            yield "time of " + ", ".join(row)
        if not uncounted(row) and row not in figures.counts:
            yield "instructions of " + ", ".join(row)
    if len(figures.latency) != 2:
        yield "latency"
    if not figures.sizes:
        yield "sizes"


def cpu():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        found = {line.split(":")[0].strip(): line.split(":", 1)[1].strip()
                 for line in lines if ":" in line}
    return found.get("model name", "unknown CPU")


def main_table(figures):
    yield (f"{'':8} {'packet':10} {'batch':>5}  {'who':12}"
           f" {'ns/packet (quartiles)':>24} {'x limit (quartiles)':>20}"
           f" {'instr.':>7} {'x limit':>7}")
    for case in cases():
        for who in CONTESTANTS:
            row = (*case, who)
            if row not in figures.times:
                continue
            count = figures.counts.get(row)
            base = figures.counts.get((*case, LIMIT))
            yield (f"{case[0]:8} {case[1]:10} {case[2]:>5}  {who:12}"
                   f" {figures.time(row).text(1):>24}"
                   f" {figures.ratio(row).text(2):>20}"
                   + (f" {count:7.0f} {count / base:7.2f}" if count else ""))


def target_table(figures):
    yield "targets: time as a multiple of the limit's, single packets"
    for words, mode, packet, batch, most in TARGETS:
        yield f"  {words:22} at most {most:<4} " + "  ".join(
            f"{who} {figures.ratio((mode, packet, batch, who)).text(2)}"
            for who in (RING, CHANNEL))
    case = ("threads", "64 bytes", "32")
    yield ("  two threads, batches   at least 2.5 "
           + "  ".join(f"{who} {figures.gain((*case, who)).text(2)}"
                       for who in (RING, CHANNEL))
           + "  (rate; limit unbatched = 1)")


def exchange_table(figures):
    yield ("a request of 64 bytes and its completion, ns (quartiles); the "
           "host's part is in both")
    for batch in BATCHES:
        added, instructions = figures.added(batch)
        channel, packet = (
            figures.time(("exchange", "64 bytes", batch, who)).text(1)
            for who in (CHANNEL, PACKET))
        yield (f"  batch {batch:>2}  {CHANNEL} {channel}  {PACKET} {packet}"
               f"  added {added.text(1)}, at most {ADDED_MOST:.0f}; "
               f"{instructions:.0f} instr.")


def disk_table(figures):
    yield ("storage on the simulated host, which moves nothing: ns and "
           "instructions per request")
    yield (f"  {'':24} {'depth':>5} {'memcpy of the bytes':>26}"
           f" {'guest':>20} {'x memcpy':>8} {'instr.':>7}"
           f" {'guest and host':>20} {'instr.':>7}")
    for load, depth in LOADS:
        rows_of = [(*load, depth, who) for who in (MEMCPY, GUEST, BOTH)]
        memcpy, guest, both = (figures.time(row).text(0) for row in rows_of)
        counts = [figures.counts[row] for row in rows_of[1:]]
        ratio = figures.ratio(rows_of[1], rows_of[0]).middle
        yield (f"  {' '.join(load):24} {depth:>5} {memcpy:>26} {guest:>20}"
               f" {ratio:>8.3f} {counts[0]:>7.0f} {both:>20} {counts[1]:>7.0f}")


def other_tables(figures):
    yield "latency on the simulated host, ns (quartiles)"
    for name, spread in figures.latency.items():
        yield f"  {name:34} {spread.text(0)}"
    yield "state, bytes"
    for name, size, what in figures.sizes:
        yield f"  {name:34} {size:>6}  {what}"
    for kind, title in (("text", "text at -Os, bytes per module"),
                        ("stack", "stack below the deepest public calls, "
                                  "bytes, at -Os")):
        found = [row for row in figures.static if row[0] == kind]
        if found:
            yield title
        for row in found:
            yield f"  {row[1]:34} {row[2]:>6}"
    yield from entry_table([row for row in figures.static
                            if row[0] == "entry"])


def entry_table(steps):
    if not steps:
        return
    total = 0.0
    yield "first completed external send on QEMU, ms since the guest's entry"
    for _, name, took in steps:
        total += float(took)
        yield f"  {name:34} {total:9.3f}"
        if name.startswith("sent"):
            return


def plot(figures):
    """Ratios of single packets to the limit, as bars with their quartiles."""
    left, bar, scale, top = 170, 9, 60, 40
    out, y = [], top
    for case in cases():
        if case[2] != "1":
            continue
        out.append(f'<text x="{left - 8}" y="{y + 18}" text-anchor="end">'
                   f'{case[0]}, {case[1]}</text>')
        for who in CONTESTANTS:
            if (*case, who) in figures.times:
                out += bars(figures.ratio((*case, who)), COLOURS[who], left, y,
                            bar, scale)
                y += bar + 1
        y += 10
    key = "".join(f'<rect x="{left + 130 * i}" y="12" width="10" height="10" '
                  f'fill="{COLOURS[who]}"/><text x="{left + 130 * i + 15}" '
                  f'y="21">{who}</text>' for i, who in enumerate(CONTESTANTS))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + 620}" '
            f'height="{y + 24}" font-family="sans-serif" font-size="11">'
            f'<rect width="100%" height="100%" fill="white"/>{key}\n'
            + "\n".join(out)
            + f'\n<text x="{left}" y="{y + 14}">time per packet, the limit = 1;'
              ' lines: quartiles of the ratio</text></svg>\n')


def bars(ratio, colour, x, y, height, scale):
    width = min(ratio.middle, 9) * scale
    middle = y + height / 2
    yield (f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{height}" '
           f'fill="{colour}"/>')
    yield (f'<line x1="{x + min(ratio.low, 9) * scale:.1f}" y1="{middle}" '
           f'x2="{x + min(ratio.high, 9) * scale:.1f}" y2="{middle}" '
           'stroke="black"/>')
    yield (f'<text x="{x + width + 40:.1f}" y="{y + height - 1}" '
           f'font-size="9">{ratio.middle:.2f}</text>')


def main(folder, smoke):
    figures = Figures(folder)
    gaps = list(missing(figures))
    for gap in gaps:
        print("bench: no " + gap, file=sys.stderr)
    if gaps:
        return 1
    lines = [f"{cpu()}, {os.cpu_count()} CPUs, "
             f"{datetime.date.today().isoformat()}"
             + ("  (a smoke run: the figures mean nothing)" if smoke else ""),
             "", *main_table(figures), "", *target_table(figures), "",
             *exchange_table(figures), "", *disk_table(figures), "",
             *other_tables(figures)]
    print("\n".join(lines))
    with open(os.path.join(folder, "report.txt"), "w",
              encoding="utf-8") as report:
        report.write("\n".join(lines) + "\n")
    with open(os.path.join(folder, "report.svg"), "w",
              encoding="utf-8") as picture:
        picture.write(plot(figures))
    return 0


sys.exit(main(sys.argv[1], "--smoke" in sys.argv[2:]))
