# SPDX-License-Identifier: BSD-2-Clause-Patent
"""The files of the project, by what they are."""
import os
import subprocess

from . import csource

# Code for another project's tree, in that project's style and licence.
FOREIGN = ("tests/host/testdev/",)
# Bytes, whatever they look like.
DATA = ("tests/fuzz/corpus/",)
# The library proper: what a guest links.
LIBRARY = ("include/", "src/", "platform/x86_64/", "platform/aarch64/",
           "platform/uefi/")
# Hosted, though it lies in a library folder.
HOSTED_HEADERS = ("include/vmb/sim.h",)


class File:
    """One text file; what is derived from it is derived once."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding="utf-8") as source:
            self.text = source.read()
        self.lines = self.text.splitlines()
        self.is_c = path.endswith((".c", ".h"))
        self.is_foreign = path.startswith(FOREIGN)
        self.is_library = (path.startswith(LIBRARY)
                           and path not in HOSTED_HEADERS)
        self._code = None
        self._functions = None

    @property
    def code(self):
        """The text with comments and literals blanked, of equal length."""
        if self._code is None:
            self._code = csource.blank(self.text)
        return self._code

    @property
    def functions(self):
        if self._functions is None:
            self._functions = csource.functions(self.code)
        return self._functions

    def finding(self, line, what):
        return f"{self.path}:{line}: {what}"

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = [File(root, path) for path in self._paths()]
        self.c_files = [f for f in self.files if f.is_c and not f.is_foreign]
        self.library = [f for f in self.c_files if f.is_library]
        self.headers = [f for f in self.c_files
                        if f.path.startswith("include/vmb/")]
        self.wire = [f for f in self.headers if "/wire/" in f.path]

    def _paths(self):
        """What is committed or about to be, text only."""
        try:
            listed = subprocess.run(
                ["git", "ls-files", "-z", "-co", "--exclude-standard"],
                cwd=self.root, capture_output=True, check=True)
            paths = listed.stdout.decode().split("\0")
        except (OSError, subprocess.CalledProcessError):
            paths = self._walk()
        return sorted(p for p in set(paths)
                      if p and not p.startswith(DATA) and self._is_text(p))

    def _walk(self):
        for folder, names, files in os.walk(self.root):
            names[:] = [n for n in names if not n.startswith((".git", "build"))]
            for name in files:
                yield os.path.relpath(os.path.join(folder, name), self.root)

    def _is_text(self, path):
        path = os.path.join(self.root, path)
        if not os.path.isfile(path) or os.path.islink(path):
            return False
        with open(path, "rb") as source:
            return b"\0" not in source.read(4096)
