"""``quanta generate`` and ``quanta complete``: a model's answers on the terminal, as they come."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantatissu.cli.local import Adapter, Devices, Draft, Engine, Model, Precision, Quantise, named_adapter, open_local
from quantatissu.cli.terminal import printable
from quantatissu.foundation import QuantaError

if TYPE_CHECKING:
    from quantatissu.inference import Answer, Constraint, Generation, Request, Sampling
    from quantatissu.inference.lines import Line
    from quantatissu.inference.local import LocalEngine

_CHOOSES = ("tissu",)  # models that choose ends of lines better than they fill them in
_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(?::(?P<column>\d+))?")

Tokens = Annotated[int, typer.Option("--max-tokens", metavar="N", help="Longest answer.", min=1)]
Temperature = Annotated[float, typer.Option(metavar="T", help="0: the likeliest token each time.", min=0)]
TopP = Annotated[float, typer.Option("--top-p", metavar="P", help="Draw from the likeliest tokens of this share.")]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Same seed, same answers.")]
Answers = Annotated[int, typer.Option("-n", metavar="N", help="So many answers, numbered.", min=1)]


def generate(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to continue; - reads standard input.")],
    model: Model = "tissu",
    max_tokens: Tokens = 128,
    temperature: Temperature = 0.0,
    top_p: TopP = 1.0,
    seed: Seed = None,
    n: Answers = 1,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="End before this text; repeatable.")] = None,
    json_schema: Annotated[
        Path | None, typer.Option("--json-schema", metavar="FILE", help="The answer is JSON that validates.")
    ] = None,
    regex: Annotated[str | None, typer.Option(metavar="PATTERN", help="The whole answer matches.")] = None,
    grammar: Annotated[Path | None, typer.Option(metavar="FILE", help="The answer is of a Lark grammar.")] = None,
    form: Annotated[
        str | None, typer.Option(metavar="python|expression|diff", help="The answer parses as this.")
    ] = None,
    beams: Annotated[
        int, typer.Option(metavar="N", help="Search for the likeliest answers with so many beams, draw nothing.", min=0)
    ] = 0,
    quantise: Quantise = None,
    engine: Engine = "auto",
    precision: Precision = "auto",
    adapter: Adapter = None,
    devices: Devices = 1,
    draft: Draft = None,
) -> Callable[[], int]:
    """Continue a text with a model, on this machine."""

    def work() -> int:
        from quantatissu.inference import Request

        constraint = _constraint(json_schema, regex, grammar, form)
        if beams and (constraint is not None or temperature or top_p < 1 or stop):
            raise QuantaError("--beams goes without --temperature, --top-p, --stop and forms of the answer")
        text = sys.stdin.read() if prompt == "-" else prompt
        sampling = _sampling(max_tokens, temperature, top_p, seed, tuple(stop or ()))
        named = [] if adapter is None else [named_adapter(adapter)]
        with open_local(model, quantise, engine, precision, devices=devices, adapters=named, draft=draft) as opened:
            tokens = tuple(opened.tokenizer.encode(text).tolist())
            under = named[0][0] if named else None
            if beams:
                found = opened.beam_search(tokens, beams=beams, max_tokens=max_tokens, n=n, adapter=under)
                return _show(found)
            return _answer(opened, Request(tokens, sampling, n=n, constraint=constraint, adapter=under))

    return work


def complete(
    place: Annotated[str, typer.Argument(metavar="FILE:LINE[:COL]", help="Where to fill in; both count from 1.")],
    model: Model = "tissu",
    max_tokens: Tokens = 64,
    lines: Annotated[int, typer.Option(metavar="N", help="End after so many lines; 0: where the model ends.")] = 1,
    temperature: Temperature = 0.0,
    top_p: TopP = 1.0,
    seed: Seed = None,
    n: Answers = 1,
    quantise: Quantise = None,
    engine: Engine = "auto",
    precision: Precision = "auto",
    adapter: Adapter = None,
    devices: Devices = 1,
    draft: Draft = None,
) -> Callable[[], int]:
    """Say what could stand at a place in a file, from what stands before and behind it. The file is not changed.

    Without a column: at the end of the line. The built-in model's end of a line is chosen among several by what follows
    it, and -n shows the best; with --lines or --temperature, or in the middle of a line, it fills in what it will.
    """

    def work() -> int:
        from quantatissu.inference.infill import infill_request
        from quantatissu.inference.lines import can_choose, infill_lines

        prefix, suffix = split_at(place)
        sampling = _sampling(max_tokens, temperature, top_p, seed, ("\n",) if lines == 1 else ())
        named = [] if adapter is None else [named_adapter(adapter)]
        with open_local(model, quantise, engine, precision, devices=devices, adapters=named, draft=draft) as opened:
            if model in _CHOOSES and lines == 1 and temperature == 0 and not named and can_choose(suffix):
                found = infill_lines(opened, prefix, suffix, max_tokens=max_tokens, seed=seed or 0)
                if found:
                    return _show_lines(found[:n])
            request = infill_request(opened, prefix, suffix, sampling, n=n)
            return _answer(opened, replace(request, adapter=named[0][0] if named else None), lines=lines)

    return work


def split_at(place: str) -> tuple[str, str]:
    """The text of a file before and behind FILE:LINE[:COL]. Raises QuantaError for a place that is not there."""
    match = _PLACE.fullmatch(place)
    if match is None:
        raise QuantaError(f"{place} is not a place in a file", hint="Write FILE:LINE or FILE:LINE:COLUMN.")
    file, number = Path(match["file"]), int(match["line"])
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise QuantaError(f"{file} is not UTF-8") from None
    except OSError as error:
        raise QuantaError(f"cannot read {file}: {error.strerror}") from None
    lines = text.splitlines(keepends=True) or [""]
    if text.endswith("\n"):
        lines.append("")
    if not 1 <= number <= len(lines):
        raise QuantaError(f"{file} has {len(lines)} lines, not {number}")
    line = lines[number - 1]
    width = len(line.rstrip("\r\n"))
    column = width + 1 if match["column"] is None else int(match["column"])
    if not 1 <= column <= width + 1:
        raise QuantaError(f"line {number} of {file} has {width + 1} columns, not {column}")
    at = sum(map(len, lines[: number - 1])) + column - 1
    return text[:at], text[at:]


def _sampling(max_tokens: int, temperature: float, top_p: float, seed: int | None, stop: tuple[str, ...]) -> Sampling:
    from quantatissu.inference import Sampling

    return Sampling(max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed, stop=stop)


def _constraint(schema: Path | None, regex: str | None, grammar: Path | None, form: str | None) -> Constraint | None:
    from quantatissu.inference import Grammar, Regex

    given = [one for one in (schema, regex, grammar, form) if one is not None]
    if len(given) > 1:
        raise QuantaError("an answer can have one form: --json-schema, --regex, --grammar or --form")
    if regex is not None:
        return Regex(regex)
    if grammar is not None:
        return Grammar(_text(grammar))
    if form is not None:
        return _form(form)
    return None if schema is None else _schema(schema)


def _form(name: str) -> Constraint:
    from quantatissu.inference.constraints import python_expression, python_statements, unified_diff

    forms = {"python": python_statements, "expression": python_expression, "diff": unified_diff}
    if name not in forms:
        raise QuantaError(f"--form is {name!r}", hint=f"There are: {', '.join(forms)}.")
    return forms[name]()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise QuantaError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise QuantaError(f"{file} is not UTF-8") from None


def _schema(schema: Path) -> Constraint:
    from quantatissu.inference import JsonSchema

    try:
        table = json.loads(_text(schema))
    except ValueError as error:
        raise QuantaError(f"{schema} is not JSON: {error}") from None
    if not isinstance(table, dict):
        raise QuantaError(f"{schema} does not hold a JSON object")
    return JsonSchema(table)


def _answer(engine: LocalEngine, request: Request, *, lines: int = 0) -> int:
    """Print what comes; several answers one after another. Returns 1 when a constraint could not be met."""
    work = engine.submit(request)
    return _said(_stream(work, lines)) if request.n == 1 else _show(work.answers(), lines)


def _show_lines(found: Sequence[Line]) -> int:
    """Print the ends of a line, best first."""
    for number, line in enumerate(found, start=1):
        if len(found) > 1:
            print(f"--- {number} ({line.score:.2f} nats)")
        print(printable(line.text))
    return 0


def _show(answers: Sequence[Answer], lines: int = 0) -> int:
    for number, answer in enumerate(answers, start=1):
        if len(answers) > 1:
            print(f"--- {number} ({answer.logprob:.2f} nats)")
        print(printable(_cut(answer.text, lines)))
    return _said(all(answer.complete for answer in answers))


def _said(whole: bool) -> int:
    if not whole:
        print("note: the answer was cut before it could have the form asked for; raise --max-tokens", file=sys.stderr)
    return 0 if whole else 1


def _stream(work: Generation, lines: int) -> bool:
    shown, whole = "", True
    for piece in work:
        before = len(_cut(shown, lines))
        shown += piece.text
        sys.stdout.write(printable(_cut(shown, lines)[before:]))
        sys.stdout.flush()
        whole = piece.complete
        if lines and shown.count("\n") >= lines:
            work.cancel()
    sys.stdout.write("\n")
    return whole


def _cut(text: str, lines: int) -> str:
    """The first ``lines`` lines; 0: all."""
    return text if not lines else "\n".join(text.split("\n")[:lines])
