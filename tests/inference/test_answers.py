"""``quanta generate`` and ``quanta complete`` on a small random model, and infilling as a request."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import engine_cases as cases
import pytest

from quantatissu.cli.generate import split_at
from quantatissu.cli.main import main
from quantatissu.foundation import QuantaError
from quantatissu.inference import Sampling
from quantatissu.inference.infill import infill_request
from quantatissu.model.folders import save_model
from quantatissu.tokenizer import save_tokenizer


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    save_model(cases.model(), folder)
    save_tokenizer(cases.tokenizer(), folder)
    return str(folder)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)


def test_a_prompt_is_continued_the_same_way_for_a_seed(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("generate", "def f(", "--model", model, "--max-tokens", "12", "--temperature", "1", "--seed", "4")
    assert run(*words) == run(*words) == 0
    first, second = capsys.readouterr().out[:-1].split("\n", 1)[0], None
    assert first is not None and second is None
    assert run(*words, "-n", "3") == 0
    out = capsys.readouterr().out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("--- ")] == ["1", "2", "3"]


def test_the_prompt_may_come_from_standard_input(
    model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("generate", "x = 1", "--model", model, "--max-tokens", "5") == 0
    wanted = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO("x = 1"))
    assert run("generate", "-", "--model", model, "--max-tokens", "5") == 0
    assert capsys.readouterr().out == wanted


def test_answers_have_the_form_that_was_asked_for(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "array", "items": {"type": "integer"}, "maxItems": 3}))
    assert run("generate", "x = ", "--model", model, "--json-schema", str(schema), "--quantise", "int8") == 0
    assert isinstance(json.loads(capsys.readouterr().out), list)
    assert run("generate", "x = ", "--model", model, "--regex", "[0-9]{3}") == 0
    assert re.fullmatch(r"\d{3}\n", capsys.readouterr().out)
    assert run("generate", "x = ", "--model", model, "--regex", "a{40}", "--max-tokens", "3") == 1
    assert "raise --max-tokens" in capsys.readouterr().err


def test_a_place_in_a_file_is_filled_in(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "code.py"
    file.write_text("def f(x):\n    return \n\nprint(f(1))\n")
    for words in ((), ("--lines", "0"), ("-n", "2", "--temperature", "1", "--seed", "1")):
        assert run("complete", f"{file}:2", "--model", model, "--max-tokens", "8", *words) == 0
        out = capsys.readouterr().out
        assert out.endswith("\n") and (words or out.count("\n") == 1)
    assert file.read_text() == "def f(x):\n    return \n\nprint(f(1))\n"


def test_places_count_from_one(tmp_path: Path) -> None:
    file = tmp_path / "code: odd.py"
    file.write_text("ab\ncd\n")
    assert split_at(f"{file}:1:1") == ("", "ab\ncd\n")
    assert split_at(f"{file}:1:2") == ("a", "b\ncd\n")
    assert split_at(f"{file}:2") == ("ab\ncd", "\n")
    assert split_at(f"{file}:3") == ("ab\ncd\n", "")
    (tmp_path / "empty.py").write_text("")
    assert split_at(f"{tmp_path}/empty.py:1") == ("", "")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("code.py", "not a place"),
        ("code.py:9", "has 3 lines"),
        ("code.py:1:9", "has 3 columns"),
        ("code.py:0", "has 3 lines"),
        ("none.py:1", "cannot read"),
        ("latin.py:1", "not UTF-8"),
    ],
)
def test_places_that_are_not_there(
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("code.py").write_text("ab\ncd\n")
    Path("latin.py").write_bytes(b"\xe9\n")
    assert run("complete", place, "--model", model) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("generate", "x", "--model", "nowhere"), "nowhere"),
        (("generate", "", "--model", "MODEL"), "prompt is empty"),
        (("generate", "x", "--model", "MODEL", "--regex", "("), "cannot be used"),
        (("generate", "x", "--model", "MODEL", "--regex", "a", "--json-schema", "b"), "one form"),
        (("generate", "x", "--model", "MODEL", "--json-schema", "none.json"), "cannot read"),
        (("generate", "x", "--model", "MODEL", "--quantise", "int2"), "--quantise"),
        (("generate", "x", "--model", "MODEL", "--top-p", "7"), "top_p"),
    ],
)
def test_what_makes_no_sense_is_said(
    model: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert run(*(model if word == "MODEL" else word for word in words)) == 2
    assert said in capsys.readouterr().err


def test_long_texts_are_cut_at_their_far_ends() -> None:
    with cases.engine(pages=8) as engine:  # 128 tokens
        fim = engine.tokenizer.fim
        assert fim is not None
        sampling = Sampling(max_tokens=20)
        for before, after in ((500, 500), (500, 3), (3, 500), (0, 0), (40, 40)):
            prefix, suffix = cases.TEXT[:before], cases.TEXT[-after or len(cases.TEXT) :]
            prompt = infill_request(engine, prefix, suffix, sampling).prompt
            assert len(prompt) + 20 <= engine.context
            assert prompt[0] == fim.prefix and prompt[-1] == fim.middle
            at = prompt.index(fim.suffix)
            assert prefix.endswith(engine.tokenizer.decode(prompt[1:at]))
            assert suffix.startswith(engine.tokenizer.decode(prompt[at + 1 : -1]))
            assert len(prompt) == 108 or (at > len(prefix) // 9 and len(prompt) < 108)
        with pytest.raises(QuantaError, match="leave no room"):
            infill_request(engine, "a", "b", Sampling(max_tokens=126))
