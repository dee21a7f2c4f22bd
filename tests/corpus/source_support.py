"""Reading sources in tests, and archives and repositories made for them."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from quantatissu.corpus.document import RawFile
from quantatissu.corpus.sources import Skipped, Source, SourceSettings, open_source

TABLE: TypeAdapter[SourceSettings] = TypeAdapter(SourceSettings)


def source(base: Path, **table: object) -> Source:
    """The source for a recipe's table, after a trip through pickle as to a worker."""
    opened = open_source(TABLE.validate_python(table), base)
    travelled: Source = pickle.loads(pickle.dumps(opened))
    assert travelled == opened
    return travelled


def read(opened: Source) -> tuple[list[RawFile], list[Skipped]]:
    """Everything a source gives, in order, and what it skipped."""
    skipped: list[Skipped] = []
    files = [file for group in opened.groups() for file in opened.read(group, skipped.append)]
    return files, skipped


def paths(files: list[RawFile]) -> list[str]:
    return [file.origin.path for file in files]


def reasons(skipped: list[Skipped]) -> dict[str, str]:
    return {one.origin.path: one.reason for one in skipped}


def tar_bytes(members: Mapping[str, bytes | tarfile.TarInfo], mode: str = "w:gz", **options: object) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, **options) as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def git(root: Path, *args: str) -> str:
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "init.defaultBranch=main"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_COMMITTER_DATE": "1700000000 +0200",
        "GIT_AUTHOR_DATE": "1600000000 +0200",
    }
    done = subprocess.run(
        ["git", *identity, *args], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"
APACHE = "Apache License Version 2.0, January 2004"
