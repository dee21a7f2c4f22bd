"""Refusals in the form that OpenAI's clients understand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse


class Refused(Exception):
    """A request is answered with an error: ``kind`` and ``code`` as OpenAI names them, ``param`` what is wrong."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, dict(headers or {})
        self.body: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": code}

    def response(self) -> JSONResponse:
        """As HTTP."""
        return JSONResponse({"error": self.body}, status_code=self.status, headers=self.headers)


def too_long(prompt: int, wanted: int, context: int) -> Refused:
    """The prompt, or it and the answer asked for, do not fit."""
    said = f"{prompt:,} tokens in the prompt and {wanted:,} in the completion" if wanted else f"{prompt:,} tokens"
    return Refused(
        400,
        f"This model's maximum context length is {context:,} tokens. However, you requested {said}.",
        code="context_length_exceeded",
        param="messages",
    )
