"""``quanta tokenizer``: train a vocabulary on code, say what it does to text, and compare it with others."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantatissu.cli.terminal import printable
from quantatissu.foundation import QuantaError

if TYPE_CHECKING:
    from quantatissu.tokenizer.report import Measured

_SAMPLE_MEGABYTES = 32
_LARGEST_FILE = 2 << 20

app = typer.Typer(
    name="tokenizer",
    help="Train a vocabulary on code, and see what it does to text.",
    rich_markup_mode=None,
    add_completion=False,
)

Sample = Annotated[int, typer.Option(metavar="MB", help="Read at most so much text.", min=1)]
Texts = Annotated[
    list[Path] | None, typer.Option("--data", metavar="PATH", help="Files, folders or corpora to measure.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command()
def train(
    data: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, folders or corpora to learn from.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where tokenizer.json goes.")] = Path("tokenizer"),
    kind: Annotated[str, typer.Option(metavar="bpe|unigram")] = "bpe",
    vocabulary: Annotated[int, typer.Option(metavar="N", help="Tokens, special ones included.")] = 8192,
    megabytes: Sample = _SAMPLE_MEGABYTES,
) -> Callable[[], int]:
    """Learn a vocabulary from code, evenly from every language there is."""
    return lambda: run_train(data, out=out, kind=kind, vocabulary=vocabulary, megabytes=megabytes)


@app.command()
def report(
    tokenizer: Annotated[Path, typer.Argument(metavar="TOKENIZER", help="A tokenizer.json, or a folder with one.")],
    data: Texts = None,
    megabytes: Sample = 8,
    as_json: AsJson = False,
) -> Callable[[], int]:
    """Bytes per token by language, what indentation and numbers cost, and proof that any bytes come back.

    Without --data: this Python's standard library.
    """
    return lambda: run_report(tokenizer, data or (), megabytes=megabytes, as_json=as_json)


@app.command()
def compare(
    tokenizers: Annotated[
        list[Path], typer.Argument(metavar="TOKENIZER...", help="Each a tokenizer.json or a folder.")
    ],
    data: Texts = None,
    megabytes: Sample = 8,
    as_json: AsJson = False,
) -> Callable[[], int]:
    """Bytes per token and tokens per word of several vocabularies on the same text."""
    return lambda: run_compare(tokenizers, data or (), megabytes=megabytes, as_json=as_json)


def run_train(data: Sequence[Path], *, out: Path, kind: str, vocabulary: int, megabytes: int) -> int:
    """Train and say what came of it. Raises QuantaError for settings or paths that make no sense."""
    _require_extra()
    from pydantic import ValidationError

    from quantatissu.tokenizer import TrainSettings, save_tokenizer, train_tokenizer

    try:
        settings = TrainSettings.model_validate({"kind": kind, "vocabulary": vocabulary})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise QuantaError(f"--{first['loc'][0]}: {first['msg']}, not {first['input']}") from None
    texts = _sample(data, megabytes)
    made = train_tokenizer((text for of_language in texts.values() for text in of_language), settings)
    save_tokenizer(made, out)
    print(f"{made.vocabulary:,} tokens in {printable(str(out / 'tokenizer.json'))}")
    return run_report(out, data, megabytes=min(megabytes, 8), as_json=False)


def run_report(tokenizer: Path, data: Sequence[Path], *, megabytes: int, as_json: bool) -> int:
    """Print what the vocabulary does. The exit code is 1 when something did not come back."""
    _require_extra()
    from quantatissu.tokenizer import load_tokenizer
    from quantatissu.tokenizer.report import measure_text, prove_round_trip, used

    vocabulary = load_tokenizer(tokenizer)
    texts = _sample(data, megabytes)
    rows = {language: measure_text(vocabulary, found) for language, found in sorted(texts.items())}
    proof = prove_round_trip(vocabulary) if vocabulary.byte_level else None
    occurring = used(vocabulary, (text for found in texts.values() for text in found))
    good = not any(row.unequal for row in rows.values()) and (proof is None or proof.failed is None)
    if as_json:
        told: dict[str, Any] = {
            "vocabulary": vocabulary.vocabulary,
            "used": occurring,
            "round_trip": {"tried": proof.tried, "failed": proof.failed and proof.failed.hex()} if proof else None,
            "languages": {language: _as_json(row) for language, row in rows.items()},
        }
        sys.stdout.write(json.dumps(told, sort_keys=True) + "\n")
        return 0 if good else 1
    print(f"{vocabulary.vocabulary:,} tokens, {occurring:,} of them in this text")
    head = ("language", "documents", "bytes/token", "tokens/word", "tokens/indentation", "tokens/number")
    _print_table(head, [(language, *_cells(row)) for language, row in rows.items()])
    for language, row in rows.items():
        if row.unequal:
            print(f"{row.unequal:,} of {row.documents:,} documents in {language} do not come back as they were")
    if proof is None:
        print("Not byte-level: what is not in the vocabulary is lost.")
    elif proof.failed is None:
        print(f"Round trip: {proof.tried:,} strings of arbitrary bytes came back unchanged.")
    else:
        print(f"Round trip: these bytes do not come back: {proof.failed!r}")
    return 0 if good else 1


def run_compare(tokenizers: Sequence[Path], data: Sequence[Path], *, megabytes: int, as_json: bool) -> int:
    """Print the vocabularies side by side, the one that needs fewest tokens first."""
    _require_extra()
    from quantatissu.tokenizer import load_tokenizer
    from quantatissu.tokenizer.report import measure_text

    loaded = {str(path): load_tokenizer(path) for path in tokenizers}
    texts = _sample(data, megabytes)
    everything = [text for found in texts.values() for text in found]
    whole = {name: measure_text(one, everything) for name, one in loaded.items()}
    order = sorted(loaded, key=lambda name: whole[name].tokens)
    by_language = {
        name: {language: measure_text(loaded[name], found).bytes_per_token for language, found in texts.items()}
        for name in order
    }
    if as_json:
        told = {
            name: {"vocabulary": loaded[name].vocabulary, **_as_json(whole[name]), "bytes_per_token_by_language": of_it}
            for name, of_it in by_language.items()
        }
        sys.stdout.write(json.dumps(told, sort_keys=True) + "\n")
        return 0
    languages = sorted(texts)
    rows = [
        (
            name,
            f"{loaded[name].vocabulary:,}",
            f"{whole[name].bytes_per_token:.3f}",
            f"{whole[name].fertility:.3f}",
            *(f"{by_language[name][language]:.3f}" for language in languages),
        )
        for name in order
    ]
    _print_table(("vocabulary", "tokens", "bytes/token", "tokens/word", *languages), rows)
    return 0


def _sample(paths: Sequence[Path], megabytes: int) -> dict[str, list[str]]:
    """Text by language, at most so much, an equal share of it for every language while it lasts."""
    found: dict[str, list[str]] = defaultdict(list)
    for language, text in _texts(paths):
        found[language].append(text)
    if not found:
        raise QuantaError("there is no text in these paths", hint="Pass files, folders of code, or corpora.")
    left = megabytes << 20
    kept: dict[str, list[str]] = {}
    # The language with least text first: what it leaves of its share goes to the others.
    for number, language in enumerate(sorted(found, key=lambda name: sum(map(len, found[name])))):
        share = left // (len(found) - number)
        kept[language] = []
        for text in found[language]:
            if share <= 0:
                break
            kept[language].append(text)
            share -= len(text)
            left -= len(text)
    return kept


def _texts(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Language and text of everything in `paths`; the standard library when there are none."""
    from quantatissu.corpus.shards import is_built

    if not paths:
        import sysconfig

        paths = [Path(sysconfig.get_path("stdlib"))]
        pattern = "*.py"
    else:
        pattern = "**/*"
    for path in paths:
        if not path.exists():
            raise QuantaError(f"there is no {path}")
        if is_built(path):
            yield from _documents(path)
            continue
        for file in sorted(path.glob(pattern)) if path.is_dir() else [path]:
            if file.is_file() and file.stat().st_size <= _LARGEST_FILE:
                yield from _file(file)


