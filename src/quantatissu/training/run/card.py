"""The model card: README.md in a checkpoint, from what the run stored about itself and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from quantatissu.foundation.amounts import short
from quantatissu.foundation.progress import clock_time
from quantatissu.training.checkpoints import Checkpoint
from quantatissu.training.metrics import read_records
from quantatissu.training.recipe import TrainRecipe

_FRONT = """---
library_name: transformers
pipeline_tag: text-generation
tags:
- code
- quantatissu
---
"""


_MEASURED = {
    "causal": "On held-out documents of the same corpora, cut by repository, or on the assistant's part of held-out"
    " conversations. `infill_exact_match` and `repair_top1` count greedy answers that are right to the letter.",
    "dpo": "On held-out pairs: `accuracy` counts those whose chosen answer gained on the rejected one, against the"
    " weights the run started from; `likelier` those whose chosen answer the model finds likelier.",
    "grpo": "On held-out prompts, answers drawn as in training: `success` is the share that was judged a success.",
}


def write_card(folder: Path, recipe: TrainRecipe, checkpoint: Checkpoint) -> Path:
    """Write the card of `checkpoint`, made by the run in `folder`; returns its path."""
    path = checkpoint.path / "README.md"
    path.write_text(_card(folder, recipe, checkpoint.training()), encoding="utf-8")
    return path


def _card(folder: Path, recipe: TrainRecipe, state: Mapping[str, Any]) -> str:
    position, environment = state["position"], state["environment"]
    passed = position["step"] * recipe.batch.samples * recipe.data.length
    steps = [record for record in read_records(folder / "metrics.jsonl") if record["kind"] == "step"]
    last = steps[-1] if steps else {}
    model, causal = state["model"], recipe.objective.kind == "causal"
    sections = [
        _FRONT,
        f"# {recipe.name}",
        f"A decoder of {model['parameters']:,} parameters ({model['architecture']}), trained on code"
        f"{'' if recipe.model.init is None else ' from an earlier checkpoint'}.",
        "## Use",
        "```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")\n'
        'model = AutoModelForCausalLM.from_pretrained("FOLDER")\n```',
        "## Training",
        _table(
            {
                "steps": f"{position['step']:,}" + (f", {position['skipped']} skipped" if position["skipped"] else ""),
                "objective": recipe.objective.kind,
                "tokens scored" if causal else "tokens gone through": short(position["tokens"]),
                "passes over the data": f"{state['epochs_per_sample'] * position['index']:.2f}",
                "sample length": f"{recipe.data.length:,}",
                "FLOPs": f"{model['flops_per_token'] * passed:.3g}",
                "time in steps": clock_time(position["seconds"]),
                "device": f"{environment['device']}, {state['world']} process{'es' if state['world'] > 1 else ''}",
                "MFU at the end": f"{100 * last['mfu']:.0f}%" if last else None,
                "optimizer": f"{recipe.optimizer.kind}, {recipe.schedule.kind}",
                "data fingerprint": state["data"],
                "recipe": state["recipe_hash"],
                "commit": environment["commit"],
                "versions": ", ".join(f"{name} {number}" for name, number in environment["packages"].items()),
            }.items()
        ),
    ]
    if position["scores"]:
        sections += [
            "## Scores",
            _MEASURED[recipe.objective.kind],
            _table((name, f"{value:.4g}") for name, value in position["scores"].items()),
        ]
    sections += [
        "## Limits",
        "It continues and edits code; it follows no instructions unless it was fine-tuned to. What it writes is a guess"
        " until it was run. Its data is described by the report of the corpus with the fingerprint above.",
    ]
    return "\n\n".join(sections) + "\n"


def _table(rows: Iterable[tuple[str, Any]]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows if value is not None]
    return "\n".join(["| | |", "|---|---|", *lines])
