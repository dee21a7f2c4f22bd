"""Recipes: what is refused and how it is said, what is laid over, and that what is written reads back the same."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from quantatissu.foundation import QuantaError
from quantatissu.foundation.recipes import as_json, as_toml, load_recipe, parse_recipe, rooted
from quantatissu.foundation.sizes import parse_bytes
from quantatissu.foundation.toml import dumps, line_of


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lines(_Table):
    kind: Literal["lines"] = "lines"
    paths: tuple[str, ...]
    columns: dict[str, str] = {}


class Here(_Table):
    kind: Literal["here"]
    only: frozenset[str] = frozenset()


class Quality(_Table):
    longest: int = 1000
    mean: float = 1.0
    python: Quality | None = None


class Recipe(_Table):
    name: str
    source: tuple[Annotated[Lines | Here, Field(discriminator="kind")], ...] = ()
    quality: Quality = Quality()
    folder: Path | None = None
    train: Quality | str = "none"


GOOD = """\
name = "small"

[[source]]
kind = "lines"
paths = ["a", "b"]

[source.columns]
"the text" = "content"

[[source]]
kind = "here"
only = ["y", "x"]

[quality]
longest = 80

[quality.python]
mean = 2.5
"""


def refused(text: str, *overrides: str) -> str:
    with pytest.raises(QuantaError) as error:
        parse_recipe(text, Recipe, overrides, name="r.toml")
    return str(error.value)


def test_a_recipe_reads_back_as_it_was_written() -> None:
    recipe = parse_recipe(GOOD, Recipe)
    assert parse_recipe(as_toml(recipe), Recipe) == recipe
    assert Recipe.model_validate_json(as_json(recipe)) == recipe
    assert '"only":["x","y"]' in as_json(recipe)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("longest", "longst"), "r.toml, line 15: quality.longst: there is no such setting; did you mean longest?"),
        (GOOD.replace("mean", "meen"), "r.toml, line 18: quality.python.meen: there is no such setting; did you mean mean?"),
        (GOOD.replace("paths =", "pths ="), "r.toml, line 5: source.0.pths: there is no such setting; did you mean paths?"),
        (GOOD.replace("80", '"wide"'), 'r.toml, line 15: quality.longest should be a valid integer'),
        (GOOD.replace('"here"', '"her"'), "r.toml, line 10: source.1: "),
        ("source = 3\nname = 'x'", "r.toml, line 1: source should be a valid tuple, not 3"),
        ("name = [", "r.toml: not valid TOML"),
        ("[quality]\n", "r.toml: name is missing"),
        ("name = 'x'\nfloder = 'y'", "r.toml, line 2: floder: there is no such setting; did you mean folder?"),
        ("name = 'x'\nsource = [{ kind = 'here', onyl = [] }]", "r.toml, line 2: source.0.onyl"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_place(text: str, said: str) -> None:
    assert refused(text).startswith(said)


def test_settings_are_laid_over_the_file() -> None:
    words = ["quality.python.longest=7", "name=other name", "source.1.only=['z']", "folder=data", "source.0.paths.1=c"]
    recipe = parse_recipe(GOOD, Recipe, words)
    assert recipe.quality.python == Quality(longest=7, mean=2.5)
    assert (recipe.name, recipe.folder) == ("other name", Path("data"))
    assert recipe.source[0] == Lines(paths=("a", "c"), columns={"the text": "content"})
    assert parse_recipe("name = 'x'", Recipe, ["source.0.kind=here"]).source == (Here(kind="here"),)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("quality.lngest=3", "on the command line: quality.lngest: there is no such setting; did you mean longest?"),
        ("quality.longest=x", "on the command line: quality.longest should be a valid integer"),
        ("quality", "'quality' is not of the form key=value"),
        ("source.5.kind=here", "'source.5.kind=here': 5 does not lead to a table"),
        ("name.first=x", "'name.first=x': there is no name.first in the recipe"),
    ],
)
def test_mistaken_settings_are_named(word: str, said: str) -> None:
    assert refused(GOOD, word).startswith(said)


def test_files_are_read_and_paths_are_the_files_own(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("name = 'x'\nfolder = 'data'\n")
    recipe = load_recipe(tmp_path / "r.toml", Recipe)
    assert rooted(recipe, tmp_path).folder == tmp_path / "data"
    assert rooted(rooted(recipe, tmp_path), Path("/elsewhere")).folder == tmp_path / "data"
    with pytest.raises(QuantaError, match="there is no recipe"):
        load_recipe(tmp_path / "none.toml", Recipe)
    (tmp_path / "r.toml").write_bytes(b"\xff")
    with pytest.raises(QuantaError, match="cannot be read"):
        load_recipe(tmp_path / "r.toml", Recipe)


_KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_VALUES: Any = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | _KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_any_table_is_written_as_toml_that_reads_back(table: dict[str, Any]) -> None:
    assert tomllib.loads(dumps(table)) == table


@settings(deadline=None)
@given(st.text(max_size=200), st.lists(st.sampled_from(["a", "b", 0, 1]), max_size=3))
def test_looking_for_a_line_never_fails(text: str, location: list[str | int]) -> None:
    line = line_of(text, location)
    assert line is None or 1 <= line <= len(text.splitlines())


def test_sizes() -> None:
    assert parse_bytes("512MB") == 512_000_000
    assert parse_bytes(" 1.5 GiB") == 3 << 29
    assert parse_bytes("7") == 7
    for wrong in ("", "MB", "-1MB", "3XB", "1e3"):
        with pytest.raises(ValueError, match="size"):
            parse_bytes(wrong)
