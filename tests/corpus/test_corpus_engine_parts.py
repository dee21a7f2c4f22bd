"""Parts of the engine by themselves: order, sorting out of core, texts by id, atomic files, judging one file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantatissu.corpus.document import Document, Drop, Origin, RawFile
from quantatissu.corpus.engine.ids import IdSet
from quantatissu.corpus.engine.layout import Layout, sweep, writing
from quantatissu.corpus.engine.memory import allot
from quantatissu.corpus.engine.pipeline import Pipeline, run_group
from quantatissu.corpus.engine.schema import key_of
from quantatissu.corpus.engine.shuffle import ORDER, Shuffle, order_of
from quantatissu.corpus.engine.texts import Texts
from quantatissu.corpus.secrets import SecretSettings, secret_stage
from quantatissu.corpus.sources import Group, Skipped
from quantatissu.corpus.sources.base import ignore
from quantatissu.foundation import QuantaError

SECRET = "ghp_" + "4fK2mQ9xLr7TzWb8VnYc3HdJs6PgEa1UoRiX"
SCHEMA = pa.schema([(ORDER, pa.uint64()), ("id", pa.string())])


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(st.text("abcdef", max_size=4), max_size=30), max_size=8), st.integers(1, 4000))
def test_sorting_does_not_depend_on_memory(tmp_path_factory: pytest.TempPathFactory, lists: list, memory: int) -> None:
    shuffle = Shuffle(tmp_path_factory.mktemp("sort"), SCHEMA, total_bytes=4000, memory_bytes=memory)
    rows = [(order_of(name, 1), name) for names in lists for name in names]
    for names in lists:
        shuffle.add(pa.record_batch([pa.array([order_of(n, 1) for n in names], pa.uint64()), names], schema=SCHEMA))
    found = [(row[ORDER], row["id"]) for table in shuffle.sorted() for row in table.to_pylist()]
    assert found == sorted(rows)


def test_the_order_depends_on_the_seed() -> None:
    names = [f"{number:032x}" for number in range(50)]
    first, second = (sorted(names, key=lambda name: order_of(name, seed)) for seed in (1, 2))
    assert first != second != names


@settings(deadline=None)
@given(st.sets(st.integers(0, 2**128 - 1)), st.sets(st.integers(0, 2**128 - 1)))
def test_id_sets(inside: set[int], outside: set[int]) -> None:
    found = IdSet([f"{number:032x}" for number in sorted(inside)])
    wanted = sorted(inside | outside)
    assert found.contains([f"{number:032x}" for number in wanted]).tolist() == [number in inside for number in wanted]


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "groups" / "source" / "file.parquet"
    with pytest.raises(RuntimeError), writing(target) as path:
        path.write_text("half")
        raise RuntimeError
    assert list(target.parent.iterdir()) == []
    with writing(target) as path:
        path.write_text("whole")
        assert not target.exists()
        assert not list(target.parent.glob("*.parquet"))
    assert target.read_text() == "whole"
    (target.parent / ".other.parquet.1.tmp").write_text("left by a kill")
    sweep(Layout(tmp_path), {target})
    assert list(target.parent.iterdir()) == [target]


class _Source:
    """Two good files, one twice, one binary, one unreadable."""

    name = "memory"

    def groups(self) -> list[Group]:
        return [Group("memory", "000000", ("all",), "f")]

    def read(self, group: Group, report: object = ignore) -> object:
        yield _raw("a.py", b"import os\n" * 20)
        yield _raw("b.py", f"KEY = '{SECRET}'\nprint(KEY)\n".encode() * 3)
        yield _raw("a.py", b"import os\n" * 20)
        yield _raw("c.bin", b"\x00\x01\x02" * 50)
        report(Skipped(Origin("memory", "r", "1", "d.py"), "unreadable", "no permission"))  # type: ignore[operator]
        yield _raw("fail.py", b"print('a stage fails on this')\n")

    def describe(self) -> dict[str, str]:
        return {"kind": "memory"}


def _raw(path: str, data: bytes) -> RawFile:
    return RawFile(Origin("memory", "r", "1", path), data)


class _Fails:
    name = "fragile"

    def __call__(self, document: Document) -> Document | Drop:
        if document.origin.path == "fail.py":
            raise RecursionError(f"too deep: {SECRET}")
        return Drop("fragile", "unwanted", "b") if document.origin.path == "b.py" else document


def test_every_file_of_a_group_is_accounted_for(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    source, secrets = _Source(), secret_stage(SecretSettings())
    (group,) = source.groups()
    layout = Layout(tmp_path)
    pipeline = Pipeline((_Fails(), secrets), secrets)
    tally = run_group(source, group, pipeline, layout, key="k", rank=0)  # type: ignore[arg-type]
    assert (tally.read, tally.kept) == (6, 1)
    dropped = {row["path"]: row for row in pq.read_table(layout.dropped(group)).to_pylist()}
    assert {path: (row["stage"], row["reason"]) for path, row in dropped.items()} == {
        "a.py": ("read", "repeated"),
        "b.py": ("fragile", "unwanted"),
        "c.bin": ("decode", "binary"),
        "d.py": ("read", "unreadable"),
        "fail.py": ("fragile", "failed"),
    }
    assert dropped["fail.py"]["detail"] == "RecursionError"
    assert dropped["b.py"]["excerpt"].startswith("KEY = ")
    assert SECRET not in dropped["b.py"]["excerpt"]
    assert key_of(layout.kept(group)) == key_of(layout.dropped(group)) == "k"
    texts = Texts([layout.kept(group)])
    (identity,) = pq.read_table(layout.kept(group), columns=["id"]).column("id").to_pylist()
    assert texts([identity]) == {identity: "import os\n" * 20}
    with pytest.raises(KeyError):
        texts(["0" * 32])


def test_workers_follow_from_memory() -> None:
    assert allot("700MB", 8).workers == 1
    assert allot("2GB", 8).workers == 5
    assert allot("64GB", 8).workers == 8
    with pytest.raises(QuantaError, match="too little"):
        allot("100MB", 1)
