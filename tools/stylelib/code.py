# SPDX-License-Identifier: BSD-2-Clause-Patent
"""Rules that look at C."""
import os
import re
import statistics
import subprocess

FUNCTION_LINES = 60
FUNCTION_MEDIAN = 15
NESTING = 3
STANDARD_HEADERS = {"stdbool.h", "stddef.h", "stdint.h"}
# File: why `volatile` is right there although no asm stands beside it.
VOLATILE_ALLOWED = {
    "src/host.h": "one load is one load: the compiler must not repeat it",
}
# The one file that dereferences memory the host can write.
HOST_FILE = "src/host.h"
# Structures that lie in memory shared with the host, and members that point
# to such memory.  Elsewhere an address may be taken (&slot->type) or handed to
# vmb_host_*(), nothing more.
HOST_TYPES = ("vmb_ring_control", "vmb_message_slot", "vmb_event_flags",
              "vmb_tsc_page", "vmb_monitor_page")
HOST_MEMBERS = ("control_", "data_")
HANDED_OVER = re.compile(r"(vmb_host_\w+|sizeof|offsetof)$")


def layout(tree):
    """clang-format has nothing to change (tools/format applies it)"""
    paths = [f.path for f in tree.c_files]
    if not paths:
        return
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", *paths],
                         cwd=tree.root, capture_output=True, text=True,
                         check=False)
    lines = {}
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: error", run.stderr,
                                 re.MULTILINE):
        lines.setdefault(path, set()).add(int(line))
    for path, numbers in lines.items():
        yield f"{path}:{min(numbers)}: layout ({len(numbers)} places)"
    if run.returncode and not lines:
        yield "clang-format: " + (run.stderr.strip() or "failed")


def functions(tree):
    """no function has more than 60 lines; the library's median is 15"""
    for file in tree.c_files:
        for function in file.functions:
            if function.length > FUNCTION_LINES:
                yield file.finding(function.line, f"{function.name}(): "
                                   f"{function.length} lines")
    lengths = _lengths(tree.library)
    if lengths and statistics.median(lengths) > FUNCTION_MEDIAN:
        yield f"library: median of {statistics.median(lengths)} lines"


def nesting(tree):
    """control statements stand at most 3 deep in one another"""
    for file in tree.c_files:
        for function in file.functions:
            if function.nesting > NESTING:
                yield file.finding(function.line, f"{function.name}(): "
                                   f"{function.nesting} deep")


def volatile(tree):
    """the library says `volatile` only to asm"""
    for file in tree.library:
        if file.path in VOLATILE_ALLOWED:
            continue
        for match in re.finditer(r"(\w*)\s+volatile\b|^volatile\b", file.code,
                                 re.MULTILINE):
            if match.group(1) not in ("asm", "__asm__"):
                yield file.finding(file.line_of(match.start()), "volatile")


def includes(tree):
    """the library includes stdint, stddef, stdbool and itself"""
    for file in tree.library:
        for number, line in enumerate(file.lines, 1):
            match = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
            if match and not match.group(1).startswith("vmb/") \
                    and match.group(1) not in STANDARD_HEADERS:
                yield file.finding(number, f"<{match.group(1)}>")


def host_memory(tree):
    """only src/host.h follows a pointer to memory the host can write"""
    for file in tree.library:
        if file.path == HOST_FILE or "/wire/" in file.path:
            continue
        names = _pointers(file.code) + [rf"[\w.>-]+(?:->|\.){member}"
                                        for member in HOST_MEMBERS]
        for name in names:
            for match in re.finditer(rf"(?<![\w.>-])(?:{name}\s*(?:->|\[)|"
                                     rf"(?<=[=(,;{{}}!~?:])\s*\*\s*{name}\b)",
                                     file.code):
                before = file.code[:match.start()].rstrip()
                if not _takes_address(before) \
                        and not HANDED_OVER.search(_open_call(before)):
                    yield file.finding(
                        file.line_of(match.end()),
                        f"follows {match.group().strip()}, memory the host "
                        "can write")


def _pointers(code):
    """Names declared as pointers to one of HOST_TYPES."""
    return re.findall(rf"struct\s+(?:{'|'.join(HOST_TYPES)})\s*\*\s*"
                      r"(?:const\s+)?(\w+)\s*[,;)=]", code)


def _takes_address(before):
    return before.endswith("&") and not before.endswith("&&")


def _open_call(before):
    """What stands before the innermost bracket still open."""
    level = 0
    for at in range(len(before) - 1, -1, -1):
        char = before[at]
        if char in ";{}":
            return ""
        level += (char == ")") - (char == "(")
        if level < 0:
            return before[:at].rstrip()
    return ""


# An access that orders others, and words that tell which and why.
ORDERED = re.compile(r"__ATOMIC_(ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)\b|"
                     r"\bvmb_host_(\w+_(acquire|release|last)|fence)\(")
ORDER_WORDS = re.compile(r"acquire|release|atomic|before|after|older|newer|"
                         r"secondlook", re.IGNORECASE)
ORDER_REACH = 7


def barriers(tree):
    """beside each access that orders others stands what for"""
    for file in tree.library:
        if not file.path.startswith("src/") or file.path == HOST_FILE:
            continue
        code = file.code.split("\n")
        for number, line in enumerate(code):
            if not ORDERED.search(line):
                continue
            near = range(max(0, number - ORDER_REACH), number + 1)
            said = "".join(
                full for at in near
                for full, bare in zip(file.lines[at], code[at])
                if full != bare)
            if not ORDER_WORDS.search(said.replace(" ", "")):
                yield file.finding(number + 1, "orders what, and why?")


def sources(tree):
    """the Meson lists name every C file, no two of src/ have one name"""
    for room, build in (("src/", "src/meson.build"),
                        ("platform/", "platform/meson.build")):
        listed = _listed(tree, room)
        for file in tree.c_files:
            if file.path.startswith(room) and file.path.endswith(".c") \
                    and file.path not in listed:
                yield file.finding(1, f"not listed in {build}")
    seen = {}
    for file in tree.library:
        name = os.path.basename(file.path)
        # Compiled into one folder, the second would replace the first.
        if file.path.startswith("src/") and name.endswith(".c") \
                and seen.setdefault(name, file.path) != file.path:
            yield file.finding(1, f"has the name of {seen[name]}")


def _listed(tree, room):
    """C files named in the meson.build files below a folder."""
    listed = set()
    for file in tree.files:
        if file.path.startswith(room) and file.path.endswith("meson.build"):
            folder = os.path.dirname(file.path)
            listed |= {os.path.normpath(f"{folder}/{name}") for name in
                       re.findall(r"'([\w/.-]+\.c)'", file.text)}
    return listed


def _lengths(files):
    return [g.length for f in files for g in f.functions]


def figures(tree):
    """What is worth knowing although nothing forbids it."""
    lengths = sorted(_lengths(tree.library))
    if not lengths:
        return []
    return [f"library: {len(lengths)} functions, median "
            f"{statistics.median(lengths):g} lines, 90 % within "
            f"{lengths[len(lengths) * 9 // 10]}, longest {lengths[-1]}"]


RULES = {
    "layout": layout,
    "functions": functions,
    "nesting": nesting,
    "volatile": volatile,
    "includes": includes,
    "host-memory": host_memory,
    "barriers": barriers,
    "sources": sources,
}
