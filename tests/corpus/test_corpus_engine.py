"""A whole build over a small corpus: what is in it, what is not and why, and that nothing but the inputs decides."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from corpus_samples import contents, write_recipe

from quantatissu.cli.corpus import run_show, run_why_dropped
from quantatissu.corpus.engine import Built, build, fates, find_document
from quantatissu.corpus.recipe import load
from quantatissu.corpus.shards import open_shards
from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import load_tokenizer

PROGRAM = Path(__file__).with_name("corpus_program.py")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def built(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(load(recipe, ["engine.workers=2"]), tmp_path_factory.mktemp("builds") / "reference")


def program(*words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_every_token_in_the_shards_is_traced_to_its_document(built: Built) -> None:
    corpus = open_shards(built.folder / "shards")
    tokenizer = load_tokenizer(built.folder / "tokenizer.json")
    kept = {
        row["id"]: row
        for path in sorted(built.folder.glob("groups/*/*.kept.parquet"))
        for row in pq.read_table(path).to_pylist()
    }
    provenance = pq.read_table(built.folder / "provenance.parquet").to_pylist()
    assert sum(row["tokens"] for row in provenance) == built.tokens
    assert sum(row["tokens"] for row in provenance if row["split"] == "train") == corpus.tokens
    assert len(provenance) == built.documents
    by_split: dict[str, set[str]] = {}
    for row in provenance:
        source = kept[row["id"]]
        assert (row["repository"], row["path"]) == (source["repository"], source["path"])
        raw = (built.folder / "shards" / f"{row['shard']}.bin").read_bytes()
        start = 16 + row["offset"] * 2
        ids = memoryview(raw[start : start + row["tokens"] * 2]).cast("H").tolist()
        assert tokenizer.decode(ids[:-1]) == source["text"]
        assert ids[-1] == tokenizer.end_of_text
        by_split.setdefault(row["split"], set()).add(row["repository"])
    assert by_split["train"] and by_split["validation"]
    assert by_split["train"].isdisjoint(by_split["validation"])


def test_copies_strays_and_secrets_stay_out(built: Built) -> None:
    said = {fate["path"]: fate["fate"] for fate in fates(built.folder, "pkg/", limit=100)[0]}
    assert "exact duplicate" in said["pkg/copy.py"] or "exact duplicate" in said["pkg/module_3.py"]
    assert "near duplicate" in said["pkg/almost.py"] or "near duplicate" in said["pkg/module_5.py"]
    assert said["pkg/secret_licence.py"].startswith("left out by the stage licence")
    assert said["pkg/broken.py"].startswith("left out by the stage parse")
    everything = b"".join(path.read_bytes() for path in built.folder.rglob("*") if path.is_file())
    assert b"ghp_" not in everything
    secret = next(fate for fate in fates(built.folder, "module_2.py", limit=1)[0])
    assert secret["redactions"][0].startswith("1 ")
    assert "ghp_" not in find_document(built.folder, secret["id"])["text"]


def test_questions_are_answered_for_people_and_programs(built: Built, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_why_dropped(built.folder, "broken", as_json=True) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["total"] == 1
    assert run_show(built.folder, answer["files"][0]["id"][:12]) == 0
    assert "left out by the stage parse" in capsys.readouterr().out
    with pytest.raises(QuantaError, match="no document"):
        run_show(built.folder, "not-an-id")
    with pytest.raises(QuantaError, match="no file"):
        run_why_dropped(built.folder, "nowhere")


def test_one_worker_in_little_memory_gives_the_same_bytes(recipe: Path, built: Built, tmp_path: Path) -> None:
    build(load(recipe, ["engine.workers=1", "engine.memory=700MB"]), tmp_path / "other")
    assert contents(tmp_path / "other") == contents(built.folder)


def test_a_killed_build_goes_on_and_ends_the_same(recipe: Path, built: Built, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    for pattern, count in (("groups/*/*.kept.parquet", 2), ("work/tokens/*/*.arrow", 1)):
        running = program("build", recipe, "--out", folder, "--resume")
        for _ in _until(lambda: len(list(folder.glob(pattern))) >= count):
            assert running.poll() is None, running.communicate()
        running.kill()
        running.communicate()
    finished = {path: path.stat().st_ino for path in folder.glob("groups/*/*.parquet")}
    build(load(recipe), folder)
    assert contents(folder) == contents(built.folder)
    assert {path: path.stat().st_ino for path in finished} == finished


def test_ctrl_c_says_how_to_go_on(recipe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "interrupted"
    running = program("build", recipe, "--out", folder)
    for _ in _until(lambda: any(folder.glob("groups/*/*.kept.parquet"))):
        assert running.poll() is None, running.communicate()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert f"quanta corpus build {recipe} --out {folder} --resume" in said
    assert not _workers_of(running.pid)


def test_a_second_build_in_the_folder_is_refused(recipe: Path, tmp_path: Path) -> None:
    from quantatissu.corpus.engine.layout import locked

    with locked(tmp_path), pytest.raises(QuantaError, match="another build"):
        build(load(recipe), tmp_path)


def test_other_shards_do_not_read_the_sources_again(recipe: Path, built: Built, tmp_path: Path) -> None:
    folder = tmp_path / "build"
    subprocess.run(["cp", "-a", str(built.folder), str(folder)], check=True)
    (folder / "groups" / "jsonl" / "gone.kept.parquet").write_bytes(b"of a group that the recipe does not have")
    before = {path: path.stat().st_ino for path in built_files(folder)}
    again = build(load(recipe, ["shards.tokens=3000", "engine.workers=1"]), folder)
    assert again.tokens == built.tokens
    assert {path: path.stat().st_ino for path in built_files(folder)} == before
    assert len(list(folder.glob("shards/*.bin"))) > len(list(built.folder.glob("shards/*.bin")))


def built_files(folder: Path) -> list[Path]:
    """What a change of ``[shards]`` must leave alone."""
    return [*sorted(folder.glob("groups/*/0*.parquet")), folder / "duplicates.parquet"]


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_a_ray_cluster_of_two_nodes_gives_the_same_bytes(recipe: Path, built: Built, tmp_path: Path) -> None:
    running = program("ray", "build", recipe, "--out", tmp_path / "ray", "--runner", "ray")
    _, said = running.communicate(timeout=300)
    assert running.returncode == 0, said
    assert contents(tmp_path / "ray") == contents(built.folder)


def _until(reached: object, seconds: float = 600) -> Iterator[None]:
    """Steps of a wait that ends when ``reached()``; fails the test after a while."""
    assert callable(reached)
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.005)
        yield


def _workers_of(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(folder.name))
        except OSError:
            continue
    return found
