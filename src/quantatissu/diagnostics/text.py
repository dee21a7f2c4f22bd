"""Raw output made readable: bytes decoded, terminal escapes gone, one kind of line end."""

from __future__ import annotations

import re

# Control sequences (colours, cursor moves), operating system commands (titles, hyperlinks) and two-character escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b]*+(?:\x07|\x1b\\)|[@-Z\\-_])")


def clean(output: str | bytes) -> str:
    """The text of ``output`` as UTF-8 (bytes that are not are replaced), without escapes, lines ended by ``\\n``."""
    text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    return text.replace("\r\n", "\n") if "\r" in text else text


def is_ruler(line: str) -> bool:
    """Whether a line starts as the rulers and titles between sections do, such as ``=====`` or ``----- x -----``."""
    return line[:5] in {"=====", "-----", "_____", "!!!!!", "*****"}
