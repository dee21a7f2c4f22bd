"""Errors that tell a person what happened and what to do next."""

from __future__ import annotations


class QuantaError(Exception):
    """Something the user can act on. The command line prints it in one or two lines and exits with ``exit_code``.

    ``message`` says what happened and where; ``hint`` what to do about it.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message
