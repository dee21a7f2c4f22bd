"""Swap a changed function body into the live functions of a running process.

The function is compiled alone, at its own line numbers and inside stand-ins for the classes around it, which takes a
fraction of a millisecond where compiling its whole file takes many. Then the new code replaces the old in every live
function object that has it, wherever decorators and registries have put them.
"""

import gc
import types

_FUTURE = 0xFFF0000  # compiler flags of `from __future__` imports, as kept in co_flags


class NotHot(Exception):
    """This change cannot be made in a running process; it needs a fresh import."""


class Functions:
    """Every live function below a root, by file, name and first line. Built once, before the first fork."""

    def __init__(self, root):
        self.by_place = {}
        for item in gc.get_objects():
            if type(item) is types.FunctionType:
                code = item.__code__
                if code.co_filename.startswith(root):
                    place = (code.co_filename, code.co_name, code.co_firstlineno)
                    self.by_place.setdefault(place, []).append(item)

    def patch(self, unit):
        """Make one change. `unit`: path, classes (names, outermost first), name, first (line of the function with
        its decorators), source (its lines, with their indentation).
        """
        functions = self.by_place.get((unit["path"], unit["name"], unit["first"]))
        if not functions:
            raise NotHot("no live function")
        old = functions[0].__code__
        if any(function.__code__ is not old for function in functions):
            raise NotHot("several functions share this place")
        self._replace(old, _compile(unit, old))

    def _replace(self, old, new):
        if old.co_freevars != new.co_freevars:
            raise NotHot("its closure changed")
        old_inner, new_inner = _inner(old), _inner(new)
        if [code.co_name for code in old_inner] == [code.co_name for code in new_inner]:
            for before, after in zip(old_inner, new_inner):
                if before.co_freevars == after.co_freevars:
                    self._replace(before, after)
        elif any(self._live(code) for code in old_inner):
            raise NotHot("inner functions changed")
        for function in self._live(old):
            function.__code__ = new

    def _live(self, code):
        place = (code.co_filename, code.co_name, code.co_firstlineno)
        return [function for function in self.by_place.get(place, ()) if function.__code__ is code]


def _inner(code):
    return [item for item in code.co_consts if isinstance(item, types.CodeType)]


def _compile(unit, old):
    text, first = unit["source"], unit["first"]
    indent = text[: len(text) - len(text.lstrip(" \t"))]
    header, width = [], len(unit["classes"])
    for depth, name in enumerate(unit["classes"]):
        header.append(" " * depth + "class " + name + ":")
    if indent and not width:
        # An indented function outside any class: below an if, a try or a with at module level.
        header.append("if 1:")
    # Each header line must be shallower than the function: one blank per level is, unless it is indented less.
    if header and len(indent.expandtabs(8)) < len(header):
        raise NotHot("indentation")
    if first - 1 < len(header):
        source, shift = "\n".join(header) + "\n" + text, first - 1 - len(header)
    else:
        source, shift = "\n" * (first - 1 - len(header)) + "\n".join(header) + ("\n" if header else "") + text, 0
    if shift:
        raise NotHot("no room for the class line")
    code = compile(source, unit["path"], "exec", flags=old.co_flags & _FUTURE, dont_inherit=True)
    for name in (*unit["classes"], unit["name"]):
        found = [item for item in _inner(code) if item.co_name == name]
        if len(found) != 1:
            raise NotHot("the function is not found again")
        code = found[0]
    return code
