"""Counts, sizes and shares as people read them. Spaces inside an amount do not break."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_NO_BREAK = "\N{NO-BREAK SPACE}"


def count(number: int) -> str:
    """``1234567`` as ``1,234,567``."""
    return f"{number:,}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 file``, ``2,000 files``; `plural` where an *s* does not make it."""
    return f"{number:,}{_NO_BREAK}{noun if number == 1 else plural or noun + 's'}"


def counted_plainly(number: int, noun: str) -> str:
    """`counted` with a space that breaks, for messages that people search and programs read."""
    return counted(number, noun).replace(_NO_BREAK, " ")


def short(number: float) -> str:
    """Three digits and a letter: ``999``, ``12.3k``, ``4.56M``, ``7.89B`` (thousand millions), ``1.2T``."""
    return _scaled(number, ("", "k", "M", "B", "T"), "")


def size(number: float) -> str:
    """Bytes in decimal units to three digits: ``999 B``, ``12.3 kB``, ``4.56 MB``."""
    return _scaled(number, _UNITS, _NO_BREAK)


def share(part: float, whole: float) -> str:
    """`part` of `whole` in percent; the ends are kept for what is really none or all. A dash when `whole` is 0."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "<0.1%"
    if 99.9 < percent < 100:
        return ">99.9%"
    return f"{percent:.0f}%" if percent in {0, 100} else f"{percent:.1f}%"


def _scaled(number: float, units: tuple[str, ...], space: str) -> str:
    value, unit = float(number), 0
    while value >= 999.5 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    if value == int(value) and (unit == 0 or value >= 100):
        digits = f"{value:.0f}"
    else:
        digits = f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f}"
    return f"{digits}{space}{units[unit]}".rstrip()
