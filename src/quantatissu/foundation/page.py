"""Self-contained HTML pages for reports: one file, no scripts, nothing fetched, every text escaped.

A page is built from `Html`, markup that is known to be safe, and from plain ``str``, which is not: `element` escapes
it. The two types do not mix by accident. What a document, a path or a tool's output holds may therefore be passed
anywhere as a string. A content security policy in the page's head forbids scripts, fetches, frames and forms, and
allows just this page's own style sheet, by its hash. It also forbids ``style`` attributes, so nothing here writes one:
looks come from classes, and sizes in drawings from SVG's own attributes.

The same content gives the same bytes. Colours follow the reader's light or dark scheme, and print in the light one.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias

_VOID = frozenset({"br", "col", "hr", "meta", "wbr"})
_FORBIDDEN = frozenset({"script", "style", "iframe", "object", "embed", "base", "form", "link", "foreignObject"})
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]*")
_SAFE_LINK = re.compile(r"#|https?://")
# Controls but tab and line feed, the invisible ones that reorder or hide text ("Trojan Source", CVE-2021-42574), and
# lone surrogates, which have no UTF-8 form.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class Html:
    """Markup that is safe to put into a page as it is. Made by the functions of this module only."""

    markup: str


Content: TypeAlias = "Html | str | int | Iterable[Content] | None"


def visible(text: str) -> str:
    r"""`text` with what cannot be seen written out: ``\x1b`` for a control, ``\u202e`` for a bidirectional override."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def element(tag: str, *children: Content, **attributes: str | float | bool | None) -> Html:
    """The element `tag` around `children`; strings and numbers are escaped, None is nothing, iterables are joined.

    In attribute names a trailing underscore is cut and others become hyphens (``class_``, ``aria_label``). An attribute
    that is None or False is left out; True stands without a value. ValueError for what a page must never hold: script
    and style elements, event handlers, ``style``, links other than ``#…``, ``http`` and ``https``.
    """
    if tag in _FORBIDDEN or not _NAME.fullmatch(tag):
        raise ValueError(f"a page holds no <{tag}>")
    opened = [tag]
    for key, value in attributes.items():
        name = key.rstrip("_").replace("_", "-")
        if name == "style" or name.startswith("on"):
            raise ValueError(f"a page holds no {name} attributes")
        if name in {"href", "src"} and not _SAFE_LINK.match(str(value)):
            raise ValueError(f"not a link for a page: {value!r}")
        if value is True:
            opened.append(name)
        elif value is not None and value is not False:
            opened.append(f'{name}="{_escape(_plain(value))}"')
    head = f"<{' '.join(opened)}>"
    return Html(head) if tag in _VOID else Html(f"{head}{join(children).markup}</{tag}>")


def join(parts: Content, separator: Content = None) -> Html:
    """`parts` one after another, `separator` between them (and not around them)."""
    if parts is None:
        return Html("")
    if isinstance(parts, Html):
        return parts
    if isinstance(parts, str):
        return Html(_escape(parts))
    if isinstance(parts, int):
        return Html(str(parts))
    between = "" if separator is None else join(separator).markup
    return Html(between.join(join(part).markup for part in parts))


def code(text: str) -> Html:
    """`text` as code within a line; long paths may break after their slashes."""
    return element("code", [[piece, element("wbr")] if piece.endswith("/") else piece for piece in _pieces(text)])


def block(text: str, *, label: str | None = None) -> Html:
    """`text` as a block of code that keeps its lines; `label` names it to a screen reader."""
    named = {"role": "region", "aria_label": label, "tabindex": "0"} if label else {}
    return element("pre", element("code", text), **named)


def paragraph(*content: Content, note: bool = False) -> Html:
    """A paragraph; a note is set smaller."""
    return element("p", *content, class_="note" if note else None)


