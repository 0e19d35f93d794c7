# SPDX-License-Identifier: BSD-2-Clause-Patent
"""The deepest stack below a function, from gcc's -fcallgraph-info=su.

gcc marks a call through a pointer with its place in the source.  The member
called there says where it leads: into a table in the same file, into one of
the tables of operations (bus, CPU), or to functions of the port and the
caller, whose stack is their own business.
"""
import collections
import glob
import os
import re

INDIRECT = "__indirect_call"
# Members whose functions the caller brings along; those of the library that
# are stored there by name are followed all the same.
OUTSIDE = {"gpa", "now", "relax", "trace", "on_event", "on_message", "done",
           "opened", "started", "post_started", "suspend", "closed",
           "open_failed", "process_packet", "processing_complete", "routine_",
           "EvtChannelOpened", "pnp_failure", "process_packet_ex",
           "processing_complete_ex", "routine", "routine_ex"}
# A parameter that holds one of them.
PARAMETER = re.compile(r"(?<![.>])\bcallback\(")


class Unknown(Exception):
    """A call through a pointer that this file cannot follow."""


class Sources:
    """What the text of the library says about pointers to functions."""

    def __init__(self, root):
        self.root = root
        self.text = {}
        for pattern in ("include/vmb/**/*.h", "src/**/*.[ch]",
                        "platform/x86_64/*.c"):
            for path in glob.glob(os.path.join(root, pattern),
                                  recursive=True):
                with open(path, encoding="utf-8") as source:
                    self.text[os.path.normpath(path)] = re.sub(
                        r"/\*.*?\*/", "", source.read(), flags=re.DOTALL)
        self.all = "\n".join(self.text.values())
        self.tables = self._tables()

    def public_functions(self):
        headers = [text for path, text in self.text.items()
                   if path.startswith(os.path.join(self.root, "include/vmb"))]
        # Those of kmcl.h stand in lists of its own.
        return {ours or theirs for ours, theirs in
                re.findall(r"\b(vmb_\w+)\(|\bX\((Vmb\w+),",
                           "\n".join(headers))}

    def _tables(self):
        """member: the functions that tables of operations hold in it."""
        tables = collections.defaultdict(set)
        for path, text in self.text.items():
            for kind, body in re.findall(
                    r"struct (\w+) \w+ = \{([^{}]*)\};", text):
                for member, name in self._entries(kind, body):
                    tables[member].add((path, name))
        return tables

    def _entries(self, kind, body):
        """(member, function) of one initialiser, by name or by place."""
        definition = re.search(rf"struct {kind} \{{(.*?)^\}};", self.all,
                               re.DOTALL | re.MULTILINE)
        members = [a or b for a, b in re.findall(
            r"\(\*(\w+)\)\([^;]*;|(\w+);",
            definition.group(1) if definition else "")]
        for place, entry in enumerate(body.split(",")):
            named = re.match(r"\s*\.(\w+)\s*=\s*(\w+)", entry)
            if named:
                yield named.groups()
            elif place < len(members):
                yield members[place], entry.strip()

    def targets(self, place, names):
        """(file, name) of what the call at FILE:LINE:COLUMN reaches."""
        path, line, _ = place.rsplit(":", 2)
        path = self.find(path)
        members = self._members(path, int(line))
        if not members and self._is_parameter(path, int(line)):
            return set()
        if not members:
            raise Unknown(f"{place}: what is called through a pointer here?")
        reached = set()
        for member in members:
            reached |= self._stored(member, names)
            if member in OUTSIDE:
                continue
            if member in self.tables:
                reached |= self.tables[member]
            elif re.search(rf"\(\*{member}\)\(", self.text[path]):
                reached |= {(path, name) for name in names if re.search(
                    rf"\b{name}\b(?!\()", self.text[path])}
            else:
                raise Unknown(f"{place}: where does ->{member}() lead?")
        return reached

    def _stored(self, member, names):
        """(file, name) of the library's functions that some line puts there."""
        stored = {(path, name) for path, text in self.text.items()
                  for name in re.findall(rf"[.>]{member} = (\w+);", text)}
        return {(self._home(path, name), name) for path, name in stored
                if name in names}

    def _home(self, path, name):
        """The file that defines a function which `path` names."""
        body = re.compile(rf"\b{name}\([^;{{]*\)\n\{{")
        if body.search(self.text[path]):
            return path
        return next(p for p, text in self.text.items() if body.search(text))

    @staticmethod
    def _is_parameter(path, line):
        with open(path, encoding="utf-8") as source:
            return PARAMETER.search(source.read().splitlines()[line - 1])

    def _members(self, path, line):
        """Members called on a line, or in the function inlined there."""
        with open(path, encoding="utf-8") as source:
            text = source.read().splitlines()[line - 1]
        if not re.search(r"(?:->|\.)\w+\(", text):
            for name in re.findall(r"\b(\w+)\(", text):
                body = re.search(rf"\b{name}\([^;{{]*\)\n\{{\n(.*?)^\}}",
                                 self.text[path], re.DOTALL | re.MULTILINE)
                text += body.group(1) if body else ""
        return set(re.findall(r"(?:->|\.)(\w+)\(", text))

    def find(self, path):
        """gcc names files from the build folder: go by their end."""
        end = os.path.normpath(path).replace("../", "")
        found = [p for p in self.text if p.endswith("/" + end)]
        if len(found) != 1:
            raise Unknown(f"{path}: no such source")
        return found[0]


