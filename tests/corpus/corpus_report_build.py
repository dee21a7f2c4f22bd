"""A build folder with everything in it that a report shows, made without the engine: the Parquet files of its layout."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_TEXT = pa.string()
_ORIGIN = [("source", _TEXT), ("repository", _TEXT), ("revision", _TEXT), ("path", _TEXT), ("date", _TEXT)]
KEPT = pa.schema(
    [
        ("id", _TEXT),
        ("text", _TEXT),
        ("language", _TEXT),
        ("licences", pa.list_(_TEXT)),
        *_ORIGIN,
        ("size", pa.int64()),
        ("redactions", _TEXT),
    ]
)
DROPPED = pa.schema(
    [
        ("id", _TEXT),
        ("language", _TEXT),
        *_ORIGIN,
        ("size", pa.int64()),
        ("stage", _TEXT),
        ("reason", _TEXT),
        ("detail", _TEXT),
        ("excerpt", _TEXT),
    ]
)
_EVIDENCE = pa.struct([("method", _TEXT), ("tool", _TEXT), ("code", _TEXT), ("message", _TEXT)])
SYNTHETIC = pa.schema(
    [(name, _TEXT) for name in ("id", "kind", "repository", "revision", "path", "before", "after", "operator")]
    + [("evidence", _EVIDENCE)]
)
DUPLICATES = pa.schema([("id", _TEXT), ("kept", _TEXT), ("kind", _TEXT), ("jaccard", pa.float64())])
PROVENANCE = pa.schema(
    [("id", _TEXT), ("split", _TEXT), ("shard", _TEXT), ("offset", pa.int64()), ("tokens", pa.int64())]
)


def identity(name: str) -> str:
    return hashlib.blake2b(name.encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


@dataclass
class BuildSample:
    """Rows on their way into a build folder. Ids are made of paths."""

    name: str = "sample"
    kept: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    provenance: list[dict[str, Any]] = field(default_factory=list)
    synthetic: list[dict[str, Any]] = field(default_factory=list)
    manifest: dict[str, Any] = field(default_factory=dict)

    def keep(self, path: str, *, tokens: int | None = None, split: str = "train", **columns: Any) -> str:
        row = _row(path, columns, licences=["MIT"], redactions="{}", text="x = 1\n")
        self.kept.append(row)
        if tokens is not None:
            shard = {"id": row["id"], "split": split, "shard": f"{split}-00000", "offset": 0, "tokens": tokens}
            self.provenance.append(shard)
        return str(row["id"])

    def drop(self, path: str, stage: str, reason: str, detail: str = "", excerpt: str = "", **columns: Any) -> str:
        row = _row(path, columns, stage=stage, reason=reason, detail=detail, excerpt=excerpt)
        self.dropped.append(row)
        return row["id"]

    def repeat(self, path: str, kept: str, kind: str = "exact", jaccard: float = 1.0, **columns: Any) -> str:
        name = self.keep(path, **columns)
        self.duplicates.append({"id": name, "kept": kept, "kind": kind, "jaccard": jaccard})
        return name

    def spoil(self, path: str, kind: str, method: str, operator: str, message: str, *, before: str, after: str) -> None:
        """A synthetic record."""
        row = {"id": identity(path + operator), "repository": "left-pad", "revision": "1.0", "path": path}
        evidence = {"method": method, "code": "AssertionError", "message": message}
        self.synthetic.append(
            {**row, "kind": kind, "operator": operator, "before": before, "after": after, "evidence": evidence}
        )

    def write(self, folder: Path, *, group_rows: int = 1000) -> Path:
        for what, schema, rows in (("kept", KEPT, self.kept), ("dropped", DROPPED, self.dropped)):
            for source in sorted({row["source"] for row in [*self.kept, *self.dropped]}):
                own = [row for row in rows if row["source"] == source]
                for number, start in enumerate(range(0, max(len(own), 1), group_rows)):
                    path = folder / "groups" / source / f"{number:06d}.{what}.parquet"
                    _write(path, own[start : start + group_rows], schema)
        if self.synthetic:
            _write(folder / "synthetic" / "packages" / "000000.parquet", self.synthetic, SYNTHETIC)
        _write(folder / "duplicates.parquet", self.duplicates, DUPLICATES)
        _write(folder / "provenance.parquet", self.provenance, PROVENANCE)
        for split in {row["split"] for row in self.provenance}:
            (folder / "shards").mkdir(exist_ok=True)
            (folder / "shards" / f"{split}-00000.bin").write_bytes(b"")
        manifest = {"recipe": {"name": self.name}, **self.manifest}
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        return folder


def _row(path: str, columns: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    origin = {"source": "packages", "repository": "left-pad", "revision": "1.0", "path": path, "date": "2026-01-02"}
    row = {"language": "python", "size": 1000, **origin, **defaults, **columns}
    return {"id": identity(path + row["repository"] + row["revision"]), **row}


def _write(path: Path, rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)


_LANGUAGES = {"python": (0.62, ".py"), "javascript": (0.1, ".js"), "c": (0.08, ".h"), "markdown": (0.07, ".md")} | {
    "c++": (0.05, ".hpp"),
    "shell": (0.03, ".sh"),
    "sql": (0.02, ".sql"),
    "rust": (0.03, ".rs"),
}
_DROPS = [
    ("decode", "binary", 3.0, "4,182 control characters in 9,120 bytes", ""),
    ("language", "unknown_language", 9.0, ".json", '{\n "cells": [\n  {\n   "cell_type": "markdown"'),
    ("licence", "unknown_licence", 6.0, "no licence file covers it", "import os\n\n\ndef main():\n    pass\n"),
    ("licence", "not_allowed", 4.0, "GPL-3.0-only", "# This program is free software: you can redistribute it"),
    ("generated", "generated_header", 2.0, "line 1", "# Generated by the protocol buffer compiler.  DO NOT EDIT!\n"),
    ("generated", "minified", 1.4, "mean line of 4,812 characters", "!function(t,e){"),
    ("generated", "test_fixture", 1.0, "tests/data", "%PDF-like\n1 0 obj\n"),
    ("quality", "long_lines", 1.8, "a line of 2,310 characters (at most 1,000)", "TABLE = '"),
    ("quality", "few_letters", 1.1, "0.19 (at least 0.25)", "0x00, 0x01, 0x02, 0x03,\n0x04, 0x05,"),
    ("parse", "syntax_error", 0.7, "line 12", "print 'hello'\n\nexec code in ns\n"),
    ("secrets", "too_many", 0.1, "41 redactions", ""),
]


def realistic(documents: int = 6000, seed: int = 5) -> BuildSample:
    """About what a build over a machine's own packages leaves, in the proportions of one."""
    draw = random.Random(seed)
    sample = BuildSample("default")
    packages = [
        (name, f"{draw.randrange(9)}.{draw.randrange(20)}.{draw.randrange(9)}", 1 / (rank + 1))
        for rank, name in enumerate(_PACKAGES)
    ]
    licences = [
        (["MIT"], 40),
        (["BSD-3-Clause"], 25),
        (["Apache-2.0"], 20),
        (["PSF-2.0"], 12),
        (["Apache-2.0", "BSD-2-Clause"], 3),
    ]
    kept_ids: list[str] = []
    languages = list(_LANGUAGES)
    for number in range(documents):
        package, version, _ = draw.choices(packages, [weight for *_, weight in packages])[0]
        language = draw.choices(languages, [_LANGUAGES[name][0] for name in languages])[0]
        size = max(0, int(draw.lognormvariate(8.2, 1.5)))
        source = "stdlib" if package == "cpython" else "installed"
        path = f"{package}/{draw.choice(_WORDS)}/{draw.choice(_WORDS)}_{number}{_LANGUAGES[language][1]}"
        common = {"source": source, "repository": package, "revision": version, "language": language, "size": size}
        common["date"] = f"20{draw.randrange(19, 27)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}"
        if draw.random() < 0.34:
            stage, reason, _, detail, excerpt = draw.choices(_DROPS, [weight for _, _, weight, _, _ in _DROPS])[0]
            if stage in {"decode", "language"}:
                common["language"] = ""
            sample.drop(path, stage, reason, detail, excerpt, **common)
            continue
        common["licences"] = draw.choices([names for names, _ in licences], [weight for _, weight in licences])[0]
        if kept_ids and draw.random() < 0.14:
            chosen = kept_ids[min(int(draw.expovariate(0.02)), len(kept_ids) - 1)]
            near = draw.random() < 0.4
            sample.repeat(path, chosen, "near" if near else "exact", draw.uniform(0.8, 0.99) if near else 1.0, **common)
            continue
        if draw.random() < 0.02:
            common["redactions"] = json.dumps(
                {draw.choice(["email", "ip_address", "private_key", "aws_access_key"]): draw.randrange(1, 5)}
            )
        tokens = max(1, int(size / draw.gauss(3.6 if language == "python" else 3.1, 0.2)))
        split = "validation" if draw.random() < 0.01 else "train"
        kept_ids.append(sample.keep(path, tokens=tokens, split=split, **common))
    for task in (12, 31, 55, 104):
        for copy in range(draw.randrange(1, 5)):
            sample.drop(
                f"human_eval/solutions_{copy}/task_{task}.py", "decontaminate", draw.choice(["ngram_overlap", "same_function"]),
                f"HumanEval/{task}", "def solve():\n", source="installed", repository="evals", size=900,
            )  # fmt: skip
    sample.drop("mbpp/sol.py", "decontaminate", "same_function", "MBPP/601", source="installed", repository="evals")
    sample.manifest = {
        "recipe": {
            "name": "default",
            "source": [{"kind": "stdlib"}, {"kind": "installed"}],
            "dedup": {"threshold": 0.8},
        },
        "recipe_hash": identity("recipe"),
        "versions": {"quantatissu": "0.1.0", "python": "3.11.7", "pyarrow": "25.0.1", "daft": "0.7.26"},
        "sources": {
            "stdlib": {"kind": "stdlib", "location": "/usr/lib/python3.11", "version": "3.11.7"},
            "installed": {"kind": "installed", "location": "/srv/project/.venv/lib/python3.11/site-packages"},
        },
    }
    return sample


_PACKAGES = [
    "cpython",
    "numpy",
    "sympy",
    "pandas",
    "scipy",
    "django",
    "networkx",
    "pygments",
    "docutils",
    "babel",
    "jinja2",
    "requests",
    "httpx",
    "rich",
    "attrs",
    "pydantic",
    "evals",
]
_WORDS = [
    "core",
    "utils",
    "models",
    "parser",
    "io",
    "tests",
    "backend",
    "handlers",
    "schema",
    "compat",
    "layout",
    "tokens",
    "printing",
    "series",
    "algebra",
    "views",
]
