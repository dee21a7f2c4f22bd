"""noxfile.py, read as a syntax tree and never run: which words a session passes to ``session.run``."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from quantatissu.foundation.syntax import parsed
from quantatissu.testing.reading import read_text
from quantatissu.testing.tasks.model import Task, Unresolved


def read(arguments: list[str], root: Path, folder: str) -> list[Task]:
    """The sessions that ``nox arguments`` would run, as tasks; a session that cannot be read is left out."""
    names, positional, file_name = _arguments(arguments)
    here = root / folder
    text = read_text(here / file_name)
    if text is None:
        raise Unresolved("no noxfile")
    try:
        tree = parsed(text)
    except (SyntaxError, ValueError) as error:
        raise Unresolved("noxfile does not parse") from error
    module = {name: value for node in tree.body if (found := _constant(node)) for name, value in [found]}
    sessions = _sessions(tree)
    wanted = names or module.get("nox.options.sessions") or list(sessions)
    tasks = []
    for wish in wanted:
        name = re.sub(r"(-(py)?[\d.]+)?(\(.*\))?$", "", wish)
        node = sessions.get(wish) or sessions.get(name)
        if node is None:
            continue
        venv = here / ".nox" / re.sub(r"[^\w.-]+", "-", wish)
        reader = _Session(dict(module), positional, _argument_name(node), folder)
        try:
            reader.block(node.body)
        except Unresolved:
            continue
        origin = f"{file_name} (session {wish})"
        tasks.append(Task(origin, tuple(reader.lines), reader.environment, reader.folder, (venv,)))
    return tasks


def _arguments(arguments: list[str]) -> tuple[list[str], list[str], str]:
    positional: list[str] = []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, positional = arguments[:cut], arguments[cut + 1 :]
    names: list[str] = []
    file_name = "noxfile.py"
    at = 0
    while at < len(arguments):
        word = arguments[at]
        at += 1
        if word in ("-s", "-e", "--session", "--sessions"):
            while at < len(arguments) and not arguments[at].startswith("-"):
                names.append(arguments[at])
                at += 1
        elif match := re.match(r"(?:--sessions?=|-s)(.+)", word):
            names.append(match[1])
        elif word in ("-f", "--noxfile"):
            file_name = arguments[at] if at < len(arguments) else file_name
            at += 1
        elif word in ("-k", "-t", "--keywords", "--tags") or not word.startswith("-"):
            raise Unresolved(word)
    return names, positional, file_name


def _constant(node: ast.stmt) -> tuple[str, Any] | None:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        try:
            return ast.unparse(node.targets[0]), ast.literal_eval(node.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
    return None


def _sessions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    sessions = {}
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            if ast.unparse(call) in ("nox.session", "session", "nox_poetry.session", "nox_uv.session"):
                renamed = {
                    keyword.arg: keyword.value.value
                    for keyword in (decorator.keywords if isinstance(decorator, ast.Call) else [])
                    if isinstance(keyword.value, ast.Constant)
                }
                sessions[str(renamed.get("name") or node.name)] = node
    return sessions


def _argument_name(node: ast.FunctionDef) -> str:
    if not node.args.args:
        raise Unresolved("a session without an argument")
    return node.args.args[0].arg


class _Session:
    """Follows one session's straight-line code; a test command under a condition is not resolved."""

    def __init__(self, names: dict[str, Any], positional: list[str], argument: str, folder: str) -> None:
        self.names = names
        self.positional = positional
        self.argument = argument
        self.folder = folder
        self.lines: list[tuple[str, ...]] = []
        self.environment: dict[str, str] = {}

    def block(self, body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                self.names.pop(name, None)
                try:
                    self.names[name] = self._value(node.value)
                except Unresolved:
                    pass
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                self._call(node.value)
            elif isinstance(node, ast.With | ast.Try):
                self.block(node.body)
            elif isinstance(node, ast.If | ast.For | ast.While):
                self._forget(node)

    def _forget(self, node: ast.stmt) -> None:
        """A branch that may not run: names it sets are unknown, and a test command in it ends the reading."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                self.names.pop(inner.id, None)
            if isinstance(inner, ast.Call) and self._method(inner) == "run":
                raise Unresolved("a command under a condition")
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
                self.names.pop(ast.unparse(inner.func.value), None)

    def _method(self, call: ast.Call) -> str | None:
        function = call.func
        if isinstance(function, ast.Attribute) and ast.unparse(function.value) == self.argument:
            return function.attr
        return None

    def _call(self, call: ast.Call) -> None:
        method = self._method(call)
        if method in ("chdir", "cd"):
            self.folder = Path(self.folder, self._text(call.args[0])).as_posix() if call.args else self.folder
        elif method == "run":
            try:
                words = [word for argument in call.args for word in self._words(argument)]
            except Unresolved:
                literals = [str(item.value) for item in call.args if isinstance(item, ast.Constant)]
                if literals[:1] and not re.search(r"test|\bpython", " ".join(literals)):
                    return  # unreadable without harm: no test command
                raise
            for keyword in call.keywords:
                if keyword.arg == "env":
                    self.environment.update(self._environment(keyword.value))
            self.lines.append(tuple(words))

    def _environment(self, node: ast.expr) -> dict[str, str]:
        if not isinstance(node, ast.Dict):
            value = self._value(node)
            if isinstance(value, dict):
                return {str(key): str(item) for key, item in value.items()}
            raise Unresolved("env")
        return {self._text(key): self._text(value) for key, value in zip(node.keys, node.values, strict=True) if key}

    def _words(self, node: ast.expr) -> list[str]:
        value = self._value(node.value if isinstance(node, ast.Starred) else node)
        return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]

    def _text(self, node: ast.expr) -> str:
        value = self._value(node)
        if isinstance(value, str | int | float):
            return str(value)
        raise Unresolved(ast.unparse(node))

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if name in self.names:
                return self.names[name]
            case ast.Attribute() if ast.unparse(node) == f"{self.argument}.posargs":
                return list(self.positional)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [word for item in items for word in self._words(item)]
            case ast.BoolOp(op=ast.Or(), values=values):
                return next((value for item in values if (value := self._value(item))), self._value(values[-1]))
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                first, second = self._value(left), self._value(right)
                if isinstance(first, str) and isinstance(second, str):
                    return first + second
                if isinstance(first, list | tuple) and isinstance(second, list | tuple):
                    return [*first, *second]
            case ast.JoinedStr(values=values):
                return "".join(self._text(v.value if isinstance(v, ast.FormattedValue) else v) for v in values)
            case ast.IfExp(test=test, body=body, orelse=other):
                return self._value(body) if self._value(test) else self._value(other)
            case ast.Call(func=ast.Name(id="str" | "list" | "tuple"), args=[inner], keywords=[]):
                return self._value(inner)
            case ast.Dict(keys=keys, values=values) if all(keys):
                return {self._text(k): self._text(v) for k, v in zip(keys, values, strict=True) if k}
            case _:
                pass
        raise Unresolved(ast.unparse(node))
