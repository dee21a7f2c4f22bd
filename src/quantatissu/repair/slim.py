"""A patch of several edits without those that it does not need.

A search that follows first improvements carries edits along that fixed some tests by chance, and that the edit which
fixes them all makes superfluous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from quantatissu.planning import Node, Thought, Value
from quantatissu.repair.candidates import Candidate
from quantatissu.repair.choose import Step
from quantatissu.repair.evaluate import SuiteEvaluator
from quantatissu.rewriting import Edit


@dataclass(slots=True)
class _Region:
    """Where an edit's text stands, and by how many characters and lines the text before it is longer."""

    start: int
    end: int
    characters: int
    lines: int


def slimmed(evaluator: SuiteEvaluator, root: Node, node: Node, steps_of: Callable[[Node], Sequence[Step]]) -> Node:
    """`node`, which solves everything by some steps from `root`, or one that does so by fewer of them."""
    for path in _shorter(steps_of(node)):
        shorter = _node(evaluator, root, path, node.number)
        if shorter is None:
            continue
        shorter.value = evaluator.evaluate(shorter)
        if shorter.value.solved:
            return slimmed(evaluator, root, shorter, steps_of)
    return node


def _shorter(steps: Sequence[Step]) -> Iterator[list[Candidate]]:
    """The edits but for one, the first left out first; those that need the one left out are passed over."""
    for dropped in range(len(steps)) if len(steps) > 1 else ():
        if (path := without(steps, dropped)) is not None:
            yield path


def without(steps: Sequence[Step], dropped: int) -> list[Candidate] | None:
    """The edits of a path but one, each where it goes in the text without it; None where one touches it."""
    gone, before, _ = steps[dropped]
    regions, shift = [], 0
    for edit in sorted(gone.rewrite.edits):
        old = before[edit.start : edit.end]
        start = edit.start + shift
        lines = old.count("\n") - edit.text.count("\n")
        regions.append(_Region(start, start + len(edit.text), len(old) - len(edit.text), lines))
        shift += len(edit.text) - len(old)
    path = [candidate for candidate, _, _ in steps[:dropped]]
    for candidate, _, _ in steps[dropped + 1 :]:
        if candidate.path != gone.path:
            path.append(candidate)
            continue
        edits = candidate.rewrite.edits
        if any(edit.start <= region.end and edit.end >= region.start for edit in edits for region in regions):
            return None
        moved = tuple(_moved(edit, regions) for edit in edits)
        first = min(edit.start for edit in edits)
        line = candidate.rewrite.line + sum(region.lines for region in regions if region.end <= first)
        path.append(replace(candidate, rewrite=replace(candidate.rewrite, edits=moved, line=line)))
        for region in regions:
            grown = sum(len(edit.text) - (edit.end - edit.start) for edit in edits if edit.end <= region.start)
            region.start, region.end = region.start + grown, region.end + grown
    return path


def _moved(edit: Edit, regions: Sequence[_Region]) -> Edit:
    shift = sum(region.characters for region in regions if region.end <= edit.start)
    return Edit(edit.start + shift, edit.end + shift, edit.text)


def _node(evaluator: SuiteEvaluator, root: Node, path: Sequence[Candidate], number: int) -> Node | None:
    """A node that is reached by some edits, not evaluated; None where they do not apply."""
    node = root
    for candidate in path:
        if node is not root:
            state = evaluator.child(evaluator.state(node.parent or root), node.thought.action)  # type: ignore[union-attr]
            if state is None:
                return None
            node.value = Value(node.value.score, data=state)
        node = Node(node, Thought(candidate, candidate.score), number=number)
    return node
