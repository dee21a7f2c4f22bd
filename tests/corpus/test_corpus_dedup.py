"""Signatures, buckets, exact verification and clusters, on small texts and against naive versions of each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantatissu.corpus.dedup import DedupSettings, content_hash, find_duplicates, sign
from quantatissu.corpus.dedup.clusters import UnionFind
from quantatissu.corpus.dedup.lsh import Bands, band_keys, choose_bands
from quantatissu.corpus.dedup.normalise import content_hashes
from quantatissu.corpus.dedup.shingles import shingle_sets, shingles
from quantatissu.corpus.dedup.tokens import encode, scan, windows
from quantatissu.corpus.dedup.verify import jaccard, link

TOKEN = re.compile(rb"[A-Za-z0-9_\x80-\xff]+|[^\sA-Za-z0-9_\x80-\xff]")
code = st.text(st.characters(codec="utf-8", exclude_characters="\0\x1c\x1d\x1e\x1f"), max_size=200)


def program(seed: int, lines: int = 60) -> list[str]:
    draw = np.random.default_rng(seed)
    return [f"value_{draw.integers(1000)} = call_{draw.integers(1000)}({draw.integers(1000)})" for _ in range(lines)]


def group(folder: Path, name: str, texts: Mapping[str, str], rank: int = 0) -> Path:
    signed = sign(list(texts.values()))
    table = pyarrow.table(
        {
            "id": list(texts),
            "content_hash": pyarrow.array(signed.content_hash, pyarrow.binary(16)),
            "minhash": pyarrow.array(list(signed.minhash), pyarrow.list_(pyarrow.uint32())),
            "shingle_count": signed.shingle_count,
            "rank": [rank] * len(texts),
        }
    )
    pyarrow.parquet.write_table(table, folder / name)
    return folder / name


def rows(files: Sequence[Path], texts: Mapping[str, str], **changes: object) -> list[tuple[str, str, str, float]]:
    table = find_duplicates(files, lambda ids: {id_: texts[id_] for id_ in ids}, DedupSettings(**changes))
    return [tuple(row.values()) for row in table.to_pylist()]


@settings(deadline=None)
@given(code)
def test_tokens_are_those_of_the_regex(text: str) -> None:
    data = encode(text)
    tokens = scan(data)
    assert [data[start:end] for start, end in zip(tokens.starts, tokens.ends)] == TOKEN.findall(data)


@settings(deadline=None)
@given(code, code)
def test_equal_tokens_and_only_they_have_equal_hashes(one: str, other: str) -> None:
    first, second = TOKEN.findall(encode(one)), TOKEN.findall(encode(other))
    hashes = [*scan(encode(one)).hashes.tolist(), *scan(encode(other)).hashes.tolist()]
    assert len(set(hashes)) == len({*first, *second})


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 6))
def test_windows_are_equal_exactly_where_their_tokens_are(tokens: list[int], size: int) -> None:
    hashes = windows(np.array(tokens, np.uint64), size)
    runs = [tuple(tokens[at : at + size]) for at in range(len(tokens) - size + 1)]
    assert len(hashes) == len(runs)
    assert len(set(hashes.tolist())) == len(set(runs))


def test_shingles_ignore_layout_and_short_texts_are_one() -> None:
    assert np.array_equal(shingles("a = b + c * d"), shingles("a=b\n\t+c*d\n"))
    assert len(shingles("a b c")) == 1
    assert len(shingles("")) == len(shingles(" \n")) == 0
    assert len(shingles("a b c d e f")) == 2


def test_content_hash_ignores_white_space_and_a_byte_order_mark_only() -> None:
    assert content_hash("\ufeffa  =\t1\r\n") == content_hash("a = 1")
    assert content_hash("a = 1") != content_hash("a = 2")
    assert len(content_hash("")) == 16


anything = st.lists(
    st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(["", "\ufeffa\n", "a \x1c\0 b"])
)


@settings(deadline=None)
@given(anything)
def test_hashing_texts_together_is_hashing_each(texts: list[str]) -> None:
    assert content_hashes([encode(text) for text in texts]) == [content_hash(text) for text in texts]


@settings(deadline=None)
@given(anything)
def test_shingles_of_texts_scanned_together_are_those_of_each(texts: list[str]) -> None:
    sets = shingle_sets([encode(text) for text in texts])
    parts = np.split(sets.hashes, np.cumsum(sets.counts)[:-1])
    assert [part.tolist() for part in parts][: len(texts)] == [shingles(text).tolist() for text in texts]


def test_a_signature_does_not_depend_on_the_texts_beside_it() -> None:
    texts = [
        "",
        "x",
        "\n".join(program(1)),
        "é = 1",
        "\n".join(program(2, lines=9000)),
        "a b c d e f",
        "\n".join(program(3)),
    ]
    together = sign(texts)
    for row, text in enumerate(texts):
        alone = sign([text])
        assert alone.content_hash[0] == together.content_hash[row]
        assert alone.shingle_count[0] == together.shingle_count[row]
        assert np.array_equal(alone.minhash[0], together.minhash[row])


@pytest.mark.parametrize("length", [8, 9, 16, 17, 24, 25, 400])
def test_a_change_of_any_byte_changes_the_hash_of_a_token(length: int) -> None:
    token = b"a" * length
    others = [token[:at] + b"b" + token[at + 1 :] for at in range(length)]
    hashes = [int(scan(one).hashes[0]) for one in (token, *others, token + b"a", token[:-1])]
    assert len(set(hashes)) == len(hashes)


def test_signatures_are_the_same_in_another_process() -> None:
    text = "\n".join(program(1))
    show = "from quantatissu.corpus.dedup import sign; import sys; print(sign([sys.argv[1]]).minhash.tobytes().hex())"
    done = subprocess.run(
        [sys.executable, "-c", show, text],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert done.stdout.strip() == sign([text]).minhash.tobytes().hex()


@pytest.mark.parametrize("lines", [3, 30, 300])
def test_shared_entries_estimate_the_jaccard_index_whatever_the_length(lines: int) -> None:
    errors = []
    for seed in range(40):
        one = program(seed, lines)
        other = [*one[: -max(1, lines // 10)], *program(seed + 1000, max(1, lines // 10))]
        signed = sign(["\n".join(one), "\n".join(other)])
        shared = float((signed.minhash[0] == signed.minhash[1]).mean())
        errors.append(shared - jaccard(shingles("\n".join(one)), shingles("\n".join(other))))
    assert abs(float(np.mean(errors))) < 0.03
    assert float(np.std(errors)) < 0.06  # independent entries would have 0.04


def test_a_text_without_tokens_has_no_signature() -> None:
    signed = sign(["", "x"])
    assert signed.shingle_count.tolist() == [0, 1]
    assert not signed.minhash[0].any()
    assert signed.minhash[1].all()


def test_bands_follow_the_s_curve() -> None:
    assert Bands(20, 5).recall(0.8) == pytest.approx(1 - (1 - 0.8**5) ** 20)  # the book's own example: 0.9996
    bands = choose_bands(0.8, 0.99)
    assert bands.recall(0.8) >= 0.99
    assert Bands(128 // (bands.rows + 1), bands.rows + 1).recall(0.8) < 0.99
    with pytest.raises(ValueError, match="no bands"):
        choose_bands(0.001, 0.999)


def test_band_keys_differ_between_bands_and_agree_for_equal_bands() -> None:
    minhash = np.ones((2, 128), np.uint32)
    minhash[1, 0] = 2
    keys = band_keys(minhash, Bands(4, 32))
    assert len(set(keys[0].tolist())) == 4
    assert (keys[0] == keys[1]).tolist() == [False, True, True, True]


@settings(deadline=None)
@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_jaccard_is_that_of_the_sets(one: set[int], other: set[int]) -> None:
    arrays = [np.array(sorted(found), np.uint64) for found in (one, other)]
    naive = len(one & other) / len(one | other) if one and other else 0.0
    assert jaccard(*arrays) == pytest.approx(naive)


@settings(deadline=None)
@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    )
)
def test_union_find_is_reachability(case: tuple[int, list[tuple[int, int]]]) -> None:
    count, unions = case
    clusters = UnionFind(count)
    reach = {member: {member} for member in range(count)}
    for one, other in unions:
        clusters.union(one, other)
        merged = reach[one] | reach[other]
        reach.update(dict.fromkeys(merged, merged))
    assert [clusters.find(member) for member in range(count)] == [min(reach[member]) for member in range(count)]
    assert clusters.clusters() == sorted(
        map(list, {tuple(sorted(found)) for found in reach.values() if len(found) > 1})
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sets(st.integers(0, 25), min_size=8), min_size=2, max_size=24), st.sampled_from([0.5, 0.7, 0.8]))
def test_linking_a_bucket_loses_nothing_against_all_pairs(sets: list[set[int]], threshold: float) -> None:
    arrays = [np.array(sorted(found), np.uint64) for found in sets]
    quick, naive = UnionFind(len(sets)), UnionFind(len(sets))
    compared = link(range(len(sets)), arrays, threshold, quick)
    for one in range(len(sets)):
        for other in range(one):
            if jaccard(arrays[one], arrays[other]) >= threshold:
                naive.union(one, other)
    assert [quick.find(member) for member in range(len(sets))] == [naive.find(member) for member in range(len(sets))]
    assert compared <= len(sets) * (len(sets) - 1) // 2


def test_a_bucket_of_copies_costs_one_comparison_for_each() -> None:
    copies = [shingles("\n".join(program(1)))] * 200
    assert link(range(200), copies, 0.8, UnionFind(200)) == 199


def test_exact_and_near_copies_are_found_and_the_lowest_stays(tmp_path: Path) -> None:
    base = program(1)
    texts = {
        "d": "\n".join(base),
        "b": "\n".join([*base[:-2], *program(9, 2)]),
        "c": "  \n".join(base),
        "e": "\n".join(program(2)),
        "f": "",
        "g": "\n",
    }
    assert rows([group(tmp_path, "g.parquet", texts)], texts) == [
        ("c", "b", "near", pytest.approx(jaccard(shingles(texts["b"]), shingles(texts["d"])))),
        ("d", "b", "near", pytest.approx(jaccard(shingles(texts["b"]), shingles(texts["d"])))),
        ("g", "f", "exact", 1.0),
    ]


def test_rank_goes_before_id(tmp_path: Path) -> None:
    texts = {"a": "x = 1", "z": "x  =  1"}
    files = [group(tmp_path, "a.parquet", {"a": texts["a"]}, 5), group(tmp_path, "z.parquet", {"z": texts["z"]}, 1)]
    assert rows(files, texts) == [("a", "z", "exact", 1.0)]


def test_the_result_does_not_depend_on_files_order_or_passes(tmp_path: Path) -> None:
    texts = {}
    for seed in range(30):
        base = program(seed, 40)
        texts[f"{seed:02}a"] = "\n".join(base)
        texts[f"{seed:02}b"] = "\n".join([*base[:-1], "last = 1"])
    one = rows([group(tmp_path, "all.parquet", texts)], texts)
    backwards = list(texts)[::-1]
    files = [
        group(tmp_path, f"{at}.parquet", {id_: texts[id_] for id_ in backwards[at : at + 7]}) for at in range(0, 60, 7)
    ]
    assert rows(files, texts, rows_per_pass=1000, texts_megabytes=1) == one
    assert [row[:3] for row in one] == [(f"{seed:02}b", f"{seed:02}a", "near") for seed in range(30)]


def test_below_the_threshold_nothing_is_taken_out(tmp_path: Path) -> None:
    base = program(1)
    texts = {"a": "\n".join(base), "b": "\n".join([*base[:30], *program(5, 30)])}
    assert rows([group(tmp_path, "g.parquet", texts)], texts) == []


def test_near_and_exact_can_be_switched_off(tmp_path: Path) -> None:
    base = program(1)
    texts = {"a": "\n".join(base), "b": "\n".join([*base, "x = 1"]), "c": "\n\n".join(base)}
    files = [group(tmp_path, "g.parquet", texts)]
    assert [row[:3] for row in rows(files, texts, near=False)] == [("c", "a", "exact")]
    assert [row[0] for row in rows(files, texts, exact=False)] == ["b", "c"]


def test_no_documents_no_duplicates(tmp_path: Path) -> None:
    assert find_duplicates([], lambda ids: {}).num_rows == 0
    assert rows([group(tmp_path, "empty.parquet", {})], {}) == []


def test_settings_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="treshold"):
        DedupSettings(treshold=0.5)
