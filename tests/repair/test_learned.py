"""How functions are shown to the model, how edits become changes of lines, and what is read off its answers."""

import ast
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantatissu.inference.engine import Answer, Request
from quantatissu.planning import Node
from quantatissu.repair.arrivals import Arrivals
from quantatissu.repair.candidates import Candidate, candidates
from quantatissu.repair.learned.adviser import Adviser
from quantatissu.repair.learned.advising import Advising
from quantatissu.repair.learned.faults import FaultModel, outermost
from quantatissu.repair.learned.lines import LineChange, line_change, trimmed
from quantatissu.repair.learned.marks import MOST_LINES, Marks, layout
from quantatissu.repair.learned.writing import Writer
from quantatissu.repair.localise import Place
from quantatissu.repair.propose import EditProposer, Situation
from quantatissu.repair.texts import Texts
from quantatissu.rewriting import Edit, Project, Rewrite, Source
from quantatissu.rewriting.source import FunctionNode
from quantatissu.tokenizer import TrainSettings, train_tokenizer

MODULE = '''class Account:
    kind = "plain"

    @property
    def worth(self):
        """What it is worth.

        In all.
        And more.
        Of it.
        """
        total = self.balance
        for other in self.others:
            total -= other.worth
        return total


def mean(values):
    def each():
        yield from values

    return sum(each()) / len(values)
'''
TOKENIZER = train_tokenizer([MODULE], TrainSettings(vocabulary=400))


def function(source: Source, name: str) -> FunctionNode:
    return next(node for node in ast.walk(source.tree) if isinstance(node, FunctionNode) and node.name == name)


class TestLines:
    @settings(max_examples=200)
    @given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
    def test_the_fewest_lines_are_changed(self, old: list[str], new: list[str]) -> None:
        change = trimmed(5, old, new)
        assert [*old[: change.start - 5], *change.new, *old[change.stop - 5 :]] == new
        rest = old[change.start - 5 : change.stop - 5]
        assert not (rest and change.new) or (rest[0] != change.new[0] and rest[-1] != change.new[-1])

    def test_an_edit_within_a_line(self) -> None:
        source = Source(MODULE)
        at = MODULE.index("-=")
        assert line_change(source, [Edit(at, at + 2, "+=")]) == LineChange(
            14, 15, ("            total += other.worth\n",)
        )

    def test_lines_put_in_and_taken_out(self) -> None:
        source = Source(MODULE)
        at = MODULE.index("        return total")
        assert line_change(source, [Edit(at, at, "        total += 1\n")]) == LineChange(
            15, 15, ("        total += 1\n",)
        )
        assert line_change(source, [Edit(at, at + len("        return total\n"), "")]) == LineChange(15, 16, ())

    def test_edits_that_overlap_or_take_a_line_end_are_no_change_of_lines(self) -> None:
        source = Source(MODULE)
        assert line_change(source, [Edit(0, 5, "x"), Edit(3, 7, "y")]) is None
        assert line_change(source, [Edit(len(MODULE) - 1, len(MODULE), "")]) is None


class TestMarks:
    def test_a_function_and_its_answer_as_tokens(self) -> None:
        marks = Marks(TOKENIZER)
        prompt, answer = (
            marks.prompt(["class A:\n"], ["    def f(a):\n", "        return b\n"]),
            marks.answer(1, 2, ["x\n"]),
        )
        assert np.flatnonzero(np.isin(prompt, marks.ids)).size == 3
        text = TOKENIZER.decode([int(number) for number in prompt if number not in marks.ids])
        assert text.endswith("class A:\n    def f(a):\n        return b\n<|edit_span|>")
        assert answer[:2].tolist() == marks.ids[[1, 2]].tolist()
        assert TOKENIZER.decode(answer[2:].tolist()) == "<|edit_replacement|>x\n<|edit_replacement_end|>"

    def test_long_docstrings_are_shown_in_part(self) -> None:
        source = Source(MODULE)
        place = layout(source, function(source, "worth"))
        (shown,) = place.parts()
        assert source.lines[place.owners[0] - 1] == "class Account:\n"
        assert "".join(source.lines[number - 1] for number in shown) == (
            '    @property\n    def worth(self):\n        """What it is worth.\n\n        In all.\n        And more.\n'
            "        total = self.balance\n        for other in self.others:\n            total -= other.worth\n"
            "        return total\n"
        )

    @pytest.mark.parametrize("count", [1, MOST_LINES - 1, MOST_LINES, 2 * MOST_LINES, 1000])
    def test_every_line_of_a_long_function_is_in_some_part(self, count: int) -> None:
        source = Source("def f(a):\n" + "    a += 1\n" * count)
        place = layout(source, function(source, "f"))
        parts = place.parts()
        assert all(part[0] == 1 and len(part) <= MOST_LINES for part in parts)
        assert sorted({line for part in parts for line in part}) == list(range(1, count + 2))

    def test_the_outermost_function_is_shown(self) -> None:
        source = Source(MODULE)
        assert outermost(source, function(source, "each")).name == "mean"
        assert outermost(source, function(source, "worth")).name == "worth"


