"""Pages that hold untrusted text: nothing in it becomes markup, and what is on the page can be read by everybody."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from importlib import resources

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quantatissu.foundation.amounts import counted, share, short, size
from quantatissu.foundation.charts import Bin, bar, columns, legend
from quantatissu.foundation.page import (
    Column,
    Section,
    block,
    code,
    details,
    element,
    facts,
    join,
    page,
    paragraph,
    table,
    visible,
)

HOSTILE = "</code></pre><script>alert(1)</script><img src=x onerror=alert(1)>\"'&lt;\x1b]0;\x07\x00\u202e"


class Outline(HTMLParser):
    """The elements of a page with their attributes, and its text by element."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "wbr", "hr", "col"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def text(self, tag: str) -> str:
        return "".join(text for where, text in self.texts if where == tag)


def full_page(text: str) -> str:
    rows = [[text, text, bar([1, 2], 3)]]
    heads = [Column(text), Column(text, "number"), Column("Bar", "bar")]
    chart = columns([Bin(text, 3, text)], caption=text, across=text, upwards=text, summary=text)
    body = [
        table(text, heads, rows, total=[text, text, None]),
        details(text, block(text, label=text), code(text)),
        chart,
        legend([text]),
    ]
    return page(
        text, [paragraph(text), facts([(text, text, text)])], [Section("One", text, body)], kicker=text, footer=text
    )


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=[]), max_size=60))
@example(HOSTILE)
@example("\ud800")
def test_text_comes_out_as_text_in_content_and_in_attributes(text: str) -> None:
    outline = Outline(element("p", text, title=text).markup)
    assert [tag for tag, _ in outline.elements] == ["p"]
    assert outline.elements[0][1] == {"title": visible(text)}
    assert outline.text("p") == visible(text)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=[]), min_size=1, max_size=60))
@example(HOSTILE)
def test_a_whole_page_has_the_same_elements_whatever_its_texts_say(text: str) -> None:
    hostile, plain = (
        [(tag, sorted(attributes)) for tag, attributes in Outline(full_page(each)).elements if tag != "wbr"]
        for each in (text, "plain")
    )
    assert hostile == plain
    full_page(text).encode("utf-8")


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_that_stays_hidden_or_turns_text_around_is_left(text: str) -> None:
    shown = visible(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ud800-\udfff]", shown)
    assert visible(shown) == shown


def test_escapes_name_the_character() -> None:
    assert visible("a\x1b[31m\u202eb\tc\nd\udc80") == "a\\x1b[31m\\u202eb\tc\nd\\udc80"


@pytest.mark.parametrize("tag", ["script", "style", "iframe", "form", "base", "p onclick", "a><b", ""])
def test_elements_that_have_no_place_on_a_page_are_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="a page holds no"):
        element(tag)


