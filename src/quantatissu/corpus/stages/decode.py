"""Bytes to text. What is certainly text in a known encoding becomes a document; the rest is dropped, never guessed.

Tried in order: a byte order mark; UTF-16 without a mark (NULs in every other byte only); UTF-8; the encoding that the
first two lines declare (PEP 263, also written by Emacs and Vim); Windows-1252, if every high byte looks like a Western
letter inside a word or like typography. Line ends become LF, control characters other than tab go.
"""

from __future__ import annotations

import codecs
import re

from quantatissu.corpus.document import Document, Drop, RawFile, document_id
from quantatissu.corpus.languages import find

NAME = "decode"

# UTF-32's marks begin with UTF-16's, so they are asked first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC = (b"%PDF-", b"\x89PNG", b"\x7fELF", b"PK\x03\x04", b"\x1f\x8b", b"GIF8", b"\xff\xd8\xff", b"MZ\x90")
_COOKIE = re.compile(rb"\A(?:[^\n]*\n)?[^\n]*?coding[:=][ \t]*([-\w.]{2,24})")
# Codecs that turn bytes into text and nothing else: no compression, no escapes, no guessing.
_DECLARED = re.compile(
    r"(?:latin[-_]?\d+|iso[-_]?8859[-_]?\d+|cp\d{3,4}|windows[-_]?\d{3,4}|koi8[-_]?[rut]|euc[-_]?(?:jp|kr|jisx0213)"
    r"|shift[-_]?jis|sjis|gb(?:2312|k|18030)|big5|mac[-_]?roman|utf[-_]?16(?:[-_]?[lb]e)?)\Z",
    re.IGNORECASE,
)

# C0 and C1 controls but tab and LF, DEL, the byte order mark as a character, and noncharacters.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_ASCII_CONTROLS = bytes((set(range(32)) | {127}) - set(b"\t\n\r"))
_BINARY_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1b\x1a"))
_MAX_CONTROL_SHARE = 0.001
_MAX_LOST_SHARE = 0.002  # of U+FFFD: somebody before us decoded it wrongly

# Windows-1252: a Western letter touching an ASCII letter, at most two in a row, or typography.
_HIGH = re.compile(rb"[\x80-\xff]+")
_WESTERN = re.compile(
    rb"(?:(?<=[A-Za-z])[\xc0-\xd6\xd8-\xf6\xf8-\xff]{1,2}(?![\x80-\xff])"
    rb"|(?<![\x80-\xff])[\xc0-\xd6\xd8-\xf6\xf8-\xff]{1,2}(?=[A-Za-z])"
    rb"|(?<![\x80-\xff])[\x80\x85\x91-\x97\x99\xa0\xa3\xa7\xa9\xab\xae\xb0-\xb5\xb7\xbb-\xbf\xd7](?![\x80-\xff]))"
)
_MAX_WESTERN_SHARE = 0.05

# UTF-8 read as Windows-1252 and written as UTF-8 again: a lead byte's character, then continuation bytes'.
_NON_ASCII_RUN = re.compile(r"[^\x00-\x7f]+")
_LEADS = re.compile(
    "[\u00c2-\u00f4][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
)
_CERTAIN_RUNS = 3