class Believer:
    """An engine that believes in one answer, whatever is asked, and gives every other token one in a thousand."""

    context = 1024
    tokenizer = TOKENIZER

    def __init__(self, answer: list[int]) -> None:
        self.answer = answer

    def following(self, prefix: list[int], continuations: list[list[int]]) -> list[np.ndarray]:
        found = []
        for tokens in continuations:
            rows = np.full((len(tokens) + 1, TOKENIZER.vocabulary), np.log(1e-3), np.float32)
            for at in range(min(len(rows), len(self.answer))):
                if list(tokens[:at]) == self.answer[:at]:
                    rows[at][self.answer[at]] = np.log(0.5)
            found.append(rows)
        return found

    def score(self, prefix: list[int], continuations: list[list[int]]) -> list[float]:
        return [
            sum(float(row[token]) for row, token in zip(rows, tokens, strict=False))
            for rows, tokens in zip(self.following(prefix, continuations), continuations, strict=True)
        ]


class TestFaultModel:
    RIGHT = LineChange(14, 15, ("            total += other.worth\n",))
    OTHER = LineChange(14, 15, ("            total = other.worth\n",))

    def look(self, source: Source):  # type: ignore[no-untyped-def]
        marks = Marks(TOKENIZER)
        (shown,) = layout(source, function(source, "worth")).parts()
        at = shown.index(14)
        engine = Believer(marks.answer(at, at + 1, self.RIGHT.new).tolist())
        return FaultModel(engine).look(source, function(source, "worth"))  # type: ignore[arg-type]

    def test_the_place_it_believes_in(self) -> None:
        look = self.look(Source(MODULE))
        assert look is not None
        assert look.odds(14, 15) > 5
        assert abs(look.odds(13, 14)) < 0.1
        assert look.odds(10, 12) is None, "lines that are not shown"

    @pytest.mark.parametrize("exact", [True, False])
    def test_the_edit_it_believes_in(self, exact: bool) -> None:
        look = self.look(Source(MODULE))
        right, other, hidden = look.edits([self.RIGHT, self.OTHER, LineChange(10, 11, ())], exact=exact)
        assert right > other + 5
        assert hidden is None

    def test_what_marks_would_confuse_is_not_shown(self) -> None:
        source = Source("def f(a):\n    return 'é'\n")
        model = FaultModel(Believer([]))  # type: ignore[arg-type]
        assert model.look(source, function(source, "f")) is None


