"""Data sets of the Hugging Face Hub as a source, streamed; or folders of such a data set on disk.

A group is one shard of the stream: a Parquet row group, or of other formats a file. The data set's commit is looked up
once and pinned in every group, so that a resumed build reads what the first one read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantatissu.corpus.document import RawFile
from quantatissu.corpus.sources.base import Group, Report, Skipped, digest_of, ignore
from quantatissu.corpus.sources.blobs import Blobs
from quantatissu.corpus.sources.files import Unreadable, files_below
from quantatissu.corpus.sources.hub_errors import explained
from quantatissu.corpus.sources.presets import PRESETS, Preset
from quantatissu.corpus.sources.rows import Mapper, check_columns
from quantatissu.corpus.sources.settings import Columns, HubSettings
from quantatissu.foundation import QuantaError


@dataclass(frozen=True, slots=True)
class HubSource:
    """One split of one data set. ``base``: what a relative folder starts from."""

    name: str
    settings: HubSettings
    base: Path

    def groups(self) -> list[Group]:
        """One group per shard, in the stream's order. Raises QuantaError that says what to do: no network, no access to
        a gated data set, no such data set, split or column, or the extra is missing.
        """
        revision = self._revision()
        stream = self._stream(revision)
        names = stream.column_names
        if names is None:  # formats without a schema tell only by their first row
            with explained(self.name, self.settings.dataset):
                names = list(next(iter(stream), {}))
        check_columns(self.name, self._columns, names, self.settings.dataset)
        shards = stream.num_shards
        wanted = min(shards, self.settings.most_groups or shards)
        identity = digest_of((self.settings.model_dump_json(exclude={"name"}), revision))
        return [
            Group(self.name, f"{shard:06d}", (f"{shard}:{shards}:{revision}",), digest_of((identity, str(shard))))
            for shard in range(wanted)
        ]

    def read(self, group: Group, report: Report = ignore) -> Iterator[RawFile]:
        """See `Source.read`. Raises QuantaError when the network or the access is lost meanwhile."""
        columns, fetch = self._columns, Blobs(self.name, self._contents, self.base, self.settings.max_file_bytes)
        mapper = Mapper(
            self.name, columns, self.settings.dataset, self.settings.max_file_bytes, fetch if columns.blob else None
        )
        for item in group.items:
            shard, shards, revision = item.split(":", 2)
            stream = self._stream(revision)
            if stream.num_shards != int(shards):
                raise QuantaError(
                    f"source {self.name}: {self.settings.dataset} has {stream.num_shards} shards, {shards} when the "
                    "build began",
                    hint="It changed meanwhile: start the build again in a new folder.",
                )
            rows = iter(stream.shard(int(shards), int(shard)))
            number = 0
            while True:
                with explained(self.name, self.settings.dataset):
                    row = next(rows, None)
                if row is None:
                    break
                origin = mapper.origin(row, f"{shard}.{number}")
                number += 1
                try:
                    file = mapper.file(row, origin)
                except Unreadable as error:
                    report(Skipped(origin, error.reason, error.detail, error.size))
                else:
                    yield file

    def describe(self) -> dict[str, str]:
        """See `Source.describe`."""
        settings = self.settings
        parts = (settings.dataset, settings.configuration, *settings.folders, settings.split)
        return {
            "kind": "hub",
            "location": " ".join(part for part in parts if part),
            "revision": self._revision(),
            "columns": self._columns.model_dump_json(exclude_defaults=True),
        }

    @property
    def _columns(self) -> Columns:
        return self.settings.columns or PRESETS.get(self.settings.dataset, Preset(Columns())).columns

    @property
    def _contents(self) -> str:
        return self.settings.contents or PRESETS.get(self.settings.dataset, Preset(Columns())).contents

    @property
    def _folder(self) -> Path | None:
        folder = self.base / self.settings.dataset
        return folder if folder.is_dir() else None

    def _revision(self) -> str:
        """The data set's commit; for a folder, a digest of its files' names, sizes and times."""
        folder = self._folder
        if folder is not None:
            states = [(path, (folder / path).stat()) for path in files_below(folder)]
            return digest_of(f"{path}:{state.st_size}:{state.st_mtime_ns}" for path, state in states)
        with explained(self.name, self.settings.dataset):
            from huggingface_hub import HfApi

            info = HfApi().dataset_info(self.settings.dataset, revision=self.settings.revision)
        return str(info.sha)

    def _stream(self, revision: str) -> Any:
        """The split as a `datasets.IterableDataset` in as many shards as its format allows."""
        settings, folder = self.settings, self._folder
        with explained(self.name, settings.dataset):
            import datasets

            if folder is not None and _saved_to_disk(folder):
                loaded = datasets.load_from_disk(os.fspath(folder))
                if isinstance(loaded, datasets.DatasetDict):
                    loaded = _split(self.name, settings, loaded)
                shards = max(1, min(len(loaded), loaded.data.nbytes // settings.group_bytes))
                return loaded.to_iterable_dataset(num_shards=shards)
            stream = datasets.load_dataset(
                os.fspath(folder) if folder is not None else settings.dataset,
                settings.configuration or None,
                data_files=[f"{name.strip('/')}/**" for name in settings.folders] or None,
                split=settings.split,
                revision=None if folder is not None else revision,
                streaming=True,
            )
            return stream.reshard()


def _split(source: str, settings: HubSettings, loaded: Any) -> Any:
    if settings.split not in loaded:
        raise QuantaError(
            f"source {source}: {settings.dataset} has no split {settings.split!r}",
            hint=f"It has {', '.join(sorted(loaded))}.",
        )
    return loaded[settings.split]


def _saved_to_disk(folder: Path) -> bool:
    """Whether `save_to_disk` wrote the folder, rather than somebody who put data files there."""
    return (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file()
