"""The row ``tissu-retrain``: the built-in model's data and training in small, against what another machine wrote down.

Nine pinned wheels become a corpus and a vocabulary, and the model's own recipe trains on it for 24 small steps. The
fingerprint of the data must be the same; the losses may differ by rounding, which is not the same on every processor.
``--record`` writes ``short.json`` anew.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, Skip, benchmark

RECORD = Path(__file__).with_name("short.json")
TOLERANCE = 0.005  # of each loss: rounding grows over the steps
_WHEELS = (
    *("attrs==25.3.0", "click==8.1.8", "flask==3.1.0", "jinja2==3.1.6", "pluggy==1.5.0"),
    *("requests==2.32.3", "rich==13.9.4", "werkzeug==3.1.3", "httpx==0.28.1"),
)
_RECIPE = """
name = "short"
seed = 0

[[source]]
kind = "archives"
paths = ["archives"]

[language]
keep = ["python"]

[tokenizer]
train = { kind = "bpe", vocabulary = 2048 }
sample_megabytes = 4

[shards]
validation = 0.02
"""
_SETTINGS = (
    *("steps=24", "batch.samples=8", "batch.micro=4", "batch.replicas=2", "data.length=256", "schedule.warmup=4"),
    *("evaluation.every=0", "checkpoint.every=0", "device=cpu"),
)


@benchmark(
    name="tissu-retrain",
    bar="same data, 0.5% a loss",
    describe="corpus and first steps of the built-in model again, against another machine's: fingerprint and losses",
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Fetch, build, train, compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks tissu-retrain", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write down what this machine finds")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="tissu-retrain-") as name:
        found = _train(Path(name))
    if chosen.record:
        RECORD.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    known = json.loads(RECORD.read_text(encoding="utf-8"))
    worst = max(abs(one / other - 1) for one, other in zip(found["losses"], known["losses"], strict=True))
    same = found["data"] == known["data"]
    print(f"losses {found['losses'][0]:.4f} to {found['losses'][-1]:.4f}, then {known['losses'][-1]:.4f}")
    return Outcome(f"{'same' if same else 'OTHER'} data, {worst:.2%}", same and worst <= TOLERANCE)


def _train(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder / "archives"), *_WHEELS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"pip could not fetch the packages: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}")
    (folder / "short.toml").write_text(_RECIPE, encoding="utf-8")
    quanta = [sys.executable, "-m", "quantatissu"]
    subprocess.run([*quanta, "corpus", "build", "short.toml", "--out", "code"], cwd=folder, check=True)
    settings = [*_SETTINGS]
    subprocess.run([*quanta, "train", "tissu", "--data", "code", "--out", "run", *settings], cwd=folder, check=True)
    records = [json.loads(line) for line in (folder / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    (state,) = (folder / "run/checkpoints").glob("step-*/training.json")
    return {
        "data": json.loads(state.read_text(encoding="utf-8"))["data"],
        "losses": [round(record["loss"], 6) for record in records if record["kind"] == "step"],
    }
