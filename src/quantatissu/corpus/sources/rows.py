"""From a row of a table to a raw file, by the recipe's column mapping."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from quantatissu.corpus.document import Origin, RawFile
from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.settings import Columns
from quantatissu.foundation import QuantaError

Row = Mapping[str, Any]
_COMMIT_IN_ADDRESS = re.compile(r"/(?:blob|tree|raw|commit)/([0-9a-f]{40})(?:/|$)")


@dataclass(frozen=True, slots=True)
class Mapper:
    """Reads rows. ``repository`` stands in where a row names none; ``fetch`` gets a blob by its id (see `Columns`)."""

    source: str
    columns: Columns
    repository: str
    most: int  # bytes of text
    fetch: Callable[[str], bytes] | None = None

    def origin(self, row: Row, place: str) -> Origin:
        """Where the row's text is from. ``place`` names the row where it has no path: a file and a position in it."""
        columns = self.columns
        revision = _text(_value(row, columns.revision))
        commit = _COMMIT_IN_ADDRESS.search(revision)
        return Origin(
            self.source,
            _text(_value(row, columns.repository)) or self.repository,
            commit[1] if commit else revision,
            _text(_value(row, columns.path)) or place,
            _text(_value(row, columns.date)),
        )

    def file(self, row: Row, origin: Origin) -> RawFile:
        """The row's file. Raises `Unreadable`: ``no_text``, ``too_large``, ``not_unicode``, or a missing blob's own."""
        language = _text(_value(row, self.columns.language))
        return RawFile(origin, self._data(row), licences_of(_value(row, self.columns.licences)), (), language)

    def _data(self, row: Row) -> bytes:
        columns = self.columns
        value = _value(row, columns.text)
        if value is None and columns.blob and self.fetch is not None:
            blob = _text(_value(row, columns.blob))
            if not blob:
                raise Unreadable("no_text", f"column {columns.blob} is empty")
            value = _recoded(self.fetch(blob), _text(_value(row, columns.encoding)))
        if isinstance(value, str):
            try:
                value = value.encode()
            except UnicodeEncodeError:
                raise Unreadable("not_unicode", "half a surrogate pair", len(value)) from None
        if not isinstance(value, bytes):
            raise Unreadable("no_text", f"column {columns.text or columns.blob} holds no text")
        if len(value) > self.most:
            raise Unreadable("too_large", f"{len(value)} bytes, at most {self.most}", len(value))
        return value


def licences_of(value: object) -> tuple[str, ...]:
    """What a column says of licences, as it says it: names or SPDX expressions, one or a list; sorted."""
    parts = value if isinstance(value, list | tuple) else [value]
    return tuple(sorted({text for part in parts if (text := _text(part).strip())}))


def check_columns(source: str, columns: Columns, present: Iterable[str], where: str) -> None:
    """Raise QuantaError when a column that the recipe names, or the text's, is not among a table's top columns."""
    names = sorted(present)
    needed = {name for field in columns.model_fields_set if (name := getattr(columns, field))}
    needed.add(columns.text or columns.blob)
    for name in sorted(needed):
        if name not in names and name.partition(".")[0] not in names:
            near = get_close_matches(name, names, 1)
            raise QuantaError(
                f"source {source}: {where} has no column {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
                hint=f"Its columns are {', '.join(names)}. Map them under [source.columns] in the recipe.",
            )


def _value(row: Row, name: str) -> Any:
    if not name:
        return None
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def _text(value: object) -> str:
    """A value as text that any format can hold; nothing for a missing one."""
    if value is None:
        return ""
    if isinstance(value, datetime.date):
        return value.isoformat()
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _recoded(data: bytes, encoding: str) -> bytes:
    """UTF-8 of a text whose encoding the data set names; unchanged where the name is unknown or wrong."""
    try:
        return data.decode(encoding).encode() if encoding else data
    except (UnicodeError, LookupError):
        return data
