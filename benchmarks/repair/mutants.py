"""Write mutants of a source file with cosmic-ray's and mutmut's operators, as JSON.

A script for the mutators' own interpreter: ``mutants.py FILE SEED PER_KIND`` prints a list of
``{start, before, after, line, operator, kind}``, at most PER_KIND of each kind, drawn by SEED. One top-level statement
is parsed and mutated at a time, which is much quicker than the whole file and gives the same mutants.
"""

from __future__ import annotations

import ast
import io
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import libcst
from cosmic_ray.ast import get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from mutmut.mutation.mutators import mutation_operators

# Prefix of cosmic-ray's operator name -> kind. Operators not listed make changes no person would
# (ExceptionReplacer raises a class of its own, the unary swaps write `~x` for `-x`), or need arguments.
COSMIC_RAY = {
    "core/ReplaceComparisonOperator": "comparison",
    "core/ReplaceBinaryOperator": "arithmetic",
    "core/ReplaceUnaryOperator_Delete": "negation",
    "core/AddNot": "negation",
    "core/ReplaceAndWithOr": "boolean",
    "core/ReplaceOrWithAnd": "boolean",
    "core/ReplaceTrueWithFalse": "constant",
    "core/ReplaceFalseWithTrue": "constant",
    "core/NumberReplacer": "number",
    "core/ReplaceBreakWithContinue": "loop",
    "core/ReplaceContinueWithBreak": "loop",
    "core/ZeroIterationForLoop": "loop",
    "core/RemoveDecorator": "decorator",
}
MUTMUT = {
    "operator_string": "string",
    "operator_lambda": "lambda",
    "operator_dict_arguments": "argument",
    "operator_arg_removal": "argument",
    "operator_symmetric_string_methods_swap": "method",
    "operator_unsymmetrical_string_methods_swap": "method",
    "operator_keywords": "comparison",
    "operator_swap_op": "operator",
    "operator_assignment": "assignment",
    "operator_augmented_assignment": "augmented",
    "operator_if_exp": "condition",
    "operator_match": "condition",
    "operator_name": "constant",
}


def main() -> None:
    path, seed, per_kind = sys.argv[1], sys.argv[2], int(sys.argv[3])
    text = Path(path).read_bytes().decode("utf-8")
    print(json.dumps(draw(text, random.Random(f"{seed}:{Path(path).name}"), per_kind)))


def draw(text: str, rng: random.Random, per_kind: int) -> list[dict[str, object]]:
    """At most `per_kind` mutants of each kind."""
    places: dict[str, list[tuple[int, str, object]]] = {}
    for start, snippet in statements(text):
        for kind, maker in [*cosmic_ray(snippet), *mutmut(snippet)]:
            places.setdefault(kind, []).append((start, snippet, maker))
    found: dict[tuple[int, str, str], dict[str, object]] = {}
    for kind in sorted(places):
        rng.shuffle(places[kind])
        taken = 0
        for start, snippet, (operator, make) in places[kind]:
            if taken >= per_kind:
                break
            mutant = change(text, start, snippet, make())
            if mutant is None or mutant in found:
                continue
            offset, before, after = mutant
            line = text.count("\n", 0, offset + len(before) - len(before.lstrip())) + 1
            found[mutant] = {
                "start": offset, "before": before, "after": after, "line": line, "operator": operator, "kind": kind,
            }  # fmt: skip
            taken += 1
    return list(found.values())


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Start offset and text of each top-level statement, decorators included, docstring left out."""
    lines = io.StringIO(text, newline="").readlines()
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    for node in ast.parse(text).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
        yield offsets[first - 1], "".join(lines[first - 1 : node.end_lineno])


def cosmic_ray(snippet: str) -> Iterator[tuple[str, tuple[str, object]]]:
    """Kind, operator and maker of every mutant cosmic-ray knows for the snippet."""
    tree = get_ast(snippet)
    for name in sorted(operator_names()):
        kind = next((kind for prefix, kind in COSMIC_RAY.items() if name.startswith(prefix)), None)
        if kind is None:
            continue
        operator = get_operator(name)()
        count = sum(len(list(operator.mutation_positions(node))) for node in nodes(tree))
        for occurrence in range(count):
            yield (
                kind,
                (
                    f"cosmic-ray:{name.removeprefix('core/')}",
                    lambda operator=operator, occurrence=occurrence: mutate_code(snippet, operator, occurrence),
                ),
            )


def nodes(tree: object) -> Iterator[object]:
    yield tree
    for child in getattr(tree, "children", ()):
        yield from nodes(child)


class _Nodes(libcst.CSTVisitor):
    """Collects the nodes worth mutating: no annotations, no docstrings."""

    def __init__(self) -> None:
        self.found: list[libcst.CSTNode] = []

    def on_visit(self, node: libcst.CSTNode) -> bool:
        if isinstance(node, libcst.Annotation):
            return False
        if isinstance(node, libcst.Expr) and isinstance(node.value, libcst.BaseString):
            return False
        self.found.append(node)
        return True


def mutmut(snippet: str) -> Iterator[tuple[str, tuple[str, object]]]:
    """Kind, operator and maker of every mutant mutmut knows for the snippet."""
    module = libcst.parse_module(snippet)
    visitor = _Nodes()
    module.visit(visitor)
    for node in visitor.found:
        for node_type, operator in mutation_operators:
            kind = MUTMUT.get(operator.__name__)
            if kind is None or not isinstance(node, node_type):
                continue
            for mutated in operator(node):
                yield (
                    kind,
                    (
                        f"mutmut:{operator.__name__.removeprefix('operator_')}",
                        lambda node=node, mutated=mutated: module.deep_replace(node, mutated).code,
                    ),
                )


def change(text: str, start: int, snippet: str, mutated: str | None) -> tuple[int, str, str] | None:
    """Offset, old and new characters of the mutation, tidied; None when nothing changes or nothing parses."""
    if mutated is None or mutated == snippet:
        return None
    head = 0
    while head < min(len(snippet), len(mutated)) and snippet[head] == mutated[head]:
        head += 1
    tail = 0
    while tail < min(len(snippet), len(mutated)) - head and snippet[-1 - tail] == mutated[-1 - tail]:
        tail += 1
    head, tail = whole_words(snippet, mutated, head, tail)
    before, after = snippet[head : len(snippet) - tail], mutated[head : len(mutated) - tail]
    # cosmic-ray puts a space before what it writes even where there is one.
    if head and snippet[head - 1] in " ([{=,:-" and after.startswith(" ") and not before.startswith(" "):
        after = after.lstrip(" ")
    whole = text[: start + head] + after + text[start + head + len(before) :]
    try:
        if ast.dump(ast.parse(whole)) == ast.dump(ast.parse(text)):
            return None
    except (SyntaxError, ValueError):
        return None
    return start + head, before, after


def whole_words(old: str, new: str, head: int, tail: int) -> tuple[int, int]:
    """Widen a difference so that it starts and ends between words."""

    def word(character: str) -> bool:
        return character.isalnum() or character == "_"

    def inside(text: str, at: int) -> bool:
        return 0 < at < len(text) and word(text[at - 1]) and word(text[at])

    while inside(old, head) or inside(new, head):
        head -= 1
    while inside(old, len(old) - tail) or inside(new, len(new) - tail):
        tail -= 1
    return head, tail


if __name__ == "__main__":
    main()
