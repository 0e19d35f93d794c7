#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause-Patent
"""contract.py OUT.h HEADER...: what each public function may return, as C.

The comment above a prototype names its statuses.  This writes them down as a
table, and a macro around each function that looks its result up there: a
status that the header does not name fails the test that met it.
"""
import re
import sys

PROTOTYPE = re.compile(r"enum\s+vmb_status\s+(vmb_\w+)\s*\([^;{}]*\)\s*;")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
STATUS = r"VMB_(?:OK|AGAIN|E_[A-Z]+)\b"
# They are named at the start of a line, or added to another function's.
NAMED = re.compile(rf"^\s*((?:{STATUS}(?:,\s*)?)+)|; ({STATUS}) also",
                   re.MULTILINE)
# All that another function returns, too.
REFERENCE = re.compile(
    r"(?:others\s+as|[Ss]tatuses\s+as|returns\s+what|Until)\s+(vmb_\w+)\(\)")
# Functions that block answer "not yet" only where they say so themselves.
BLOCKING = "vmb_wait_"
# Said once, in conn.h, for all that begin something.
BEGINNING = re.compile(r"vmb_(conn|chan|gpadl)_.*_?start$")


def comment_before(text, at):
    """The last comment that ends before the prototype, if nothing parts
    them but VMB_NODISCARD."""
    last = None
    for match in COMMENT.finditer(text, 0, at):
        last = match
    if last is None or re.sub(r"VMB_NODISCARD|\s", "", text[last.end():at]):
        return ""
    return re.sub(r"^\s*/?\*+", "", last.group(), flags=re.MULTILINE)


def read(paths):
    """What each function names itself, and whose it takes over."""
    named, references = {}, {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for match in PROTOTYPE.finditer(text):
            name = match.group(1)
            said = comment_before(text, match.start())
            named[name] = {status for found in NAMED.finditer(said)
                           for status in re.findall(STATUS, found.group())}
            references[name] = set(REFERENCE.findall(said))
            if BEGINNING.match(name):
                named[name].add("VMB_E_LANE")
    return named, references


def resolve(name, named, references):
    found = set()
    for other in references[name]:
        if other not in named:
            sys.exit(f"contract.py: {name}() refers to {other}(), of which "
                     "no header tells")
        found |= resolve(other, named, references)
    if name.startswith(BLOCKING):
        found -= {"VMB_AGAIN"}
    return found | named[name]


def write(out, named, references):
    names = sorted(named)
    out.write("/* Made by contract.py. */\n")
    out.write("enum contract_function {\n")
    out.writelines(f"    CONTRACT_{name},\n" for name in names)
    out.write("    CONTRACT_COUNT\n};\n\n#ifdef CONTRACT_TABLE\n")
    out.write("static const struct contract contracts[] = {\n")
    for name in names:
        statuses = sorted(resolve(name, named, references))
        if not statuses:
            sys.exit(f"contract.py: no status named for {name}()")
        out.write(f'    {{ "{name}", {len(statuses)},\n      {{ ')
        out.write(",\n        ".join(statuses) + " } },\n")
    out.write("};\n#else\n")
    for name in names:
        out.write(f"#define {name}(...) contract_check(CONTRACT_{name}, \\\n"
                  f"    {name}(__VA_ARGS__))\n")
    out.write("#endif\n")


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    found = read(arguments[1:])
    with open(arguments[0], "w", encoding="utf-8") as out:
        write(out, *found)


main(sys.argv[1:])