class TestAdviser:
    """Whose model believes in one edit of `worth`."""

    def asked(self, text: str = MODULE):  # type: ignore[no-untyped-def]
        source = Source(text)
        marks = Marks(TOKENIZER)
        (shown,) = layout(source, function(source, "worth")).parts()
        at = shown.index(14)
        engine = Believer(marks.answer(at, at + 1, TestFaultModel.RIGHT.new).tolist())
        adviser = Adviser(FaultModel(engine), lambda path: source)  # type: ignore[arg-type]
        return source, adviser

    def rewrites(self) -> tuple[Rewrite, Rewrite]:
        at = MODULE.index("-=")
        return tuple(Rewrite("swap", (Edit(at, at + 2, text),), 14) for text in ("+=", "*="))  # type: ignore[return-value]

    def test_places_and_edits_the_model_believes_in_come_first(self) -> None:
        source, adviser = self.asked()
        places = [Place("m.py", line, 1.0, "") for line in (12, 13, 14, 15, 18)]
        adviser.look(places, functions=1, statements=3, seconds=60)
        told = [adviser.place("m.py", source, source.statements_on(line)[0]) for line in (12, 14, 15, 18)]
        assert max(told) == told[1]
        right, other = adviser.edits("m.py", source, source.statements_on(14)[0], self.rewrites())
        assert right > other
        unseen = adviser.edits("m.py", source, source.statements_on(15)[0], self.rewrites())
        assert unseen[0] == unseen[1], "the fourth statement is not judged"

    def test_advice_changes_the_order_of_what_was_not_yet_proposed(self, tmp_path: Path) -> None:
        file = tmp_path / "m.py"
        file.write_text(MODULE)
        texts = Texts(str(tmp_path))
        _, adviser = self.asked()
        adviser._source_of = texts.source
        places = [Place(str(file), line, 1.0, "") for line in (12, 13, 14, 15)]
        situation = Situation((), places)
        project = Project([texts.source(str(file))])
        proposer = EditProposer(texts, project, lambda node: situation, lambda path: True)
        root = Node()
        first = [thought.action for thought in proposer.propose(root, 5)]
        adviser.look(places, functions=9, statements=9, seconds=60)
        proposer.advise(root, situation, adviser, 10)
        then = [thought.action for thought in proposer.propose(root, 1000)]
        applied = [candidate.rewrite.apply(MODULE) for candidate in (*first, *then)]
        assert len(set(applied)) == len(applied), "nothing is proposed twice"
        assert then[0].place.line == 14
        assert MODULE.replace("-=", "+=") in applied[:8]

    def test_only_statements_that_could_be_next_are_judged(self, tmp_path: Path) -> None:
        file = tmp_path / "m.py"
        file.write_text("def f(a):\n" + "".join(f"    a{n} = a + {n}\n" for n in range(40)) + "    return a\n")
        texts = Texts(str(tmp_path))
        judged = []

        class Fixed:
            """Believes in the first statement, and in none of its edits more than in others."""

            most = 6.0

            def place(self, path, source, statement):  # type: ignore[no-untyped-def]
                return 6.0 if statement.lineno == 2 else 0.0

            def edits(self, path, source, statement, found):  # type: ignore[no-untyped-def]
                judged.append(statement.lineno)
                return [-1.0] * len(found)

        places = [Place(str(file), line, 1.0, "") for line in range(2, 42)]
        stream = candidates(places, texts.source, Project([texts.source(str(file))]), advice=Fixed())  # type: ignore[list-item]
        first = [next(stream) for _ in range(5)]
        assert {candidate.place.line for candidate in first} == {2}
        assert {candidate.advice for candidate in first} == {5.0}
        assert set(judged) == {2}


class Scribe(Believer):
    """Writes its answer wherever it may begin with that mark, and something that is no answer elsewhere."""

    def submit(self, request: Request):  # type: ignore[no-untyped-def]
        tokens = self.answer[1:] if request.prompt[-1] == self.answer[0] else self.answer[:1]
        answers = [Answer("", tuple(tokens), -3.0, "stop")] * request.n
        return SimpleNamespace(answers=lambda: answers)


class TestWriter:
    """Whose model knows one answer for `worth`."""

    PLACES = tuple(Place("m.py", line, 1.0 if line == 14 else 0.5, "") for line in (12, 13, 14, 15))

    def writer(self, first: int, stop: int, new: list[str], text: str = MODULE) -> Writer:
        """Lines ``first`` until ``stop`` of the file become ``new``."""
        source, marks = Source(text), Marks(TOKENIZER)
        (shown,) = layout(source, function(source, "worth")).parts()
        at = shown.index(first)
        writer = Writer(Scribe(marks.answer(at, at + stop - first, new).tolist()), lambda path: source)  # type: ignore[arg-type]
        writer.look(self.PLACES, functions=2, seconds=60)
        return writer

    def applied(self, found: Sequence[Candidate]) -> list[str]:
        return [candidate.rewrite.apply(MODULE) for candidate in found]

    def test_what_it_writes_becomes_edits_once(self) -> None:
        writer = self.writer(14, 15, ["            total += other.worth\n"])
        found = writer.write(64)
        assert self.applied(found) == [MODULE.replace("-=", "+=")]
        assert (found[0].place.line, found[0].place.score, found[0].rewrite.operator) == (14, 1.0, "written")
        assert writer.write(64) == []

    def test_lines_put_in_and_taken_out(self) -> None:
        line = "            total -= other.worth\n"
        assert self.applied(self.writer(14, 14, ["            total += 1\n"]).write(64)) == [
            MODULE.replace(line, "            total += 1\n" + line)
        ]
        assert self.applied(self.writer(14, 15, []).write(64)) == [MODULE.replace(line, "")]

    @pytest.mark.parametrize(
        ("first", "stop", "new"),
        [
            (14, 15, ["            total -= other.worth\n"]),  # as it was
            (9, 13, ["        total = 0\n"]),  # over lines that were not shown
            (15, 14, ["        total = 0\n"]),  # backwards
            (14, 15, ["            total -= 'é'\n"]),
            (14, 15, ["            total"]),  # takes the line its end
        ],
    )
    def test_what_is_no_edit_of_shown_lines_is_dropped(self, first: int, stop: int, new: list[str]) -> None:
        assert self.writer(first, stop, new).write(64) == []

    def test_nothing_to_look_at(self) -> None:
        assert Writer(Scribe([]), lambda path: None).write(8) == []  # type: ignore[arg-type]

    def test_suspicious_lines_are_written_more_often(self) -> None:
        writer = self.writer(14, 15, [])
        (shown,) = writer._shown
        by_line = dict(zip(shown.part.lines, shown.weights, strict=False))
        assert by_line[14] > by_line[13] > by_line[4] > 0


