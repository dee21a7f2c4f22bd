"""What is written comes back, and the bytes depend on the documents alone."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shard_cases import SMALL, documents, identity, tokenizer, write

from quantatissu.corpus.shards import (
    Provenance,
    ShardSettings,
    ShardWriter,
    Splits,
    choose_splits,
    open_shards,
    write_provenance,
)
from quantatissu.tokenizer import parse_tokenizer

PROPERTY = settings(deadline=None, max_examples=20, derandomize=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class TestRoundTrip:
    @PROPERTY
    @given(
        texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), min_size=1, max_size=12),
        size=st.integers(1, 200),
        full=st.booleans(),
    )
    def test_every_document_comes_back(self, texts: list[str], size: int, full: bool) -> None:
        with tempfile.TemporaryDirectory() as name:
            write(Path(name), texts, ShardSettings(tokens=size, block=4096), languages=("python", "c++", ""))
            corpus = open_shards(Path(name), full=full)
            assert [tokenizer().decode(ids[:-1]) for ids in corpus] == texts
            assert all(int(ids[-1]) == tokenizer().end_of_text for ids in corpus)
            assert corpus.lengths.tolist() == [len(ids) for ids in corpus]
            assert [corpus.document_id(number) for number in range(len(corpus))] == list(
                map(identity, range(len(texts)))
            )
            found = [corpus.languages[number] for number in corpus.language_numbers]
            assert found == [("python", "c++", "")[number % 3] for number in range(len(texts))]

    def test_a_document_is_where_its_placement_says(self, tmp_path: Path) -> None:
        texts = documents()
        placements = write(tmp_path, texts)
        for text, placement in zip(texts, placements, strict=True):
            raw = np.fromfile(tmp_path / f"{placement.shard}.bin", dtype="<u2", offset=16)
            ids = raw[placement.offset : placement.offset + placement.tokens]
            assert tokenizer().decode(ids[:-1]) == text

    def test_part_of_a_document(self, tmp_path: Path) -> None:
        write(tmp_path, documents())
        corpus = open_shards(tmp_path)
        assert corpus.read(20, 5, 9).tolist() == corpus[20].tolist()[5:9]
        assert corpus.read(20, 5).tolist() == corpus[20].tolist()[5:]
        assert corpus.read(20, 5, 10**9).tolist() == corpus[20].tolist()[5:]
        assert corpus[-1].tolist() == corpus[len(corpus) - 1].tolist()
        with pytest.raises(IndexError):
            corpus[len(corpus)]
        with pytest.raises(ValueError):
            corpus[0][0] = 1  # what is mapped is read-only

    def test_wide_ids(self, tmp_path: Path) -> None:
        state = json.loads(tokenizer().source)
        state["model"]["vocab"]["zzz"] = 70_000
        wide = parse_tokenizer(json.dumps(state))
        assert wide.dtype == np.uint32
        far = np.array([70_000, 5], np.uint32)
        with ShardWriter(tmp_path, wide) as writer:
            writer.add_tokens(identity(1), far)
        corpus = open_shards(tmp_path)
        assert corpus[0].tolist() == [*far.tolist(), wide.end_of_text]
        assert corpus[0].dtype == np.uint32

    def test_no_documents_at_all(self, tmp_path: Path) -> None:
        write(tmp_path, [])
        corpus = open_shards(tmp_path)
        assert len(corpus) == corpus.tokens == 0


class TestLayout:
    def test_shards_hold_what_the_settings_say_at_most(self, tmp_path: Path) -> None:
        write(tmp_path, documents())
        manifest = open_shards(tmp_path).manifest
        assert len(manifest.shards) > 3
        assert all(shard.tokens <= SMALL.tokens or shard.documents == 1 for shard in manifest.shards)
        assert manifest.documents == 40 and manifest.tokens == sum(open_shards(tmp_path).lengths)

    def test_a_document_longer_than_a_shard_has_its_own(self, tmp_path: Path) -> None:
        placements = write(tmp_path, ["a", "b " * 3000, "c"])
        assert [placement.shard for placement in placements] == ["train-00000", "train-00001", "train-00002"]

    def test_splits_have_shards_of_their_own(self, tmp_path: Path) -> None:
        with ShardWriter(tmp_path, tokenizer()) as writer:
            writer.add(identity(1), "x = 1", split="train")
            writer.add(identity(2), "y = 2", split="validation")
        assert open_shards(tmp_path, split="validation").document_id(0) == identity(2)
        assert len(open_shards(tmp_path)) == 1

    def test_the_bytes_are_the_same_every_time(self, tmp_path: Path) -> None:
        write(tmp_path / "one", documents())
        write(tmp_path / "two", documents())
        assert contents(tmp_path / "one") == contents(tmp_path / "two")

    def test_tokens_made_elsewhere_give_the_same_bytes(self, tmp_path: Path) -> None:
        write(tmp_path / "one", documents())
        with ShardWriter(tmp_path / "two", tokenizer(), SMALL) as writer:
            for number, text in enumerate(documents()):
                writer.add_tokens(identity(number), tokenizer().encode(text), language="python")
        assert contents(tmp_path / "one") == contents(tmp_path / "two")

    def test_shards_of_an_earlier_build_are_gone_and_other_files_are_kept(self, tmp_path: Path) -> None:
        write(tmp_path, documents())
        (tmp_path / "notes.txt").write_text("mine")
        write(tmp_path, ["x"])
        assert sorted(contents(tmp_path)) == ["manifest.json", "notes.txt", "train-00000.bin", "train-00000.json"]

    def test_the_split_of_a_repository_is_its_own_and_has_its_share(self) -> None:
        splits = [Splits(0.1).of(f"repository-{number}") for number in range(2000)]
        assert splits == [Splits(0.1).of(f"repository-{number}") for number in range(2000)]
        assert 140 < splits.count("validation") < 260
        assert Splits(0).of("x") == "train"

    @pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
    def test_of_a_few_repositories_no_more_than_the_share_is_held_out(self, share: float) -> None:
        sizes = {"huge": 900_000} | {f"package-{number}": 100 * number for number in range(1, 60)}
        chosen = choose_splits(sizes, share)
        held_out = {name for name in sizes if chosen.of(name) == "validation"}
        assert held_out
        assert "huge" not in held_out
        assert sum(map(sizes.get, held_out)) <= share * sum(sizes.values())
        assert choose_splits(dict(reversed(sizes.items())), share) == chosen

    def test_where_none_fits_the_smallest_of_five_is_held_out_and_of_four_none(self) -> None:
        sizes = {"a": 300, "b": 200, "c": 250, "d": 900, "e": 500}
        assert [name for name in sizes if choose_splits(sizes, 0.02).of(name) == "validation"] == ["b"]
        assert choose_splits(sizes, 0).held_out == frozenset()
        del sizes["a"]
        assert choose_splits(sizes, 0.02).held_out == frozenset()


class TestRefused:
    def test_ids_outside_the_vocabulary(self, tmp_path: Path) -> None:
        with ShardWriter(tmp_path, tokenizer()) as writer, pytest.raises(ValueError, match="outside the vocabulary"):
            writer.add_tokens(identity(1), np.array([60_000], np.uint16))

    @pytest.mark.parametrize("bad", ["12", "", identity(1) + "00"])
    def test_other_document_ids(self, tmp_path: Path, bad: str) -> None:
        with ShardWriter(tmp_path, tokenizer()) as writer, pytest.raises(ValueError, match="32 hexadecimal"):
            writer.add(bad, "x")

    @pytest.mark.parametrize("bad", ["", "Train", "a/b", "..", "a-1"])
    def test_splits_that_are_not_names(self, tmp_path: Path, bad: str) -> None:
        with ShardWriter(tmp_path, tokenizer()) as writer, pytest.raises(ValueError, match="split"):
            writer.add(identity(1), "x", split=bad)

    def test_a_vocabulary_without_an_end_of_text(self, tmp_path: Path) -> None:
        source = tokenizer().source.replace("<|endoftext|>", "<|nothing|>")
        with pytest.raises(ValueError, match="end-of-text"):
            ShardWriter(tmp_path, parse_tokenizer(source))


class TestProvenance:
    def rows(self, folder: Path) -> list[Provenance]:
        return [
            Provenance(identity(number), "stdlib", "cpython", "3.11", f"m{number}.py", ("PSF-2.0",), "00ff", placement)
            for number, placement in enumerate(write(folder, documents()))
        ]

    def test_the_table_says_where_a_document_is(self, tmp_path: Path) -> None:
        assert write_provenance(tmp_path / "provenance.parquet", self.rows(tmp_path / "shards")) == 40
        table = pq.read_table(tmp_path / "provenance.parquet")
        row = table.slice(30, 1).to_pylist()[0]
        assert (row["id"], row["path"], row["licences"]) == (identity(30), "m30.py", ["PSF-2.0"])
        raw = np.fromfile(tmp_path / "shards" / f"{row['shard']}.bin", dtype="<u2", offset=16)
        assert tokenizer().decode(raw[row["offset"] :][: row["tokens"] - 1]) == documents()[30]

    def test_the_bytes_are_the_same_every_time_and_no_rows_are_fine(self, tmp_path: Path) -> None:
        rows = self.rows(tmp_path / "shards")
        for name in ("one", "two"):
            write_provenance(tmp_path / name, iter(rows))
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
        assert write_provenance(tmp_path / "none", []) == 0
        assert pq.read_table(tmp_path / "none").num_rows == 0
        assert not list(tmp_path.glob("*.tmp"))
