"""A small corpus of real functions, with repeats, strays and a secret among them, and recipes over it."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

_WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "count",
    "total",
    "value",
    "item",
    "result",
    "index",
    "length",
    "width",
    "height",
    "offset",
    "limit",
    "buffer",
]


def module(seed: int) -> str:
    """A Python module that no other seed gives: functions with names, constants and comments of their own."""
    draw = random.Random(seed)
    lines = [f'"""Helpers number {seed} for {draw.choice(_WORDS)} and {draw.choice(_WORDS)}."""', "", "import math", ""]
    for number in range(draw.randrange(3, 7)):
        first, second, third = draw.sample(_WORDS, 3)
        lines += [
            f"def {first}_of_{second}_{number}({second}, {third}={draw.randrange(1000)}):",
            f'    """The {first} of a {second}, at least {draw.randrange(100)}."""',
            f"    {first} = math.floor({second} * {draw.randrange(2, 90)}) + {third}",
            f"    if {first} > {draw.randrange(500)}:",
            f"        return {first} - {draw.randrange(50)}  # {draw.choice(_WORDS)} before {draw.choice(_WORDS)}",
            f"    return [{third} + step for step in range({draw.randrange(3, 30)})]",
            "",
        ]
    return "\n".join(lines)


def rows() -> list[dict[str, str]]:
    """Rows of a JSONL source: modules of ten repositories, then two copies and files that stages must drop."""
    found = [
        {
            "content": module(number),
            "path": f"pkg/module_{number}.py",
            "repository": f"repo{number % 10}",
            "revision": "1.0",
            "licences": "MIT",
        }
        for number in range(40)
    ]
    found[2]["content"] += f'\nTOKEN = "ghp_{hashlib.sha256(b"sample").hexdigest()[:36]}"\n'
    found.append({**found[3], "path": "pkg/copy.py", "repository": "repo4"})
    almost = found[5]["content"].replace("Helpers number", "Helper number")
    found.append({**found[5], "content": almost, "path": "pkg/almost.py", "repository": "repo6"})
    found.append({**found[7], "path": "pkg/secret_licence.py", "licences": "Proprietary", "content": module(1001)})
    found.append({**found[8], "path": "pkg/broken.py", "content": module(1002) + "\ndef (:\n"})
    return found


def write_sources(folder: Path) -> None:
    """``code.jsonl`` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows())
    (folder / "code.jsonl").write_text(text, encoding="utf-8")


RECIPE = """\
name = "sample"
seed = 3

[[source]]
kind = "jsonl"
paths = ["code.jsonl"]
group_bytes = 12000

[tokenizer]
train = { vocabulary = 512 }
sample_megabytes = 1

[shards]
tokens = 6000
validation = 0.2
"""


def write_recipe(folder: Path) -> Path:
    """Sources and recipe in a folder; returns the recipe's path."""
    write_sources(folder)
    path = folder / "recipe.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def contents(folder: Path) -> dict[str, str]:
    """The digest of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
