"""Parsing Python where several threads do it."""

from __future__ import annotations

import ast
import os
import threading
from typing import Literal, overload

_ONE_AT_A_TIME = threading.Lock()


@overload
def parsed(source: str | bytes, filename: str = ..., mode: Literal["exec"] = ...) -> ast.Module: ...
@overload
def parsed(source: str | bytes, filename: str = ..., *, mode: Literal["eval"]) -> ast.Expression: ...
def parsed(
    source: str | bytes, filename: str = "<unknown>", mode: Literal["exec", "eval"] = "exec"
) -> ast.Module | ast.Expression:
    """`ast.parse`, by one thread at a time: two that build trees at once can fail with a SystemError about recursion
    depth (python/cpython#106905). They take turns anyway, so it costs nothing.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(source, filename, "eval") if mode == "eval" else ast.parse(source, filename)


def _renew() -> None:
    global _ONE_AT_A_TIME  # noqa: PLW0603 -- a fork may have happened while another thread held it
    _ONE_AT_A_TIME = threading.Lock()


os.register_at_fork(after_in_child=_renew)