@pytest.mark.parametrize(
    "attributes", [{"onclick": "f()"}, {"style": "color: red"}, {"href": "javascript:f()"}, {"href": " data:x"}]
)
def test_attributes_that_would_run_or_restyle_are_refused(attributes: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        element("a", "x", **attributes)


def test_attributes_and_children_in_all_their_forms() -> None:
    made = element(
        "a", "x & ", [1, None, code("y/z")], href="#top", class_="c", hidden=True, open=False, aria_label=None
    )
    assert made.markup == '<a href="#top" class="c" hidden>x &amp; 1<code>y/<wbr>z</code></a>'
    assert join(["a", "b"], separator=", ").markup == "a, b"
    assert element("rect", x=1.0, width=2 / 3).markup == '<rect x="1" width="0.67"></rect>'


def test_the_policy_allows_this_style_sheet_and_nothing_else() -> None:
    markup = full_page("text")
    style = re.findall("<style>(.*?)</style>", markup, re.DOTALL)
    assert len(style) == 1 and "<style " not in markup and " style=" not in markup and "<script" not in markup
    policy = next(
        a["content"] for tag, a in Outline(markup).elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style[0] and "@import" not in style[0]


def test_a_page_can_be_found_ones_way_in() -> None:
    sections = [Section("Grüße & more", "what it shows"), Section("Second part", "how to read it", paragraph("x"))]
    outline = Outline(page("Title", "lead", sections))
    tags = [tag for tag, _ in outline.elements]
    assert tags.count("h1") == 1 and tags.count("h2") == 2 and tags.count("main") == 1
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in outline.elements if tag == "a"]
    assert links == ["#main", "#grue-more", "#second-part"]
    assert all(link[1:] in ids for link in links if link)
    assert dict(outline.elements[0][1]) == {"lang": "en"}


def test_sections_cannot_share_an_anchor() -> None:
    for titles in (["A b", "A  B"], ["Main"]):
        with pytest.raises(ValueError, match="anchor"):
            page("Title", "lead", [Section(title, "") for title in titles])


def test_tables_name_their_columns_and_rows() -> None:
    outline = Outline(table("Caption", [Column("Name"), Column("Number", "number")], [["a", 1], ["b", 2]]).markup)
    assert outline.text("caption") == "Caption"
    assert [attributes["scope"] for tag, attributes in outline.elements if tag == "th"] == ["col", "col", "row", "row"]
    frame = outline.elements[0][1]
    assert frame["tabindex"] == "0" and frame["role"] == "region" and frame["aria-label"] == "Caption"
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        table("Caption", [Column("Name"), Column("Number")], [["a"]])


def test_the_same_content_gives_the_same_bytes() -> None:
    assert full_page("text") == full_page("text")


def test_bars_fill_their_cell_when_the_parts_make_the_whole() -> None:
    outline = Outline(bar([50, 30, 20], 100).markup)
    rects = [(float(a["x"] or 0), float(a["width"] or 0), a["class"]) for tag, a in outline.elements if tag == "rect"]
    assert rects == [(0, 50, "tone-1"), (50, 30, "tone-2"), (80, 20, "tone-3")]
    assert "rect" not in bar([0, 0], 0).markup
    tiny = Outline(bar([0, 1], 1e9).markup).elements[1][1]
    assert tiny["class"] == "tone-2" and float(tiny["width"] or 0) > 0


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**12), max_size=40))
def test_columns_stay_inside_the_drawing_and_keep_their_proportions(heights: list[int]) -> None:
    bins = [Bin(str(2**place), height, "") for place, height in enumerate(heights)]
    outline = Outline(columns(bins, caption="c", across="x", upwards="n", summary="s").markup)
    tall = [float(a["height"] or 0) for tag, a in outline.elements if tag == "rect"]
    assert len(tall) == len(heights)
    assert all(0 <= each <= 164.01 for each in tall)
    if max(heights, default=0) > 0:
        most = max(heights)
        assert max(tall) > 164 / 3, "the highest column uses the room"
        for height, drawn in zip(heights, tall, strict=True):
            assert drawn == pytest.approx(max(tall) * height / most, abs=1.02)


def test_a_chart_says_what_it_shows_without_being_seen() -> None:
    outline = Outline(
        columns(
            [Bin("1", 2, "1 to 2: 2 files")], caption="Sizes", across="bytes", upwards="files", summary="Half."
        ).markup
    )
    assert ("svg", "img") in [(tag, attributes.get("role")) for tag, attributes in outline.elements]
    assert "Sizes. Half." in outline.text("title")
    assert "1 to 2: 2 files" in outline.text("title")


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_the_contrast_that_wcag_asks_for(scheme: int) -> None:
    css = resources.files("quantatissu.foundation").joinpath("page.css").read_text()
    blocks = re.findall(r":root \{(.*?)\n *\}", css, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme]))
    for text in ("ink", "soft", "link"):
        for ground in ("paper", "raised"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for tone in ("tone-1", "tone-2", "tone-3", "tone-4"):
        for ground in ("paper", "raised"):
            assert contrast(colours[tone], colours[ground]) >= 3, (tone, ground)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (size(0), "0\xa0B"),
        (size(999), "999\xa0B"),
        (size(1000), "1.00\xa0kB"),
        (size(12_345), "12.3\xa0kB"),
        (size(999_600), "1.00\xa0MB"),
        (size(4_560_000), "4.56\xa0MB"),
        (size(10**25), "10000000\xa0EB"),
        (short(999), "999"),
        (short(12_345), "12.3k"),
        (short(99_960), "100k"),
        (short(7_890_000_000), "7.89B"),
        (share(0, 5), "0%"),
        (share(5, 5), "100%"),
        (share(1, 10_000), "<0.1%"),
        (share(9_999_999, 10_000_000), ">99.9%"),
        (share(1, 3), "33.3%"),
        (share(0, 0), "–"),
        (counted(1, "file"), "1\xa0file"),
        (counted(2000, "file"), "2,000\xa0files"),
    ],
)
def test_amounts(made: str, expected: str) -> None:
    assert made == expected
