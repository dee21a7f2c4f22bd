"""Shards that are torn, truncated, altered or missing are noticed, with a message that says which and how."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shard_cases import documents, identity, tokenizer, write

from quantatissu.corpus.shards import ShardError, ShardWriter, open_shards

FILES = ("train-00001.bin", "train-00001.json", "manifest.json")
PROPERTY = settings(
    deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "shards", documents())
    return tmp_path / "shards"


def damaged(path: Path, damage: Callable[[bytes], bytes]) -> Path:
    path.write_bytes(damage(path.read_bytes()))
    return path.parent


class TestOnOpening:
    @pytest.mark.parametrize("name", FILES)
    def test_a_missing_file(self, folder: Path, name: str) -> None:
        (folder / name).unlink()
        with pytest.raises(ShardError, match=r"missing|no manifest\.json"):
            open_shards(folder)

    @pytest.mark.parametrize("name", FILES)
    @pytest.mark.parametrize("kept", [0, 100])
    def test_a_torn_file(self, folder: Path, name: str, kept: int) -> None:
        with pytest.raises(ShardError, match=r"torn|not the header"):
            open_shards(damaged(folder / name, lambda data: data[:kept]))

    def test_a_file_with_more_at_its_end(self, folder: Path) -> None:
        with pytest.raises(ShardError, match="torn"):
            open_shards(damaged(folder / FILES[0], lambda data: data + b"\0"))

    @PROPERTY
    @given(name=st.sampled_from(FILES), where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
    def test_any_bit_that_flipped(self, folder: Path, name: str, where: float, bit: int) -> None:
        whole = (folder / name).read_bytes()
        at = int(where * len(whole))
        changed = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
        (folder / name).write_bytes(changed)
        try:
            with pytest.raises(ShardError):
                open_shards(folder)
        finally:
            (folder / name).write_bytes(whole)

    def test_a_shard_in_the_place_of_another(self, folder: Path) -> None:
        for suffix in ("bin", "json"):
            (folder / f"train-00000.{suffix}").write_bytes((folder / f"train-00001.{suffix}").read_bytes())
        with pytest.raises(ShardError, match="not the header that the manifest lists"):
            open_shards(folder)

    def test_a_manifest_edited_by_hand(self, folder: Path) -> None:
        state = json.loads((folder / "manifest.json").read_text())
        del state["shards"][-1]
        (folder / "manifest.json").write_text(json.dumps(state))
        with pytest.raises(ShardError, match="altered"):
            open_shards(folder)

    def test_something_else(self, folder: Path) -> None:
        (folder / "manifest.json").write_text('{"name": "mine"}')
        with pytest.raises(ShardError, match="not part of a folder of shards"):
            open_shards(folder)
        with pytest.raises(ShardError, match="not a folder of shards"):
            open_shards(folder.parent / "nowhere")

    def test_a_split_that_is_not_there(self, folder: Path) -> None:
        with pytest.raises(ShardError, match="there are: train"):
            open_shards(folder, split="test")

    def test_the_message_says_where_and_what_to_do(self, folder: Path) -> None:
        with pytest.raises(ShardError, match=re.escape(str(folder / FILES[0])) + r".*\n.*again"):
            open_shards(damaged(folder / FILES[0], lambda data: data[:-1]))


class TestWhenRead:
    def test_an_altered_block_is_noticed_when_it_is_touched_and_others_can_be_read(self, tmp_path: Path) -> None:
        from quantatissu.corpus.shards import ShardSettings

        write(tmp_path, documents(60), ShardSettings(block=4096))
        middle = (tmp_path / "train-00000.bin").stat().st_size // 2
        damaged(tmp_path / "train-00000.bin", lambda data: data[:middle] + b"\xff\xff" + data[middle + 2 :])
        with pytest.raises(ShardError, match="altered"):
            open_shards(tmp_path)
        corpus = open_shards(tmp_path, full=False)
        assert tokenizer().decode(corpus[1][:-1]) == documents()[1]
        with pytest.raises(ShardError, match="altered"):
            for _ in corpus:
                pass


class TestUnfinished:
    def test_an_error_leaves_no_corpus_behind(self, tmp_path: Path) -> None:
        write(tmp_path, documents())
        with pytest.raises(RuntimeError), ShardWriter(tmp_path, tokenizer()) as writer:
            writer.add(identity(1), "x")
            raise RuntimeError
        assert list(tmp_path.iterdir()) == []

    def test_kill_leaves_no_corpus_behind_and_the_next_build_is_whole(self, tmp_path: Path) -> None:
        script = (
            "import sys, time; from pathlib import Path; from shard_cases import *\n"
            "with ShardWriter(Path(sys.argv[1]), tokenizer(), SMALL) as writer:\n"
            "    for number, text in enumerate(documents()):\n"
            "        writer.add(identity(number), text)\n"
            "    print('here', flush=True); time.sleep(600)\n"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "killed")], cwd=Path(__file__).parent, stdout=subprocess.PIPE
        )
        assert child.stdout is not None and child.stdout.readline() == b"here\n"
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        with pytest.raises(ShardError, match="did not finish"):
            open_shards(tmp_path / "killed")
        write(tmp_path / "killed", documents())
        write(tmp_path / "whole", documents())
        for path in (tmp_path / "whole").iterdir():
            assert (tmp_path / "killed" / path.name).read_bytes() == path.read_bytes()
        assert len(list((tmp_path / "killed").iterdir())) == len(list((tmp_path / "whole").iterdir()))
