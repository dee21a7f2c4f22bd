"""Reads a repository's own files, which may be anything: a FIFO, a gigabyte, or bytes in no known encoding."""

from __future__ import annotations

import configparser
import io
import os
import stat
import tokenize
import tomllib
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError

LIMIT_BYTES = 2 << 20


def read_text(path: Path, *, limit: int = LIMIT_BYTES) -> str | None:
    """The file's text (undecodable bytes replaced), or None when it is missing, special, unreadable or too long."""
    try:
        # Non-blocking, so that a FIFO with a tempting name cannot hang us between the check and the read.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        data = stream.read(limit)
    if path.suffix == ".py":
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            return data.decode(encoding, "replace")
        except (SyntaxError, LookupError):
            pass
    return data.decode("utf-8-sig", "replace")


def read_toml(path: Path) -> dict[str, Any]:
    """The parsed file, or ``{}`` when there is none. Raises QuantaError when it is not TOML."""
    text = read_text(path)
    if text is None:
        return {}
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise QuantaError(f"{path} is not valid TOML: {error}", hint="Correct the file, then run again.") from error


def table(data: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The nested table at ``keys``, or ``{}`` when any part is missing or not a table."""
    for key in keys:
        value = data.get(key)
        if not isinstance(value, dict):
            return {}
        data = value
    return data


def toml_table(root: Path, *keys: str) -> dict[str, Any]:
    """``table`` of the project's pyproject.toml; one that does not parse is reported where settings are loaded."""
    try:
        return table(read_toml(root / "pyproject.toml"), *keys)
    except QuantaError:
        return {}


def parse_ini(text: str) -> dict[str, dict[str, str]]:
    """Section -> option -> raw value, as tox, setup.cfg and pytest read them; ``{}`` when it cannot be parsed."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, delimiters=("=", ":"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError):
        return {}
    return {name: {key: value or "" for key, value in parser.items(name)} for name in parser.sections()}


def read_ini(path: Path) -> dict[str, dict[str, str]]:
    """``parse_ini`` of a file; ``{}`` when it is missing."""
    text = read_text(path)
    return parse_ini(text) if text is not None else {}