def _file(path: Path) -> Iterator[tuple[str, str]]:
    from quantatissu.corpus.stages.detect import detect

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    language = detect(path.name, text)
    if language and text.strip():
        yield language, text


def _documents(path: Path) -> Iterator[tuple[str, str]]:
    from quantatissu.corpus.shards import open_shards, shard_folder, tokenizer_folder
    from quantatissu.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(tokenizer_folder(path))
    corpus = open_shards(shard_folder(path))
    for number, ids in enumerate(corpus):
        yield corpus.languages[corpus.language_numbers[number]], tokenizer.decode(ids[:-1].tolist())


def _cells(row: Measured) -> tuple[str, ...]:
    return (
        f"{row.documents:,}",
        f"{row.bytes_per_token:.3f}",
        f"{row.fertility:.3f}",
        f"{row.indentation[0] / max(row.indentation[1], 1):.2f}",
        f"{row.numbers[0] / max(row.numbers[1], 1):.2f}",
    )


def _as_json(row: Measured) -> dict[str, Any]:
    return {
        "documents": row.documents,
        "bytes": row.size,
        "tokens": row.tokens,
        "bytes_per_token": row.bytes_per_token,
        "tokens_per_word": row.fertility,
        "tokens_per_indentation": row.indentation[0] / max(row.indentation[1], 1),
        "tokens_per_number": row.numbers[0] / max(row.numbers[1], 1),
        "unequal": row.unequal,
    }


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they must be: the first to the left, numbers to the right."""
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        first, *others = zip(row, widths, strict=True)
        print(printable("  ".join([first[0].ljust(first[1]), *(cell.rjust(wide) for cell, wide in others)]).rstrip()))


def _require_extra() -> None:
    missing = [name for name in ("numpy", "tokenizers") if importlib.util.find_spec(name) is None]
    if missing:
        raise QuantaError(
            f"`quanta tokenizer` needs {', '.join(missing)}, not installed here",
            hint="pip install 'quantatissu[corpus]'",
        )
