"""`quanta tokenizer` as people type it."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from quantatissu.cli.main import main
from quantatissu.tokenizer import load_tokenizer, parse_tokenizer
from quantatissu.tokenizer.report import measure_text, prove_round_trip


def quanta(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    (folder / "wrap.py").write_text(Path(textwrap.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "deep").mkdir()
    (folder / "deep" / "loop.js").write_text("for (let i = 0; i < 10; i++) {\n  f(i);\n}\n" * 50, encoding="utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    return folder


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_train_then_report_then_compare(
    code: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    status, out, err = quanta(
        capsys, "tokenizer", "train", code, "--out", tmp_path / "a", "--vocabulary", "400", "--kind", kind
    )
    assert status == 0, err
    assert "python" in out and "javascript" in out and "came back unchanged" in out
    assert load_tokenizer(tmp_path / "a").vocabulary <= 400
    quanta(capsys, "tokenizer", "train", code, "--out", tmp_path / "b", "--vocabulary", "300")
    status, out, _ = quanta(capsys, "tokenizer", "compare", tmp_path / "b", tmp_path / "a", "--data", code, "--json")
    told = json.loads(out)
    assert status == 0
    assert list(told[str(tmp_path / "a")]["bytes_per_token_by_language"]) == ["javascript", "python"]
    assert told[str(tmp_path / "a")]["tokens"] < told[str(tmp_path / "b")]["tokens"]


def test_a_vocabulary_that_loses_text_is_found_out(
    code: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quanta(capsys, "tokenizer", "train", code, "--out", tmp_path / "a", "--vocabulary", "300")
    state = json.loads((tmp_path / "a/tokenizer.json").read_text(encoding="utf-8"))
    state["normalizer"] = {"type": "Lowercase"}
    (tmp_path / "a/tokenizer.json").write_text(json.dumps(state), encoding="utf-8")
    status, out, _ = quanta(capsys, "tokenizer", "report", tmp_path / "a", "--data", code)
    assert status == 1
    assert "do not come back" in out
    assert prove_round_trip(parse_tokenizer(json.dumps(state))).failed is not None


def test_figures_are_sums_over_the_text(code: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quanta(capsys, "tokenizer", "train", code, "--out", tmp_path / "a", "--vocabulary", "300")
    tokenizer = load_tokenizer(tmp_path / "a")
    row = measure_text(tokenizer, ["x = 12\n", "    y = é\n"])
    assert (row.documents, row.size, row.words) == (2, 7 + 11, 6)
    assert row.tokens == sum(len(tokenizer.encode(text)) for text in ("x = 12\n", "    y = é\n"))
    assert row.indentation[1] == 1 and row.numbers[1] == 1 and row.unequal == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "{missing}"], "there is no"),
        (["train", "{code}", "--vocabulary", "7"], "--vocabulary"),
        (["train", "{code}", "--kind", "wordpiece"], "--kind"),
        (["report", "{missing}"], "cannot read the tokenizer"),
        (["train", "{code}/picture.png"], "no text"),
    ],
)
def test_mistakes_are_named(
    code: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    told = [one.format(code=code, missing=tmp_path / "missing") for one in arguments]
    status, _, err = quanta(capsys, "tokenizer", *told, *(["--out", tmp_path / "t"] if told[0] == "train" else []))
    assert status == 2
    assert message in err
    assert not (tmp_path / "t").exists()
