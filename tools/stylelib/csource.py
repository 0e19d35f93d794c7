# SPDX-License-Identifier: BSD-2-Clause-Patent
"""Just enough of C to see functions, nesting and prototypes.

It leans on clang-format: a function's braces stand alone in column 0.
"""
import re

LITERALS = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
    re.DOTALL)
TOKENS = re.compile(r"\w+|[{}();:?]|[^\s\w]")
CONTROL = {"if", "for", "while", "switch"}


def blank(text):
    """Comments and literals become spaces; lines and offsets stay."""
    def spaces(match):
        kept = re.sub(r"[^\n]", " ", match.group())
        if match.group().startswith(("/*", "//")):
            return kept
        return match.group()[0] + kept[1:-1] + match.group()[-1]
    return LITERALS.sub(spaces, text)


class Function:
    def __init__(self, name, line, length, nesting):
        self.name = name
        self.line = line
        self.length = length
        self.nesting = nesting


def functions(code):
    """The function definitions of blanked code."""
    lines = code.split("\n")
    found = []
    opened = None
    for number, line in enumerate(lines):
        if line == "{":
            opened = number
        elif line == "}" and opened is not None:
            start, name = _signature(lines, opened)
            body = "\n".join(lines[opened + 1:number])
            found.append(Function(name, start + 1, number - start + 1,
                                  nesting(body)))
            opened = None
    return found


def _signature(lines, opened):
    """Where the definition that opens at `opened` begins, and its name."""
    start = opened
    while start > 0 and lines[start - 1].strip() \
            and not lines[start - 1].startswith(("}", "#")) \
            and not lines[start - 1].rstrip().endswith((";", "}")):
        start -= 1
    names = re.findall(r"(\w+)\s*\(", " ".join(lines[start:opened]))
    return start, names[0] if names else "?"


def nesting(body):
    """How deep control statements stand in one another."""
    return _Depth(TOKENS.findall(body)).deepest


class _Depth:
    """Walks statements.  `else if` goes on with its `if`."""

    def __init__(self, tokens):
        self.tokens = tokens
        self.at = 0
        self.deepest = 0
        while self.at < len(tokens):
            self.statement(0)

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def statement(self, depth):
        word = self.peek()
        if word == "{":
            self.at += 1
            while self.peek() not in ("}", ""):
                self.statement(depth)
            self.at += 1
        elif word in CONTROL:
            self.at += 1
            self.brackets()
            self.inner(depth)
            if word == "if" and self.peek() == "else":
                self.at += 1
                if self.peek() == "if":
                    self.statement(depth)
                else:
                    self.inner(depth)
        elif word == "do":
            self.at += 1
            self.inner(depth)
            self.simple()
        elif word in ("case", "default") or self.is_label():
            while self.peek() not in (":", ""):
                self.at += 1
            self.at += 1
        else:
            self.simple()

    def is_label(self):
        return self.tokens[self.at + 1:self.at + 2] == [":"]

    def inner(self, depth):
        self.deepest = max(self.deepest, depth + 1)
        self.statement(depth + 1)

    def brackets(self):
        """Past the balanced (...) or {...} that begins here."""
        level = 0
        while self.at < len(self.tokens):
            token = self.peek()
            self.at += 1
            level += (token in "({") - (token in ")}")
            if level == 0:
                return

    def simple(self):
        """Past the end of an expression or declaration."""
        while self.peek() not in (";", "}", ""):
            if self.peek() in ("(", "{"):
                self.brackets()
            else:
                self.at += 1
        self.at += self.peek() == ";"


class Prototype:
    def __init__(self, name, start, end):
        self.name = name
        self.start = start  # offsets in the text
        self.end = end


def prototypes(code):
    """Declarations and inline definitions of functions at file level."""
    pattern = r"^[A-Za-z][^;{}#=]*?\b(vmb_\w+)\([^;{}]*\)\s*[;{]"
    for match in re.finditer(pattern, _top_level(code), re.MULTILINE):
        if not match.group().startswith(("typedef", "extern \"")):
            yield Prototype(match.group(1), match.start(), match.end())


def _top_level(code):
    """Directives, macros and the insides of braces blanked."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                  lambda m: re.sub(r"[^\n]", " ", m.group()), code,
                  flags=re.MULTILINE)
    # extern "C" { ... } is no depth of its own.
    code = re.sub(r'extern "\s*" *\{', lambda m: " " * len(m.group()), code)
    out, level = [], 0
    for char in code:
        level -= char == "}" and level > 0
        out.append(char if level == 0 or char == "\n" else " ")
        level += char == "{"
    return "".join(out)
