"""Edit records of the built-in model: what they hold, what is left out, and how they look as tokens."""

import ast
import random
import zipfile
from pathlib import Path

import pytest

from benchmarks.tissu.apart import Apart
from benchmarks.tissu.edits import injected, releases
from benchmarks.tissu.edits.encode import Encoder, identity
from benchmarks.tissu.edits.example import Example, Scope, changed, cut
from benchmarks.tissu.fetch import read_names
from benchmarks.tissu.transport import pack, unpack
from quantatissu.tokenizer import TrainSettings, train_tokenizer

MODULE = '''"""Interest, and who pays it."""


class Account:
    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    def deposit(self, amount):
        """Put money in."""
        if amount <= 0:
            raise ValueError(f"not an amount: {amount}")
        self.balance += amount
        return self.balance

    def withdraw(self, amount, limit=None):
        if limit is not None and amount > limit:
            raise ValueError("over the limit")
        if amount > self.balance:
            raise ValueError("too much")
        self.balance -= amount
        self.owner.notify("withdrawn", amount)
        return self.balance


def interest(balance, rate, years):
    total = balance
    for year in range(years):
        total = total * (1 + rate)
        if total > 1_000_000:
            break
    return round(total - balance, 2)
'''


MOVING = {"remove block", "moved", "similar line", "donor", "insert block", "insert statement"}
"""Kinds whose wrong lines may be the document's own, in another place."""


def put_right(example: Example) -> str:
    return example.prefix + example.new + example.suffix


class TestInjected:
    def records(self, most: int = 4, seed: int = 0) -> list[Example]:
        return [one for number in range(25) for one in injected.examples(f"{number:032x}", MODULE, most, seed)]

    def test_the_new_lines_are_the_documents_own_and_the_old_ones_are_not(self) -> None:
        found = self.records()
        assert len(found) > 50
        for one in found:
            assert one.old != one.new
            assert one.new + one.suffix in MODULE
            assert one.old not in MODULE or one.old == "" or one.kind in MOVING

    def test_a_document_gives_the_same_records_again_and_others_for_another_seed(self) -> None:
        assert self.records() == self.records()
        assert self.records() != self.records(seed=1)

    def test_many_kinds_of_faults_come_out(self) -> None:
        kinds = {one.kind for one in self.records()}
        assert {"condition", "literal", "variable", "operator", "compound", "insert statement"} <= kinds

    def test_a_lost_statement_leaves_an_empty_span(self) -> None:
        lost = [one for one in self.records() if one.kind == "insert statement" and not one.old]
        assert lost
        assert all(one.new.strip() for one in lost)

    @pytest.mark.parametrize("text", ["def f(:\n", "", "x = 1\r\n", "x = " + "(" * 5000])
    def test_what_cannot_be_read_gives_nothing(self, text: str) -> None:
        assert list(injected.examples("0" * 32, text, 3, 0)) == []


class TestCut:
    def test_a_long_function_still_shows_how_it_begins(self) -> None:
        right = ["class A:\n", "    def f(self):\n", *[f"        x{n} = {n}\n" for n in range(200)]]
        wrong = [*right]
        wrong[150] = "        y = 0\n"
        scope = Scope(first=1, head=2, body=2, end=202, owners=(0,))
        for seed in range(20):
            one = cut("k", wrong, right, scope, random.Random(seed))
            assert one is not None
            assert one.prefix.startswith("class A:\n    def f(self):\n")
            assert one.prefix.count("\n") <= 62
            assert one.suffix.count("\n") <= 25
            assert wrong[150] in one.old
            assert right[150] in one.new

    def test_changes_outside_the_function_or_too_long_are_refused(self) -> None:
        right = ["a\n", "def f():\n", "    b\n", "    c\n", "d\n"]
        scope = Scope(first=1, head=2, body=2, end=4)
        chance = random.Random(0)
        assert cut("k", ["x\n", *right[1:]], right, scope, chance) is None
        assert cut("k", right, right, scope, chance) is None
        assert cut("k", [*right[:2], *["    z\n"] * 9, *right[3:]], right, scope, chance) is None

    def test_the_fewest_lines_are_marked_also_where_lines_repeat(self) -> None:
        assert changed(["a", "b", "b", "c"], ["a", "b", "c"]) == (2, 3, 2)
        assert changed(["a", "c"], ["a", "b", "c"]) == (1, 1, 2)