class TestArrivals:
    def candidate(self, text: str, path: str = "m.py") -> Candidate:
        return Candidate(path, Rewrite("written", (Edit(0, 0, text),), 1), Place(path, 1, 1.0, ""), 0.0)

    def test_what_is_there_does_not_wait_for_more(self) -> None:
        arrivals = Arrivals(lambda: None)
        assert list(arrivals.ready()) == []
        one, two = self.candidate("a"), self.candidate("b")
        arrivals.put([one])
        arrivals.put([])
        arrivals.put([two])
        assert list(arrivals.ready()) == [one, two]
        arrivals.end()
        assert not arrivals.wait()

    def test_waiting_asks_for_them(self) -> None:
        asked: list[int] = []

        def begin() -> None:
            asked.append(1)
            arrivals.put([])
            arrivals.put([self.candidate("a")])
            arrivals.end()

        arrivals = Arrivals(begin)
        assert arrivals.wait()
        assert len(list(arrivals.ready())) == len(asked) == 1
        assert not arrivals.wait()

    def test_a_proposer_takes_what_arrives_first_and_waits_last(self, tmp_path: Path) -> None:
        file = tmp_path / "m.py"
        file.write_text("x = 1\n")
        texts = Texts(str(tmp_path))
        situation = Situation((), (Place(str(file), 1, 1.0, ""),))
        project = Project([texts.source(str(file))])
        plain = EditProposer(texts, project, lambda node: situation, lambda path: True)
        own = {thought.action.rewrite.apply("x = 1\n") for thought in plain.propose(Node(), 10_000)}
        proposer = EditProposer(texts, project, lambda node: situation, lambda path: True)
        root = Node()

        def write() -> None:
            arrivals.put([self.candidate("y\n", str(file)), self.candidate("z\n", str(file))])
            arrivals.end()

        arrivals = Arrivals(write)
        proposer.expect(root, arrivals)
        arrivals.put([self.candidate("w\n", str(file))])
        texts_proposed = []
        while found := proposer.propose(root, 2):
            texts_proposed += [thought.action.rewrite.apply("x = 1\n") for thought in found]
        assert texts_proposed[0] == "w\nx = 1\n"
        assert texts_proposed[-2:] == ["y\nx = 1\n", "z\nx = 1\n"]
        assert set(texts_proposed[1:-2]) == own


class TestAdvising:
    def test_a_model_that_cannot_be_opened_is_told_and_does_not_stop_the_search(self, tmp_path: Path) -> None:
        arrivals = Arrivals(lambda: None)
        with Advising(str(tmp_path), lambda path: None) as advising:
            advising.write(arrivals, Situation((), ()), time.monotonic() + 60, idle=True)
            assert not arrivals.wait()
            (told,) = advising.trouble
        assert told.startswith("The search went on without the model: ")

    def test_it_writes_a_little_beside_a_busy_search_and_goes_on_when_that_is_idle(self, tmp_path: Path) -> None:
        file = tmp_path / "m.py"
        file.write_text(MODULE)
        texts = Texts(str(tmp_path))
        situation = Situation((), tuple(Place(str(file), line, 0.5, "") for line in (12, 13, 14, 15)))
        arrivals = Arrivals(lambda: None)
        with Advising("tissu", texts.source) as advising:
            end = time.monotonic() + 120
            advising.write(arrivals, situation, end, idle=False)
            first = []
            while len(first) < 20 and time.monotonic() < end:
                first += arrivals.ready()
                time.sleep(0.05)
            assert not advising._works["write"].done(), "it waits"
            advising.write(arrivals, situation, end, idle=True)
            assert arrivals.wait()
            advising.stop()
            while arrivals.wait():
                list(arrivals.ready())
            assert advising.trouble == ()
        written = {candidate.rewrite.apply(MODULE) for candidate in first}
        assert len(written) == len(first)
        assert MODULE not in written

    def test_closing_without_having_been_asked(self) -> None:
        Advising("tissu", lambda path: None).close()