def details(summary: Content, *content: Content) -> Html:
    """Content that is folded away until its summary is clicked. Printed unfolded."""
    return element("details", element("summary", summary), element("div", *content, class_="folded"))


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: its heading and how its cells are set. A ``bar`` holds a drawing."""

    title: str
    kind: Literal["text", "number", "bar"] = "text"


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Content]],
    *,
    total: Sequence[Content] | None = None,
) -> Html:
    """A table with a caption. A row's first cell is its heading; `total` is a last row set apart.

    Wide tables scroll sideways inside their frame, by keyboard too. ValueError when a row's length is not the columns'.
    """

    def row(cells: Sequence[Content]) -> Html:
        if len(cells) != len(columns):
            raise ValueError(f"{len(cells)} cells for {len(columns)} columns in the table {caption!r}")
        return element(
            "tr",
            (
                element("td" if place else "th", cell, class_=column.kind, scope=None if place else "row")
                for place, (column, cell) in enumerate(zip(columns, cells, strict=True))
            ),
        )

    heads = (element("th", column.title, class_=column.kind, scope="col") for column in columns)
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", heads)),
            element("tbody", map(row, rows)),
            element("tfoot", row(total)) if total is not None else None,
        ),
        class_="table",
        role="region",
        aria_label=caption,
        tabindex="0",
    )


def facts(pairs: Iterable[tuple[str, Content, Content]]) -> Html:
    """A page's few main figures, large: for each its name, the figure, and a few words that put it in proportion."""
    return element(
        "dl",
        (
            element("div", element("dt", name), element("dd", figure, class_="figure"), element("dd", words))
            for name, figure, words in pairs
        ),
        class_="facts",
    )


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: its heading, one or two sentences on what it shows and how to read it, and the content."""

    title: str
    lead: Content
    content: Content = None

    @property
    def anchor(self) -> str:
        """The fragment that links to the section."""
        ascii_title = unicodedata.normalize("NFKD", self.title).encode("ascii", "ignore").decode("ascii")
        return re.sub(r"[^a-z0-9]+", "-", ascii_title.lower()).strip("-") or "section"


def page(title: str, lead: Content, sections: Sequence[Section], *, kicker: str = "", footer: Content = None) -> str:
    """The whole document. `kicker` stands above the title (what kind of page it is), `lead` between title and contents.

    ValueError when two sections would have the same anchor, or one that the page itself needs.
    """
    anchors = ["main", "contents", *(section.anchor for section in sections)]
    if len(set(anchors)) != len(anchors):
        raise ValueError(f"an anchor of this page is not unique: {anchors}")
    contents = element(
        "nav",
        element("p", "Contents", class_="contents", id="contents"),
        element("ol", (element("li", element("a", s.title, href=f"#{s.anchor}")) for s in sections)),
        aria_labelledby="contents",
    )
    parts = (
        element("section", element("h2", s.title), element("p", s.lead, class_="lead"), s.content, id=s.anchor)
        for s in sections
    )
    body = element(
        "body",
        element("a", "Skip to the content", href="#main", class_="skip"),
        element("header", element("p", kicker, class_="kicker") if kicker else None, element("h1", title), lead),
        contents,
        element("main", parts, id="main"),
        element("footer", footer) if footer is not None else None,
    )
    return f'<!doctype html>\n<html lang="en">\n{_head(title)}\n{body.markup}\n</html>\n'


def _head(title: str) -> str:
    style, policy = _style()
    metas = (
        element("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">'),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        Html(f"<style>{style}</style>"),
    )
    return element("head", metas).markup


@cache
def _style() -> tuple[str, str]:
    """The style sheet, and the policy that lets it and nothing else through."""
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return style, f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _escape(text: str) -> str:
    return html.escape(visible(text), quote=True)


def _plain(value: str | float) -> str:
    """Numbers in their shortest form, so that drawings are small and the same everywhere."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _pieces(text: str) -> list[str]:
    return [piece for piece in re.split(r"(?<=/)", text) if piece]