class TestReleases:
    OLD = "def f(a, b):\n    if a > b:\n        return a\n    return 0\n\n\ndef g(a: int):\n    return a\n"

    def test_a_small_change_is_found(self) -> None:
        new = self.OLD.replace("return 0", "return b")
        (change,) = releases.of_texts(self.OLD, new)
        one = change.example(random.Random(1))
        assert one is not None
        assert "return 0" in one.old
        assert "return b" in one.new

    @pytest.mark.parametrize(
        "new",
        [
            OLD.replace("a: int", "a: float"),
            OLD.replace("return a\n", "return a  # as it is\n"),
            OLD.replace("def g(a: int):", "def g(a: int, y=0):"),
            OLD.replace("if a > b:", "if (a > b):"),
            OLD.replace("return a", "return b"),
            "def f(",
        ],
        ids=["annotation", "comment", "signature", "layout", "the same everywhere", "broken"],
    )
    def test_changes_of_form_are_left_out(self, new: str) -> None:
        assert releases.of_texts(self.OLD, new) == []

    def test_an_annotation_on_an_assignment_is_form_too(self) -> None:
        old = "def f(a):\n    total = a\n    return total\n"
        assert releases.of_texts(old, old.replace("total = a", "total: int = a")) == []


class TestEncode:
    def test_control_tokens_are_ids_and_texts_between_them_are_exact(self) -> None:
        tokenizer = train_tokenizer([MODULE], TrainSettings(vocabulary=400))
        example = Example("k", "<|endoftext|>\n", "    x = 1\n", "    return x\n", "    x = 2\n", "f() is 1")
        ids = Encoder(tokenizer)(example)
        assert tokenizer.decode(ids) == (
            "<|user|>f() is 1\n<|fim_prefix|><|endoftext|>\n<|edit_span|>    x = 1\n<|edit_span_end|>"
            "<|fim_suffix|>    return x\n<|edit_replacement|>    x = 2\n<|edit_replacement_end|>"
        )
        assert tokenizer.end_of_text not in ids.tolist()
        assert [tokenizer.id(name) for name in ("<|user|>", "<|edit_replacement_end|>")] == [ids[0], ids[-1]]

    def test_without_evidence_nothing_stands_before_the_prefix(self) -> None:
        tokenizer = train_tokenizer([MODULE], TrainSettings(vocabulary=400))
        assert Encoder(tokenizer)(Example("k", "", "", "", "x\n"))[0] == tokenizer.id("<|fim_prefix|>")

    def test_identity_is_of_the_text_not_of_how_it_was_made(self) -> None:
        assert identity(Example("a", "p", "o", "s", "n")) == identity(Example("b", "p", "o", "s", "n"))
        assert identity(Example("a", "p", "o", "s", "n")) != identity(Example("a", "po", "", "s", "n"))


class TestApart:
    def test_copies_are_found_under_any_name_and_usual_lines_prove_nothing(self, tmp_path: Path) -> None:
        lines = [f"result_{n} = combine(result_{n}, by=weights[{n}])" for n in range(10)]
        usual = [f'parser.add_argument("--verbose", action="store_{n}")' for n in range(10)]
        with zipfile.ZipFile(tmp_path / "a-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr("a.py", "\n".join([*lines, *usual]))
        apart = Apart(tmp_path)
        assert apart.copied("\n".join(usual))
        apart.without_usual(["\n".join(usual)] * 21)
        assert not apart.copied("\n".join(usual))
        assert apart.copied("\n".join(f"    {line}" for line in lines[:6]))
        assert not apart.copied("\n".join(lines[:5]))


class TestTransport:
    def test_what_is_packed_comes_out_the_same_and_packs_to_the_same_bytes(self, tmp_path: Path) -> None:
        for name in ("code", "edits"):
            (tmp_path / name / "shards").mkdir(parents=True)
            (tmp_path / name / "shards" / "x.bin").write_bytes(random.Random(name).randbytes(3000))
            (tmp_path / name / "empty.json").touch()
        folders = [tmp_path / "code", tmp_path / "edits"]
        pack(folders, tmp_path / "one.tar.xz", workers=1)
        pack(folders, tmp_path / "two.tar.xz", workers=2)
        assert (tmp_path / "one.tar.xz").read_bytes() == (tmp_path / "two.tar.xz").read_bytes()
        unpack(tmp_path / "one.tar.xz", tmp_path / "out")
        for folder in folders:
            for path in folder.rglob("*.*"):
                assert (tmp_path / "out" / path.relative_to(tmp_path)).read_bytes() == path.read_bytes()


def test_no_package_that_must_stay_apart_is_fetched() -> None:
    from benchmarks.repair.packages import PACKAGES
    from benchmarks.tissu import fetch
    from quantatissu.corpus.recipe import load

    recipe = Path(fetch.__file__).parents[2] / "src/quantatissu/recipes/corpora/tissu.toml"
    reserved = set(load(recipe).recipe.reserved.packages)
    assert set(PACKAGES) <= reserved
    for name in ("packages.txt", "releases.txt"):
        names = read_names(Path(fetch.__file__).with_name(name))
        assert names
        assert reserved.isdisjoint(names)


def test_the_functions_of_a_record_parse() -> None:
    for one in injected.examples("f" * 32, MODULE, 9, 3):
        body = put_right(one)
        start = body.index("def ")
        ast.parse("if True:\n    " + body[start:] if one.prefix.startswith("class") else body)
