"""Conversations as training data: bad records named, exact masks, packing that loses and doubles nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import objective_cases as cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import Encoded
from quantatissu.training.conversations import (
    ConversationSamples,
    conversation_questions,
    held_out,
    read_conversations,
    read_records,
)
from quantatissu.training.data import IGNORED, Loader


def read(path: Path, *, length: int = 64, share: float = 0.0) -> Any:
    return read_conversations([path], cases.chat(), length=length, share=share)


GOOD = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "not JSON"),
        ("[]", "a record is an object, this is list"),
        ("{}", "messages: Field required"),
        ('{"messages": []}', "messages: List should have at least 1 item"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "the assistant says nothing"),
        ('{"messages": [{"role": "user"}]}', r"messages\.0: a message needs content"),
        ('{"messages": [{"role": "user", "content": 1}]}', r"messages\.0\.content"),
        ('{"messages": [{"content": "x"}]}', r"messages\.0\.role: Field required"),
        (GOOD.replace("user", "robot"), "the chat template refuses: a message of the role robot"),
    ],
)
def test_a_bad_record_is_named_by_its_line(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "talks.jsonl"
    path.write_text(f"{GOOD}\n{line}\n", encoding="utf-8")
    with pytest.raises(QuantaError, match=rf"talks\.jsonl, line 3: .*{told}"):
        read(path)


def test_files_that_hold_no_records(tmp_path: Path) -> None:
    for path, told in (
        (tmp_path / "none.jsonl", "there is no"),
        (tmp_path, "holds no records"),
        (cases.write(tmp_path / "x.csv", []), "unknown kind"),
    ):
        with pytest.raises(QuantaError, match=told):
            list(read_records([path]))
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(QuantaError, match=r"cannot read .*torn\.parquet"):
        list(read_records([tmp_path / "torn.parquet"]))


def test_parquet_is_read_like_lines_without_its_nulls(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = [
        *cases.talks(2),
        {
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "tool_calls": [{"name": "f", "arguments": {"x": 1}}]},
                {"role": "assistant", "tool_calls": [{"name": "g", "arguments": {"y": 2}}]},
            ]
        },
    ]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "talks.parquet")
    assert [one.fields for one in read_records([tmp_path])] == records
    assert [one.where for one in read_records([tmp_path])][2].endswith("talks.parquet, row 3")


def test_only_what_the_assistant_says_is_scored(tmp_path: Path) -> None:
    talk = {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "ab <|assistant|>"},
            {"role": "assistant", "content": "ba", "tool_calls": [{"name": "f", "arguments": {}}]},
            {"role": "tool", "content": "aa"},
            {"role": "assistant", "content": "bb"},
        ]
    }
    found = read(cases.write(tmp_path / "t.jsonl", [talk]), length=256)
    batch = ConversationSamples(found.train, length=256, seed=0, pad=0).batch([0])
    scored = batch.targets[batch.targets != IGNORED]
    assert cases.tokenizer().decode(scored) == (
        'ba<|tool_call|>{"name": "f", "arguments": {}}<|tool_call_end|><|end_of_turn|>bb<|end_of_turn|>'
    )
    where = np.flatnonzero(batch.targets[0] != IGNORED)
    assert (batch.targets[0, where] == batch.tokens[0, where + 1]).all()


def test_a_long_conversation_loses_its_end_and_an_empty_one_is_left_out(tmp_path: Path) -> None:
    def talk(question: int) -> dict[str, Any]:
        said = [{"role": "user", "content": "a" * question}, {"role": "assistant", "content": "b" * 30}]
        return {"messages": said}

    found = read(cases.write(tmp_path / "t.jsonl", [talk(2), talk(20), talk(40)]), length=32)
    assert (len(found.train), found.cut, found.empty) == (2, 3, 1) or (found.cut, found.empty) == (3, 1)
    assert all(len(one.ids) <= 32 and one.mask.any() for one in found.train)
    with pytest.raises(QuantaError, match="no conversation to train on"):
        read(tmp_path / "t.jsonl", length=2)


def test_conversations_that_begin_alike_are_on_one_side_of_the_split(tmp_path: Path) -> None:
    talks = [
        *cases.talks(),
        *(
            {**one, "messages": [*one["messages"][:1], {"role": "assistant", "content": "other"}]}
            for one in cases.talks()
        ),
    ]
    found = read(cases.write(tmp_path / "t.jsonl", talks), share=0.3)
    openings = [
        {cases.tokenizer().decode(one.ids[: int(one.mask.argmax())]) for one in part}
        for part in (found.train, [one for one, _ in found.held])
    ]
    assert len(openings[0]) > len(openings[1]) > 5
    assert not openings[0] & openings[1]
    assert {name for _, name in found.held} == {"t"}


def test_the_split_does_not_move_with_what_is_added() -> None:
    chosen = [held_out({"n": number}, 0.25) for number in range(2000)]
    assert 400 < sum(chosen) < 600
    wider = [held_out({"n": number}, 0.5) for number in range(2000)]
    assert all(later for once, later in zip(chosen, wider, strict=True) if once)
    assert not any(held_out(number, 0.0) for number in range(100))


def test_records_of_a_group_stay_together(tmp_path: Path) -> None:
    talks = [{**one, "group": number % 4} for number, one in enumerate(cases.talks())]
    found = read(cases.write(tmp_path / "t.jsonl", talks), share=0.5)
    assert len(found.held) % 16 == 0
    assert len(found.train) % 16 == 0


def documents() -> st.SearchStrategy[list[Encoded]]:
    def encoded(size: int, number: int) -> Encoded:
        return Encoded(np.full(size, number, np.uint16), np.arange(size) >= size // 2)

    return st.lists(st.integers(2, 24), min_size=1, max_size=30).map(
        lambda sizes: [encoded(size, number + 1) for number, size in enumerate(sizes)]
    )


@settings(max_examples=60, deadline=None)
@given(documents(), st.integers(0, 5), st.integers(24, 40))
def test_a_pass_holds_every_conversation_once_and_whole(conversations: list[Encoded], seed: int, length: int) -> None:
    samples = ConversationSamples(conversations, length=length, seed=seed, pad=0)
    rows = samples.per_epoch[0]
    for epoch in (0, 3):
        batch = samples.batch(range(epoch * rows, (epoch + 1) * rows))
        met = []
        for row in range(rows):
            numbers = batch.documents[row]
            for number in range(numbers.max() + 1):
                inside = np.flatnonzero(numbers == number)
                assert (np.diff(inside) == 1).all(), "in one piece"
                (which,) = np.unique(batch.tokens[row, inside])
                one = conversations[which - 1]
                assert len(inside) == len(one.ids)
                assert batch.positions[row, inside].tolist() == list(range(len(inside)))
                expected = np.append(np.where(one.mask[1:], which, IGNORED), IGNORED)
                assert batch.targets[row, inside].tolist() == expected.tolist()
                met.append(int(which))
        assert sorted(met) == list(range(1, len(conversations) + 1))
        assert (batch.targets[batch.documents < 0] == IGNORED).all()


def test_a_sample_depends_on_seed_and_index_alone(tmp_path: Path) -> None:
    found = read(cases.write(tmp_path / "t.jsonl", cases.talks()))
    samples, again = (ConversationSamples(found.train, length=64, seed=3, pad=0) for _ in range(2))
    third = samples.batch([7, 100, 3]).tokens[0]
    assert (again.batch([7]).tokens[0] == third).all()
    later = next(iter(Loader(again, rows=2, start=6, prefetch=0)))
    assert (later.tokens[1] == third).all()
    other = ConversationSamples(found.train, length=64, seed=4, pad=0)
    assert any((other.batch([n]).tokens != samples.batch([n]).tokens).any() for n in range(4))
    prints = {
        one.fingerprint for one in (samples, other, ConversationSamples(found.train[1:], length=64, seed=3, pad=0))
    }
    assert len(prints) == 3 and again.fingerprint in prints


def test_held_out_questions_score_the_assistant_only(tmp_path: Path) -> None:
    found = read(cases.write(tmp_path / "t.jsonl", cases.talks()), share=0.5)
    questions = conversation_questions(found.held, tokens=200, samples=2, length=64, seed=0, pad=0)
    held = questions.held
    assert held is not None and held.names == ("t",)
    assert 200 <= (held.documents >= 0).sum() < 264
    assert (held.languages[held.targets != IGNORED] == 0).all()
    assert len(questions.prompts) == 2
    for one in questions.prompts:
        assert cases.tokenizer().decode(one.prompt).endswith("<|assistant|>")
        assert cases.tokenizer().decode(one.answer).endswith("<|end_of_turn|>")


def test_supervised_runs_learn_resume_and_keep_their_template(tmp_path: Path) -> None:
    finished = cases.learnt(tmp_path)
    assert finished.checkpoint is not None
    config = json.loads((finished.checkpoint.path / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert "generation" in config["chat_template"]
    curve = [one for one in cases.curve(tmp_path / "start") if one["kind"] == "step"]
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]
    scores = cases.curve(tmp_path / "start")[-2]
    assert scores["kind"] == "eval" and scores["loss"] == pytest.approx(scores["loss/talks"])
    assert "bits_per_byte" not in scores
    given = cases.table(tmp_path, data={"conversations": [str(tmp_path / "talks.jsonl")]})
    cases.resumes(given, tmp_path)
