"""The row ``inference-constrained``: JSON for a thousand schemas from a model that knows nothing."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from typing import Any

from benchmarks.registry import Outcome, Skip, benchmark

_SCHEMAS = 1000
_AT_ONCE = 50


@benchmark(
    name="inference-constrained", bar="100%", describe="answers of an untrained model that validate, 1,000 schemas"
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Random schemas, a third of them with few tokens. An answer that is reported as cut short is asked for again with
    twice the tokens; one that is reported complete and does not validate is a failure.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks inference-constrained", description=__doc__)
    parser.add_argument("--schemas", type=int, default=_SCHEMAS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    try:
        import jsonschema
    except ImportError as error:
        raise Skip("jsonschema is not installed") from error
    from quantatissu.inference import JsonSchema, Request, Sampling

    chance = random.Random(given.seed)
    todo = [(schema_of(chance, 3), chance.choice((48, 96, 400))) for _ in range(given.schemas)]
    valid = again = 0
    wrong: list[str] = []
    with _untrained() as engine:
        prompt = tuple(engine.tokenizer.encode("{").tolist())
        while todo:
            part, todo = todo[:_AT_ONCE], todo[_AT_ONCE:]
            works = [
                engine.submit(
                    Request(prompt, Sampling(temperature=1.0, max_tokens=tokens), constraint=JsonSchema(schema))
                )
                for schema, tokens in part
            ]
            for (schema, tokens), work in zip(part, works, strict=True):
                answer = work.answers()[0]
                if not answer.complete and tokens < 4000:
                    again += 1
                    todo.append((schema, 2 * tokens))
                    continue
                try:
                    jsonschema.validate(json.loads(answer.text), schema)
                    valid += 1
                except ValueError as error:
                    wrong.append(f"{error}: {answer.text[:80]!r}")
                except jsonschema.ValidationError as error:
                    wrong.append(f"{error.message[:80]}: {answer.text[:80]!r} {json.dumps(schema)[:200]}")
    print(f"{again} were reported as cut short and asked for again")
    for one in wrong[:5]:
        print(one)
    return Outcome(f"{100 * valid / given.schemas:.1f}%", valid == given.schemas)


def schema_of(chance: random.Random, depth: int) -> dict[str, Any]:
    """A random schema, nested up to ``depth`` deep."""
    kinds = ["string", "integer", "number", "boolean", "enum", "pattern", "date"]
    kind = chance.choice(kinds + ["object", "object", "array", "any"] * bool(depth))
    if kind == "object":
        names = chance.sample(["name", "path", "line", "a b", "text", "n", "ok", "items"], chance.randint(0, 5))
        needed = [name for name in names if chance.random() < 0.6]
        made = {name: schema_of(chance, depth - 1) for name in names}
        return {"type": "object", "properties": made, "required": needed, "additionalProperties": False}
    if kind == "array":
        least = chance.randint(0, 2)
        most = least + chance.randint(1, 3)
        return {"type": "array", "items": schema_of(chance, depth - 1), "minItems": least, "maxItems": most}
    if kind == "any":
        return {"anyOf": [schema_of(chance, depth - 1), {"type": "null"}]}
    if kind == "string":
        least = chance.choice((0, 0, 3, 10))
        return {"type": "string", "minLength": least, "maxLength": least + chance.choice((0, 5, 40))}
    if kind == "integer":
        least = chance.randint(-50, 50)
        return {"type": "integer", "minimum": least, "maximum": least + chance.choice((0, 9, 1000))}
    if kind == "enum":
        return {"enum": chance.sample(["red", "green", "blue, dark", 'a "b"', 7, None, True], chance.randint(1, 4))}
    if kind == "pattern":
        return {"type": "string", "pattern": chance.choice((r"^[a-z]{3}-[0-9]{2,4}$", r"^(ab)+c$", r"^v\d+\.\d+$"))}
    if kind == "date":
        return {"type": "string", "format": chance.choice(("date", "time", "uuid", "ipv4"))}
    return {"type": kind}


def _untrained() -> Any:
    import torch

    from benchmarks.inference.common import model_folder
    from quantatissu.inference.local import LocalEngine
    from quantatissu.inference.torch_runner import TorchRunner
    from quantatissu.model import ModelConfig
    from quantatissu.model.decoder import Decoder
    from quantatissu.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(model_folder())
    torch.manual_seed(0)
    config = ModelConfig(
        vocab_size=tokenizer.vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        eos_token_id=tokenizer.end_of_text,
    )
    return LocalEngine(TorchRunner(Decoder(config)), tokenizer, pages=8000)
