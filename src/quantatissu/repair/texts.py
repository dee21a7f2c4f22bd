"""The project's source files as text: read once, byte-exact both ways, parsed once."""

from __future__ import annotations

import io
import os
import tokenize
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quantatissu.rewriting import Source


@dataclass(frozen=True, slots=True)
class TextFile:
    """A decoded source file. ``encode`` gives back exactly the bytes that were read, when the text is unchanged."""

    text: str
    encoding: str
    content: bytes

    def encode(self, text: str) -> bytes:
        """The bytes of a new text in the file's own encoding. Raises UnicodeEncodeError when it cannot hold it."""
        return text.encode(self.encoding)


def decode(content: bytes) -> TextFile | None:
    """Decode Python source by its byte order mark or coding comment (PEP 263); None when it does not round-trip."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None
    return TextFile(text, encoding, content) if text.encode(encoding) == content else None


@dataclass
class Texts:
    """The files of one project by absolute path, some of them changed."""

    root: str
    files: dict[str, TextFile | None] = field(default_factory=dict)
    parsed: dict[tuple[str, str], Source | None] = field(default_factory=dict)

    def file(self, path: str) -> TextFile | None:
        """The file as it is on disk; None when it cannot be read or decoded."""
        if path not in self.files:
            try:
                with open(path, "rb") as handle:  # noqa: PTH123
                    self.files[path] = decode(handle.read())
            except OSError:
                self.files[path] = None
        return self.files[path]

    def source(self, path: str, text: str | None = None) -> Source | None:
        """The file parsed, or ``text`` in its place; None when it is unreadable or does not parse."""
        if text is None:
            found = self.file(path)
            if found is None:
                return None
            text = found.text
        from quantatissu.rewriting import Source  # loads all operators, which a run begins without

        key = (path, text)
        if key not in self.parsed:
            try:
                self.parsed[key] = Source(text, path)
            except (SyntaxError, ValueError, RecursionError):
                self.parsed[key] = None
        return self.parsed[key]

    def text(self, path: str) -> str:
        """The file's text, unparsed; empty when it cannot be read."""
        found = self.file(path)
        return found.text if found is not None else ""

    def relative(self, path: str) -> str:
        return os.path.relpath(path, self.root)