class CallGraph:
    """What gcc wrote for all files, joined."""

    def __init__(self, folder, root):
        self.frame = {}
        self.unbounded = []
        self.calls = collections.defaultdict(set)
        self.indirect = collections.defaultdict(set)
        for path in sorted(glob.glob(os.path.join(folder, "*.ci"))):
            with open(path, encoding="utf-8") as graph:
                for line in graph:
                    self._node(line)
                    self._edge(line)
        sources = Sources(root)
        self.public = sorted(sources.public_functions() & set(self.frame))
        self._follow_pointers(sources)

    def _node(self, line):
        match = re.match(r'node: \{ title: "([^"]+)" label: '
                         r'".*?\\n(\d+) bytes \(([^)]*)\)', line)
        if match:
            self.frame[match.group(1)] = int(match.group(2))
            if match.group(3) == "dynamic":
                self.unbounded.append(plain(match.group(1)))

    def _edge(self, line):
        match = re.match(r'edge: \{ sourcename: "([^"]+)" '
                         r'targetname: "([^"]+)" label: "([^"]+)"', line)
        if match and match.group(2) == INDIRECT:
            self.indirect[match.group(1)].add(match.group(3))
        elif match:
            self.calls[match.group(1)].add(match.group(2))

    def _follow_pointers(self, sources):
        names = {plain(title) for title in self.frame}
        for caller, places in self.indirect.items():
            for place in places:
                for path, name in sources.targets(place, names):
                    self.calls[caller] |= self._titles(sources, path, name)

    def _titles(self, sources, path, name):
        """What gcc calls a function: static ones by their file."""
        return {title for title in self.frame if plain(title) == name
                and (":" not in title
                     or sources.find(title.split(":")[0]) == path)}

    def recursion(self):
        """A chain of calls that comes back to its start, or None."""
        done = set()
        for name in sorted(self.frame):
            found = self._cycle(name, (), done)
            if found:
                return " > ".join(map(plain, found))
        return None

    def _cycle(self, name, path, done):
        if name in path:
            return path[path.index(name):] + (name,)
        if name in done:
            return None
        for callee in sorted(self.calls[name]):
            found = self._cycle(callee, path + (name,), done)
            if found:
                return found
        done.add(name)
        return None

    def deepest(self, name, cache):
        """(bytes, chain of "name bytes") of it and what it calls."""
        if name not in cache:
            below = [self.deepest(c, cache) for c in self.calls[name]]
            depth, chain = max(below, default=(0, ()))
            own = self.frame.get(name, 0)
            cache[name] = (depth + own, (f"{plain(name)} {own}",) + chain)
        return cache[name]


def plain(title):
    """file.c:name.isra.0 is name."""
    return title.split(":")[-1].split(".")[0]
