"""Redaction takes secrets out, keeps code parseable, counts, and never passes a value on."""

from __future__ import annotations

import ast
import json
import random
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmarks.corpus.innocents import innocents
from benchmarks.corpus.plants import ALNUM, KINDS, Plant, characters, plants
from quantatissu.corpus.document import Document, Drop, Origin
from quantatissu.corpus.secrets import SecretSettings, find_secrets, redact, secret_stage

RNG = random.Random(12)
GITHUB = "gh" + "p_" + characters(RNG, ALNUM, 36)
HOST = Path(sysconfig.get_path("stdlib"), "textwrap.py").read_text(encoding="utf-8")


def document(text: str) -> Document:
    return Document("0" * 32, Origin("s", "r", "1", "a.py"), text, len(text), "python")


def mixed(seed: int) -> tuple[str, list[Plant]]:
    """A text of planted secrets, innocent lines and code, and the plants."""
    rng = random.Random(seed)
    drawn = plants(rng, 6)
    lines = [*(plant.snippet for plant in drawn), *(line for line, _ in innocents(rng, 6)), *HOST.split("\n")[:30]]
    rng.shuffle(lines)
    return "\n".join(lines), drawn


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_redaction_is_idempotent(seed: int) -> None:
    once = redact(mixed(seed)[0])
    again = redact(once.text)
    assert again.text == once.text
    assert again.counts == {}


@given(st.text(alphabet=st.sampled_from("pasword=:'\"@.-_/key \n019\\{}<>+()abcXYZ"), max_size=200))
@settings(max_examples=100, deadline=None)
def test_redaction_of_any_text_is_idempotent(text: str) -> None:
    once = redact(text).text
    assert redact(once).text == once


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_what_was_found_is_nowhere_left(seed: int) -> None:
    text, drawn = mixed(seed)
    redacted = redact(text).text
    for plant in drawn:
        start = text.index(plant.secret)
        if any(s.start <= start and start + len(plant.secret) <= s.end for s in find_secrets(text)):
            assert plant.secret not in redacted


@given(st.text(alphabet="abc \n\t=(){}[]'\".,;é", max_size=300))
@settings(max_examples=60, deadline=None)
def test_a_text_without_secrets_is_unchanged(text: str) -> None:
    assert redact(text).text == text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_python_stays_parseable(kind: str) -> None:
    rng = random.Random(kind)
    python = [plant for plant in plants(rng, 20 * len(KINDS)) if plant.kind == kind and plant.language == "python"]
    for plant in python[:5]:
        ast.parse(plant.snippet)
        redacted = redact(f"{plant.snippet}\n{HOST}").text
        ast.parse(redacted)
        assert "SECRET" in redacted


def test_json_stays_parseable() -> None:
    made = [plant for plant in plants(random.Random(6), 40 * len(KINDS)) if plant.language == "json"]
    assert made
    for plant in made:
        json.loads(redact(plant.snippet).text)


def test_placeholders_depend_on_the_kind_alone() -> None:
    text = f'a = "{GITHUB}"\nexport B={GITHUB}\n'
    assert redact(text).text == 'a = "<SECRET:github_token>"\nexport B=SECRET_github_token\n'


def test_a_secret_goes_wherever_it_stands() -> None:
    word = "Winter" + "reise!" + "28"
    redacted = redact(f'password = "{word}"\nprint("hello", "{word}")\n')
    assert word not in redacted.text
    assert redacted.counts == {"password": 1}


def test_the_stage_redacts_and_counts() -> None:
    stage = secret_stage(SecretSettings())
    result = stage(document(f't = "{GITHUB}"  # by jane@corp.io\n').with_(redactions={"email": 2}))
    assert isinstance(result, Document)
    assert result.redactions == {"email": 3, "github_token": 1}
    assert GITHUB not in repr(result)
    assert stage.name == "secrets"


def test_a_clean_document_is_passed_on_as_it_is() -> None:
    clean = document(HOST.split("import re", 1)[1])
    assert secret_stage(SecretSettings())(clean) is clean


def test_a_dump_is_dropped_without_a_word_of_it() -> None:
    rng = random.Random(7)
    tokens = ["gh" + "o_" + characters(rng, ALNUM, 36) for _ in range(12)]
    result = secret_stage(SecretSettings(most=10))(document("\n".join(tokens)))
    assert isinstance(result, Drop)
    assert result == Drop("secrets", "too_many_secrets", "12 secrets, at most 10")


def test_settings_leave_kinds_in_the_text() -> None:
    text = f't = "{GITHUB}"  # by jane@corp.io\n'
    without_personal = secret_stage(SecretSettings(personal=False))(document(text))
    assert isinstance(without_personal, Document)
    assert "jane@corp.io" in without_personal.text
    kept = secret_stage(SecretSettings(keep=frozenset({"github_token"})))(document(text))
    assert isinstance(kept, Document)
    assert GITHUB in kept.text
    assert kept.redactions == {"email": 1}


@pytest.mark.parametrize("wrong", [{"persnal": True}, {"most": -1}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SecretSettings.model_validate(wrong)


def test_nothing_found_carries_the_value() -> None:
    found = find_secrets(f't = "{GITHUB}"')
    assert found
    assert GITHUB not in repr(found) + str(found)
