# SPDX-License-Identifier: BSD-2-Clause-Patent
"""Rules that look at any text file."""
import ast
import re
import subprocess

COLUMNS = 80
FILE_LINES = 600
LICENCES = ("SPDX-License-Identifier: BSD-2-Clause-Patent",)
FOREIGN_LICENCE = "SPDX-License-Identifier: GPL-2.0-or-later"
# Data and prose carry no licence line; LICENSE covers them.
NO_LICENCE = re.compile(
    r"\.(md|txt|json|hex|bin|patch|diff)$|^LICENSE$|(^|/)\.git|\.clang-format$"
    r"|(^|/)(corpus|vectors)/")
# The letters in brackets keep these patterns from finding themselves.
WORDS = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b")
PATHS = re.compile(r"(?<![\w.$}])/(work|root|tmp|home)/")
# What runs inside a guest has a /tmp of its own.
INSIDE_GUEST = ("tests/host/rig/init.sh", "tests/host/rig/nested.py")
SOURCE = re.compile(r"\.(c|h|S|s|ld|lds|py|sh|build|ini)$")


def _interpreter(file):
    return file.lines[0] if file.lines and file.lines[0][:2] == "#!" else ""


def _is_source(file):
    return bool(SOURCE.search(file.path) or _interpreter(file))


def spdx(tree):
    """every source file names its licence in its first three lines"""
    for file in tree.files:
        if NO_LICENCE.search(file.path):
            continue
        accepted = LICENCES + (FOREIGN_LICENCE,) * file.is_foreign
        if not any(a in "\n".join(file.lines[:3]) for a in accepted):
            yield file.finding(1, f"no \"{accepted[-1]}\"")


def width(tree):
    """no source line is longer than 80 columns, nor ends in a blank"""
    for file in tree.files:
        if file.is_foreign or not _is_source(file):
            continue
        for number, line in enumerate(file.lines, 1):
            if len(line) > COLUMNS:
                yield file.finding(number, f"{len(line)} columns")
            if line != line.rstrip():
                yield file.finding(number, "blank at the end of the line")
            if line.startswith("\t") and file.is_c:
                yield file.finding(number, "tab")


def length(tree):
    """no source file has 600 lines or more"""
    for file in tree.files:
        if _is_source(file) and len(file.lines) >= FILE_LINES:
            yield file.finding(len(file.lines), f"{len(file.lines)} lines")


def words(tree):
    """nothing is left for later"""
    for file in tree.files:
        for number, line in enumerate(file.lines, 1):
            if WORDS.search(line):
                yield file.finding(number, WORDS.search(line).group())


def paths(tree):
    """no path of one machine is written down"""
    for file in tree.files:
        for number, line in enumerate(file.lines, 1):
            match = PATHS.search(line)
            if match and not (match.group(1) == "tmp"
                              and file.path in INSIDE_GUEST):
                yield file.finding(number, "path of one machine")


def scripts(tree):
    """every script parses"""
    for file in tree.files:
        first = _interpreter(file)
        if "python" in first or file.path.endswith(".py"):
            try:
                ast.parse(file.text)
            except SyntaxError as error:
                yield file.finding(error.lineno, error.msg)
        elif first.endswith(("sh", "sh -e", "sh -eu")):
            shell = "bash" if "bash" in first else "sh"
            parsed = subprocess.run([shell, "-n"], input=file.text, text=True,
                                    capture_output=True, check=False)
            if parsed.returncode:
                yield file.finding(1, parsed.stderr.splitlines()[0])


RULES = {rule.__name__: rule
         for rule in (spdx, width, length, words, paths, scripts)}
