"""``quanta corpus`` as people use it: what it refuses, in how many lines, with which exit code."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from corpus_samples import write_recipe
from typer.testing import CliRunner

from quantatissu.cli import corpus
from quantatissu.cli.main import guarded
from quantatissu.foundation import QuantaError


def quanta(*words: str | Path) -> int:
    """Run ``quanta corpus …`` in this process and return its exit code."""

    def work() -> int:
        chosen = corpus.app([str(word) for word in words], standalone_mode=False, prog_name="quanta corpus")
        return chosen() if callable(chosen) else chosen or 0

    return guarded(work, [])


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "recipe")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.toml"], "there is no recipe none.toml"),
        (["{recipe}", "dedup.treshold=0.9"], "did you mean threshold?"),
        (["{recipe}", "engine.memory=10MB"], "too little to work in"),
        (["{recipe}", "engine.memory=much"], "should be a size such as 512MB"),
        (["{recipe}", "{recipe}"], "one recipe at a time"),
        (["{recipe}", "--runner", "cloud"], "there is no such runner"),
        (["{recipe}", "source.0.paths=['nothing.jsonl']"], "nothing.jsonl"),
        (["{recipe}", "tokenizer.path=missing.json"], "missing.json"),
        (["{recipe}", "decontaminate.folder=missing"], "missing"),
    ],
)
def test_bad_input_is_refused_in_a_line_or_two(
    words: list[str], said: str, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("{recipe}", str(recipe)) for word in words]
    assert quanta("build", *words, "--out", tmp_path / "out") == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith(("error:", "hint:"))]
    assert said in "\n".join(errors)
    assert 1 <= len(errors) <= 2
    assert "internal error" not in errors[0]


def test_a_folder_with_something_in_it_is_left_alone(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")
    assert quanta("build", recipe, "--out", tmp_path / "out") == 2
    assert "is not empty" in capsys.readouterr().err
    assert quanta("build", recipe, "--out", tmp_path / "out", "--resume") == 2
    assert "holds something else" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["letter.txt"]
    assert quanta("build", recipe, "--out", tmp_path / "out" / "letter.txt") == 2


@pytest.mark.parametrize("words", [["report"], ["show", "--doc", "00"], ["why-dropped", "--path", "x"]])
def test_questions_about_no_build(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quanta(*words, tmp_path) == 2
    assert "holds no corpus" in capsys.readouterr().err


def test_a_missing_extra_says_what_to_install(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "daft" else real(name))
    with pytest.raises(QuantaError) as error:
        corpus.run_build([str(recipe)], out=tmp_path / "out", runner="native", resume=False)
    assert str(error.value).endswith("pip install 'quantatissu[corpus]'")


def test_nothing_heavy_is_loaded_for_help() -> None:
    before = set(sys.modules)
    answer = CliRunner().invoke(corpus.app, ["build", "--help"])
    assert answer.exit_code == 0
    assert "RECIPE.toml" in answer.output
    assert not {"daft", "pyarrow", "numpy", "quantatissu.corpus.engine"} & (set(sys.modules) - before)


def test_the_embedded_recipe_is_whole() -> None:
    from quantatissu.corpus.recipe import default_recipe

    opened = default_recipe(["seed=7", "engine.workers=1"])
    assert [source.kind for source in opened.recipe.source] == ["stdlib", "installed"]
    assert opened.recipe.seed == 7
    assert "boltons" in opened.recipe.reserved.packages
    assert [source.name for source in opened.sources()] == ["stdlib", "installed"]