def decode(raw: RawFile) -> Document | Drop:
    """The document of a file as it was read, or why it is none.

    Reasons: ``empty``, ``binary`` (NULs, control characters, a known file signature), ``unknown_encoding``,
    ``lost_characters`` (over 0.2% are U+FFFD). The document's ``language`` is what the source said, by our name for it.
    """
    data = raw.data
    if not data:
        return Drop(NAME, "empty", "0 bytes")
    plain = _is_plain(data)
    text = data.decode("ascii") if plain else _text(data)
    if isinstance(text, Drop):
        return text
    if not text.isascii():
        lost = text.count("\ufffd")
        if lost > _MAX_LOST_SHARE * len(text):
            return Drop(NAME, "lost_characters", f"{lost:,} of {len(text):,} characters are U+FFFD")
        text = repair_mojibake(text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not plain:
        text = _CONTROLS.sub("", text)
    if not text or text.isspace():
        return Drop(NAME, "empty", "only blank lines")
    language = find(raw.language) if raw.language else None
    return Document(
        id=document_id(raw.origin, data),
        origin=raw.origin,
        text=text,
        size=len(data),
        language=language.name if language else "",
        licences=raw.licences,
        licence_texts=raw.licence_texts,
    )


def _is_plain(data: bytes) -> bool:
    """Whether it is ASCII with no control characters but tab and line ends, and no binary format's signature: most code
    is, and there is nothing to repair in it then.
    """
    return data.isascii() and len(data.translate(None, _ASCII_CONTROLS)) == len(data) and not data.startswith(_MAGIC)


def _text(data: bytes) -> str | Drop:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = _strictly(data[len(mark) :], encoding)
            return Drop(NAME, "unknown_encoding", f"not the {encoding} it says") if text is None else text
    if data.startswith(_MAGIC):
        return Drop(NAME, "binary", "the signature of a binary format")
    if b"\0" in data:
        return _utf16_without_mark(data) or Drop(NAME, "binary", f"{data.count(0):,} NUL bytes")
    controls = len(data) - len(data.translate(None, _BINARY_CONTROLS))
    if controls > _MAX_CONTROL_SHARE * len(data) + 1:
        return Drop(NAME, "binary", f"{controls:,} control characters in {len(data):,} bytes")
    return _strictly(data, "utf-8") or _declared(data) or _windows_1252(data) or _unknown(data)


def _strictly(data: bytes, encoding: str) -> str | None:
    """The text, or None where `data` is not in `encoding`."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _utf16_without_mark(data: bytes) -> str | None:
    """UTF-16 of mostly ASCII text: NULs fill one half of the positions and are absent from the other."""
    if len(data) % 2:
        return None
    even, odd = data[::2], data[1::2]
    if 0 not in even and odd.count(0) > 0.7 * len(odd):
        return _strictly(data, "utf-16-le")
    if 0 not in odd and even.count(0) > 0.7 * len(even):
        return _strictly(data, "utf-16-be")
    return None


def _declared(data: bytes) -> str | None:
    match = _COOKIE.match(data[:1_000])
    encoding = match[1].decode("ascii", "replace") if match else ""
    if not _DECLARED.match(encoding):
        return None
    try:
        return _strictly(data, codecs.lookup(encoding).name)
    except LookupError:
        return None


def _windows_1252(data: bytes) -> str | None:
    high = sum(len(run) for run in _HIGH.findall(data))
    western = sum(len(run) for run in _WESTERN.findall(data))
    return _strictly(data, "cp1252") if western == high <= _MAX_WESTERN_SHARE * len(data) else None


def _unknown(data: bytes) -> Drop:
    high = len(data) - len(data.translate(None, bytes(range(0x80, 0x100))))
    return Drop(NAME, "unknown_encoding", f"{high:,} of {len(data):,} bytes are above ASCII and not UTF-8")


def repair_mojibake(text: str) -> str:
    """`text` with UTF-8 that was once read as Windows-1252 put right, where that is certain; else unchanged.

    Certain is: at least three runs of characters above ASCII, and each of them, taken back to bytes, is valid UTF-8.
    Accented words, or a page that shows what mojibake looks like, practically never pass for that.
    """
    if not _LEADS.search(text):
        return text
    repaired: dict[str, str] = {}
    runs = _NON_ASCII_RUN.findall(text)
    if len(runs) < _CERTAIN_RUNS:
        return text
    for run in set(runs):
        try:
            repaired[run] = _bytes_of(run).decode("utf-8")
        except UnicodeError:
            return text
    return _NON_ASCII_RUN.sub(lambda match: repaired[match[0]], text)


def _bytes_of(run: str) -> bytes:
    """Windows-1252, with its five undefined bytes as the C1 controls that browsers make of them."""
    return b"".join(
        character.encode("latin-1") if character in "\x81\x8d\x8f\x90\x9d" else character.encode("cp1252")
        for character in run
    )
