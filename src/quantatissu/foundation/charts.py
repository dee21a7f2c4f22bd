"""Small drawings for reports, as inline SVG: bars that sit in table cells, and columns for distributions.

Drawn by hand rather than by a plotting library: a few hundred bytes each, the same bytes everywhere, sharp at any size,
and in the page's own fonts and colours, light or dark. Colours are the classes ``tone-1`` to ``tone-4`` of the page's
style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from quantatissu.foundation.amounts import short
from quantatissu.foundation.page import Html, element

_WIDTH, _HEIGHT = 440.0, 220.0  # of a column chart, in its own units; text is 12 of them high
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 12.0, 12.0, 44.0


def bar(parts: Sequence[float], whole: float) -> Html:
    """A bar as wide as its cell when `parts` add up to `whole`; each part in its own tone.

    Hidden from screen readers: the figures stand beside it in the table.
    """
    drawn, at = [], 0.0
    for tone, part in enumerate(parts, start=1):
        width = 100 * part / whole if whole else 0.0
        if width:
            width = max(width, 0.4)  # something is never drawn as nothing
            drawn.append(element("rect", x=at, width=width, height="100%", class_=f"tone-{tone}"))
        at += width
    return element(
        "svg",
        *drawn,
        class_="bar",
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        aria_hidden="true",
        focusable="false",
    )


def legend(names: Sequence[str]) -> Html:
    """What the tones of the bars below it stand for, in order from ``tone-1``."""
    return element(
        "ul",
        (
            element(
                "li",
                element(
                    "svg",
                    element("rect", width="100%", height="100%", class_=f"tone-{tone}"),
                    class_="swatch",
                    aria_hidden="true",
                ),
                name,
            )
            for tone, name in enumerate(names, start=1)
        ),
        class_="legend",
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """A column of a distribution: the label at its left edge, its height, and what hovering over it says."""

    edge: str
    height: int
    words: str


def columns(bins: Sequence[Bin], *, caption: str, across: str, upwards: str, summary: str) -> Html:
    """A distribution as a figure. `across` and `upwards` name the axes; `summary` tells a screen reader the gist.

    Labels stand at the columns' left edges, on as many of them as there is room for.
    """
    step = _tick(max((each.height for each in bins), default=0))
    top = max(ceil(max((each.height for each in bins), default=0) / step), 1) * step
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    each_wide = wide / max(len(bins), 1)
    every = max(1, ceil(len(bins) * 44 / wide))
    base = _TOP + high
    marks = []
    for tick in range(0, top + 1, step):
        y = base - high * tick / top
        marks.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid" if tick else "axis"))
        marks.append(element("text", short(tick), x=_LEFT - 6, y=y + 4, text_anchor="end"))
    for place, each in enumerate(bins):
        x, tall = _LEFT + place * each_wide, high * each.height / top
        if each.height:
            tall = max(tall, 1.0)
        drawn = element("rect", x=x + 1, y=base - tall, width=max(each_wide - 2, 1.0), height=tall, class_="tone-1")
        marks.append(element("g", element("title", each.words), drawn))
        if place % every == 0:
            marks.append(element("text", each.edge, x=x, y=base + 16, text_anchor="middle"))
    marks.append(element("text", across, x=_LEFT + wide / 2, y=_HEIGHT - 6, text_anchor="middle", class_="axis-title"))
    drawing = element(
        "svg",
        element("title", f"{caption}. {summary}"),
        *marks,
        class_="chart",
        viewBox=f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}",
        role="img",
    )
    words = element("figcaption", element("strong", caption), f" ({upwards}). {summary}")
    return element("figure", words, drawing)


def side_by_side(*figures: Html) -> Html:
    """Figures in a row where there is room, else below each other."""
    return element("div", *figures, class_="figures")


def _tick(largest: int) -> int:
    """A round step of at least 1 that cuts 0..`largest` into at most five."""
    if largest <= 5:
        return 1
    rough = largest / 5
    scale = 10 ** floor(log10(rough))
    return int(
        next(scale * factor for factor in (1, 2, 2.5, 5, 10) if scale * factor >= rough and scale * factor % 1 == 0)
    )
