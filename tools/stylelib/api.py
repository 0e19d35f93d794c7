# SPDX-License-Identifier: BSD-2-Clause-Patent
"""Rules that look at the public headers."""
import re
import subprocess

from .csource import prototypes

LANES = re.compile(r"\[(bus|tx|rx|isr|any)\]")
# Headers whose names are somebody else's, and whose manual is theirs, too.
FOREIGN_NAMES = {
    "include/vmb/kmcl.h": "Microsoft's: a Windows client compiles with it",
    "include/vmb/nt.h": "Microsoft's: what such a client takes for granted",
}
DEFINITION = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)


def lanes(tree):
    """every public function is tagged with its lane"""
    for file in tree.headers:
        if file.is_library and file not in tree.wire:
            yield from _untagged(file)


def _untagged(file):
    for prototype in prototypes(file.code):
        line = file.line_of(prototype.start)
        # A trailing comment on the last line belongs to the prototype.
        end = file.text.find("\n", prototype.end)
        said = file.text[prototype.start:end] + _comment_above(file, line)
        if not LANES.search(said):
            yield file.finding(line, f"{prototype.name}(): no lane tag")


def _comment_above(file, line):
    """The lines before it up to a blank line: the paragraph's comment."""
    first = line - 1
    while first > 0 and file.lines[first - 1].strip():
        first -= 1
    return "\n".join(file.lines[first:line - 1])


def names(tree):
    """public names begin with vmb_ or VMB_, there are no typedefs"""
    for file in tree.headers:
        if file.path in FOREIGN_NAMES:
            continue
        for match in DEFINITION.finditer(file.text):
            if not match.group(1).startswith("VMB_"):
                yield file.finding(file.line_of(match.start()),
                                   f"macro {match.group(1)}")
        for path, what in _declared(tree, file):
            yield f"{path}: {what}"


def _declared(tree, file):
    """Wrong tags, enumerators, functions and typedefs, macros expanded."""
    source = _expand(tree, file)
    for tag in re.findall(r"\b(?:struct|union|enum)\s+(\w+)\s*\{", source):
        if not tag.startswith("vmb_"):
            yield file.path, f"tag {tag}"
    for body in re.findall(r"\benum\s+\w*\s*\{([^}]*)\}", source):
        for entry in re.findall(r"(?:^|,)\s*(\w+)", _no_brackets(body)):
            if not entry.startswith("VMB_"):
                yield file.path, f"enumerator {entry}"
    for function in re.findall(r"^[a-z][^;{}=]*?\b(\w+)\s*\([^;{}]*\)\s*;",
                               _no_bodies(source), re.MULTILINE):
        if not function.startswith(("vmb_", "_Static_assert", "VMB_")):
            yield file.path, f"function {function}"
    for alias in re.findall(r"\btypedef\b[^;]*;", source):
        yield file.path, "typedef: " + " ".join(alias.split())


def _expand(tree, file):
    """The header alone, preprocessed, without what it includes."""
    run = subprocess.run(
        ["gcc", "-E", "-std=c11", "-Iinclude", "-x", "c", file.path],
        cwd=tree.root, capture_output=True, text=True, check=False)
    kept, ours = [], False
    for line in run.stdout.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            ours = marker.group(1) == file.path
        elif ours:
            kept.append(line)
    return "\n".join(kept)


def _no_brackets(text):
    while re.search(r"\([^()]*\)", text):
        text = re.sub(r"\([^()]*\)", "", text)
    return text


def _no_bodies(text):
    while re.search(r"\{[^{}]*\}", text):
        text = re.sub(r"\{[^{}]*\}", ";", text)
    return text


def wire_sizes(tree):
    """the size of every structure on the wire is asserted"""
    for file in tree.wire:
        source = _expand(tree, file)
        for kind, tag in re.findall(r"\b(struct|union)\s+(\w+)\s*\{", source):
            if not re.search(rf"_Static_assert\(\s*sizeof\({kind} {tag}\)",
                             source):
                line = file.line_of(file.text.find(f"{kind} {tag} {{"))
                yield file.finding(line, f"{kind} {tag}: size not asserted")


def comments(tree):
    """the public headers explain: a line of comment for a line of code"""
    shares = [_comment_share(f) for f in _manual(tree)]
    said, code = (sum(column) for column in zip(*shares or [(0, 0)]))
    if said < code:
        yield f"include/vmb: {said} lines of comment for {code} of code"


def _manual(tree):
    return [f for f in tree.headers if f.is_library and f not in tree.wire
            and f.path not in FOREIGN_NAMES]


def _comment_share(file):
    """Lines with comment, lines with code."""
    said = code = 0
    for text, without in zip(file.lines, file.code.splitlines()):
        said += text.strip() != "" and text.split() != without.split()
        code += without.strip() != ""
    return said, code


def figures(tree):
    """What is worth knowing although nothing forbids it."""
    return [f"{f.path}: %d lines of comment, %d of code" % _comment_share(f)
            for f in _manual(tree)]


RULES = {"lanes": lanes, "names": names, "wire-sizes": wire_sizes,
         "comments": comments}
