"""The standard library and installed packages as sources, and what package metadata says of licences."""

from __future__ import annotations

import json
import os
import platform
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from source_support import APACHE, MIT, TABLE, paths, read, reasons, source

from quantatissu.corpus.sources import StdlibSettings, open_source, open_sources
from quantatissu.corpus.sources.metadata import metadata_licences, parse_metadata
from quantatissu.corpus.sources.names import inside, is_licence_file, may_be_code, path_text
from quantatissu.foundation import QuantaError


def install(
    folder: Path, name: str, version: str, files: dict[str, str], metadata: str = "", record: bool = True
) -> None:
    """A package as pip leaves it."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    files = {**files, f"{info}/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}\n"}
    if record:
        files[f"{info}/RECORD"] = "".join(f'"{path}",,\n' for path in [*files, "../../outside.py"])
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def test_the_standard_library_is_there_offline(tmp_path: Path) -> None:
    stdlib = source(tmp_path, kind="stdlib")
    groups = stdlib.groups()
    assert len(groups) > 1
    assert len({group.key for group in groups}) == len(groups)
    first = list(stdlib.read(groups[0]))
    assert sum(len(file.data) for file in first) <= 16 << 20
    found = {file.origin.path: file for group in groups for file in stdlib.read(group)}
    root = Path(sysconfig.get_path("stdlib"))
    decoder = found["Lib/json/decoder.py"]
    assert decoder.data == (root / "json/decoder.py").read_bytes()
    assert decoder.licences == ("PSF-2.0",)
    assert (decoder.origin.source, decoder.origin.revision) == ("stdlib", platform.python_version())
    assert not [path for path in found if "site-packages" in path or path.endswith((".pyc", ".so"))]
    assert not [path for path in found if "_sysconfigdata" in path]
    assert stdlib.describe()["version"].endswith(platform.python_version())


def test_the_same_library_gives_the_same_groups(tmp_path: Path) -> None:
    assert source(tmp_path, kind="stdlib").groups() == source(tmp_path / "elsewhere", kind="stdlib").groups()


def test_installed_packages_with_versions_and_licences(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(
        site,
        "Nice-Package",
        "2.1",
        {
            "nice/__init__.py": "x = 1\n",
            "nice/_vendor/other.py": "y = 1\n",
            "nice/native.cpython-311.so": "binary",
            "nice/__pycache__/old.py": "",
            "Nice_Package-2.1.dist-info/licenses/LICENSE": MIT,
            "Nice_Package-2.1.dist-info/licenses/src/nice/_vendor/LICENSE": APACHE,
        },
        "License-Expression: MIT AND (Apache-2.0 OR GPL-2.0-only WITH Classpath-exception-2.0)",
    )
    install(
        site, "another", "1", {"another.py": "z = 1\n"}, "Classifier: License :: OSI Approved :: ISC License (ISCL)"
    )
    files, skipped = read(source(tmp_path, kind="installed", folders=["site"]))
    assert skipped == []
    assert paths(files) == ["another.py", "nice/__init__.py", "nice/_vendor/other.py"]
    another, nice, vendored = files
    assert (another.origin.repository, another.licences) == ("another", ("ISC",))
    assert (nice.origin.repository, nice.origin.revision) == ("nice-package", "2.1")
    assert nice.licences == ("MIT AND (Apache-2.0 OR GPL-2.0-only WITH Classpath-exception-2.0)",)
    assert nice.licence_texts == (MIT,)
    assert (vendored.licences, vendored.licence_texts) == ((), (APACHE,))


def test_a_package_without_a_list_of_files_is_found_by_its_top_names(tmp_path: Path) -> None:
    install(
        tmp_path,
        "bare",
        "1",
        {"bare/a.py": "", "bare/in/b.py": "", "single.py": "", "bare-1.dist-info/top_level.txt": "bare\nsingle\n"},
        record=False,
    )
    files, _ = read(source(tmp_path, kind="installed", folders=["."]))
    assert paths(files) == ["bare/a.py", "bare/in/b.py", "single.py"]


def test_choice_of_packages(tmp_path: Path) -> None:
    for name in ("alpha", "beta", "gamma"):
        install(tmp_path, name, "1", {f"{name}.py": ""})
    install(
        tmp_path,
        "delta",
        "1",
        {"delta.py": "", "delta-1.dist-info/direct_url.json": json.dumps({"dir_info": {"editable": True}})},
    )
    assert paths(read(source(tmp_path, kind="installed", folders=["."]))[0]) == ["alpha.py", "beta.py", "gamma.py"]
    chosen = source(tmp_path, kind="installed", folders=["."], packages=["Alpha", "gamma"], exclude=["gamma_"])
    with pytest.raises(QuantaError, match="not installed: gamma"):
        source(tmp_path, kind="installed", folders=["."], packages=["gamma"], exclude=["gamma"]).groups()
    with pytest.raises(QuantaError, match="not installed: omega"):
        source(tmp_path, kind="installed", folders=["."], packages=["omega"]).groups()
    assert paths(read(chosen)[0]) == ["alpha.py", "gamma.py"]
    with pytest.raises(QuantaError, match="no folder"):
        source(tmp_path, kind="installed", folders=["nowhere"]).groups()


def test_what_cannot_be_read_is_reported(tmp_path: Path) -> None:
    install(
        tmp_path, "odd", "1", {"odd/big.py": "x" * 2000, "odd/gone.py": "", "odd/fine.py": "x = 1\n", "odd/pipe.py": ""}
    )
    opened = source(tmp_path, kind="installed", folders=["."], max_file_bytes=1000)
    (tmp_path / "odd/gone.py").unlink()
    (tmp_path / "odd/pipe.py").unlink()
    os.mkfifo(tmp_path / "odd/pipe.py")
    files, skipped = read(opened)
    assert paths(files) == ["odd/fine.py"]
    assert reasons(skipped) == {"odd/big.py": "too_large", "odd/gone.py": "unreadable", "odd/pipe.py": "not_a_file"}


def test_a_changed_input_changes_only_its_groups_fingerprint(tmp_path: Path) -> None:
    for name in ("alpha", "beta"):
        install(tmp_path, name, "1", {f"{name}.py": "x" * 600})
    opened = source(tmp_path, kind="installed", folders=["."], group_bytes=1000)
    before = opened.groups()
    (tmp_path / "beta.py").write_text("y" * 600)
    after = opened.groups()
    assert len(before) == len(after) == 2
    assert before[0] == after[0]
    assert (before[1].key, before[1].items) == (after[1].key, after[1].items)
    assert before[1].fingerprint != after[1].fingerprint
    install(tmp_path, "alpha", "1", {}, "License: MIT")
    install(tmp_path, "alpha", "1", {"alpha.py": "x" * 600}, "License: MIT")
    assert opened.groups()[0].fingerprint != before[0].fingerprint


def test_this_environments_own_packages_can_be_read(tmp_path: Path) -> None:
    files, _ = read(source(tmp_path, kind="installed", packages=["pytest", "pydantic"]))
    assert {file.origin.repository for file in files} == {"pytest", "pydantic"}
    assert all(file.licences == ("MIT",) and file.licence_texts for file in files)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("License-Expression: MIT", ("MIT",)),
        ("License: Apache License, Version 2.0", ("Apache-2.0",)),
        ("License: BSD\nClassifier: License :: OSI Approved :: BSD License", ()),
        ("License: BSD 3-Clause License", ("BSD-3-Clause",)),
        ("License: MPL-2.0 AND MIT", ("MPL-2.0 AND MIT",)),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License", ("MIT",)),
        ("Classifier: License :: OSI Approved", ()),
        ("", ()),
    ],
)
def test_licences_in_metadata(text: str, expected: tuple[str, ...]) -> None:
    assert metadata_licences(parse_metadata(f"Name: x\n{text}\n".encode())) == expected


@given(st.binary(max_size=300))
def test_any_metadata_is_answered(data: bytes) -> None:
    for found in metadata_licences(parse_metadata(data)):
        assert found.strip()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("LICENSE", "licence.txt", "COPYING.LESSER", "LICENSE-MIT", "UNLICENSE")),
        *((name, False) for name in ("license.py", "licenses.json", "licensing.md", "copy.txt")),
    ],
)
def test_names_of_licence_files(name: str, expected: bool) -> None:
    assert is_licence_file(name) == expected


def test_names_that_are_never_code() -> None:
    assert may_be_code("a/b.py") and may_be_code("Makefile") and may_be_code(".so") and may_be_code("a/so")
    assert not may_be_code("a/__pycache__/b.py") and not may_be_code("libx.so.5.0.0") and not may_be_code("A.PNG")


@given(st.binary(max_size=60))
def test_paths_stay_inside(path: bytes) -> None:
    found = inside(path_text(path))
    if found is not None:
        assert not found.startswith("/") and ".." not in found.split("/") and found.encode()


def test_names_of_sources() -> None:
    tables = [TABLE.validate_python({"kind": kind}) for kind in ("stdlib", "installed", "stdlib")]
    assert [one.name for one in open_sources(tables, Path())] == ["stdlib", "installed", "stdlib-2"]
    assert open_source(StdlibSettings(name="python"), Path()).name == "python"
    with pytest.raises(ValueError, match="two sources are named x"):
        open_sources([StdlibSettings(name="x"), StdlibSettings(name="x")], Path())


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "stdlib", "colour": 1},
        {"kind": "torrent"},
        {"kind": "archives"},
        {"kind": "stdlib", "name": "../x"},
        {"kind": "git", "repositories": []},
        {"kind": "stdlib", "group_bytes": 0},
    ],
)
def test_tables_that_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TABLE.validate_python(table)
