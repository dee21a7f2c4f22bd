"""Which size of the built-in model is worth its seconds: python -m benchmarks.tissu.sizes CODE MARKED OUT --minutes M

Models of several sizes learn from nothing, each for the same time on this machine, from the same code and records of
faults. Held-out records then tell how well each says where a fault is and what belongs there, and the light engine what
asking costs: looking at a function, and judging an edit there. The table goes to OUT/sizes.md too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tissu.pack import main as pack
from quantatissu.corpus.shards import open_shards
from quantatissu.corpus.shards.places import shard_folder
from quantatissu.inference.local import LocalEngine
from quantatissu.tokenizer.special import EDIT_REPLACEMENT_END, EDIT_SPAN

SIZES = {
    "6M": {"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 5, "num_attention_heads": 4},
    "28M": {},
    "60M": {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 8, "num_attention_heads": 12},
}
_KEY_VALUE_HEADS = {"6M": 2, "60M": 6}
_TRIAL = 6  # steps, of which the first two do not count
_SAMPLES, _LENGTH = 16, 512
_RECORDS = 300
_EDITS = 64  # judged at a time, for the timing


@dataclass(frozen=True, slots=True)
class Row:
    """What one size came to. Milliseconds on one thread; ``answer`` is nats of the right lines, place given."""

    name: str
    parameters: int
    tokens: int
    first: float
    three: float
    answer: float
    look: float
    edit: float

    def __str__(self) -> str:
        return (
            f"| {self.name} | {self.parameters / 1e6:.1f}M | {self.tokens / 1e6:.1f}M "
            f"| {self.first:.1%} | {self.three:.1%} | {self.answer:.2f} | {self.look:.1f} ms | {self.edit:.2f} ms |"
        )


HEAD = """| size | parameters | tokens seen | place first | in three | nats of the right lines | a function | an edit |
|---|---|---|---|---|---|---|---|"""


def train(name: str, out: Path, corpora: Sequence[Path], steps: int) -> None:
    """A run of so many steps in the folder `out`; one that is there already goes on."""
    if (out / f"checkpoints/step-{steps:08d}").exists():
        return
    values = SIZES[name] | ({"num_key_value_heads": _KEY_VALUE_HEADS[name]} if name in _KEY_VALUE_HEADS else {})
    shape = [f"model.override.{key}={value}" for key, value in values.items()]
    data = [word for folder in corpora for word in ("--data", str(folder))]
    mixture = ["data.corpus.0.weight=0.4", "data.corpus.1.weight=0.6", "data.corpus.1.fim.rate=0"]
    answers = ['data.corpus.1.answers.after="<|edit_span|>"', "data.corpus.1.answers.weight=6"]
    size = [f"steps={steps}", f"batch.samples={_SAMPLES}", f"data.length={_LENGTH}", "schedule.warmup=20"]
    resumed = ["--resume"] if (out / "metrics.jsonl").exists() else []
    command = [sys.executable, "-m", "quantatissu", "train", "tissu-faults", *data, "--out", str(out), *resumed]
    subprocess.run([*command, *mixture, *answers, *size, *shape], check=True)


def seconds_a_step(folder: Path) -> float:
    """The median of a run's steps, the first two left out."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [record for record in map(json.loads, lines) if record["kind"] == "step"]
    return statistics.median(record["seconds"] for record in steps[2:])


def last_checkpoint(folder: Path) -> Path:
    """The last step's weights."""
    return max((folder / "checkpoints").glob("step-*"))


def held_out(folder: Path, engine: LocalEngine) -> Iterator[tuple[list[int], list[int]]]:
    """(prompt, answer) of the records of faults that training left out; those of right functions are not among them."""
    span, end = engine.tokenizer.id(EDIT_SPAN), engine.tokenizer.id(EDIT_REPLACEMENT_END)
    for ids in open_shards(shard_folder(folder), split="validation"):
        record = ids.tolist()
        at = record.index(span) + 1
        answer = record[at : record.index(end, at) + 1]
        if len(answer) > 1 and len(record) <= _LENGTH:
            yield record[:at], answer


def measure(name: str, weights: Path, marked: Path, tokens: int) -> Row:
    """Ask the light engine about the held-out records."""
    from quantatissu.inference import open_engine
    from quantatissu.model.hf_config import load_config

    with open_engine(weights, engine="light", threads=1) as engine:
        records = list(itertools.islice(held_out(marked, engine), _RECORDS))
        ranks, nats, looks, edits = [], [], [], []
        for prompt, answer in records:
            began = time.perf_counter()
            (row,) = engine.following(prompt, [()])
            looks.append(time.perf_counter() - began)
            ranks.append(int((row[0] > row[0][answer[0]]).sum()))
            nats.append(-engine.score([*prompt, *answer[:2]], [answer[2:]])[0])
        for prompt, answer in records[:20]:
            others = [[*answer[:-1], token, answer[-1]] for token in range(300, 300 + _EDITS)]
            began = time.perf_counter()
            engine.score(prompt, others)
            edits.append((time.perf_counter() - began) / _EDITS)
    parameters = load_config(weights).parameters
    share = [sum(rank < most for rank in ranks) / len(ranks) for most in (1, 3)]
    middle = [1e3 * statistics.median(times) for times in (looks, edits)]
    return Row(name, parameters, tokens, share[0], share[1], statistics.fmean(nats), middle[0], middle[1])


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tissu.sizes", description=__doc__)
    parser.add_argument("code", type=Path)
    parser.add_argument("marked", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, each")
    parser.add_argument("--size", action="append", choices=list(SIZES), help="only this one (repeatable)")
    chosen = parser.parse_args(arguments)
    rows = []
    for name in chosen.size or SIZES:
        folder, corpora = chosen.out / name, (chosen.code, chosen.marked)
        train(name, folder / "trial", corpora, _TRIAL)
        steps = int(60 * chosen.minutes / seconds_a_step(folder / "trial"))
        train(name, folder / "run", corpora, steps)
        checkpoint = last_checkpoint(folder / "run")
        pack([str(checkpoint), str(folder / "weights")])
        rows.append(measure(name, folder / "weights", chosen.marked, steps * _SAMPLES * _LENGTH))
        print(rows[-1], flush=True)
    table = "\n".join([HEAD, *map(str, rows)])
    (chosen.out / "sizes.md").write_text(table + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
