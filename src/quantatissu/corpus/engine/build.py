"""A build from beginning to end. Every phase leaves files that say what they were made from, and none is done twice."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from quantatissu.corpus.decontaminate import build_index, decontaminate_stage
from quantatissu.corpus.dedup import DedupSettings, find_duplicates
from quantatissu.corpus.document import Stage
from quantatissu.corpus.engine.groups import GroupWork, Planned, do_groups
from quantatissu.corpus.engine.identity import digest, file_digest, folder_digest, group_key, tool_versions
from quantatissu.corpus.engine.layout import Layout, locked, sweep, write_bytes, writing
from quantatissu.corpus.engine.memory import Allotment, allot, give_back
from quantatissu.corpus.engine.output import read_manifest, write_manifest, write_shards
from quantatissu.corpus.engine.pipeline import Pipeline
from quantatissu.corpus.engine.schema import KEY, key_of
from quantatissu.corpus.engine.splitting import splits_of
from quantatissu.corpus.engine.synthesise import write_synthetic
from quantatissu.corpus.engine.texts import Texts
from quantatissu.corpus.engine.tokens import TokenWork, do_tokens, read_duplicates
from quantatissu.corpus.engine.vocabulary import provide_tokenizer, require_end_of_text
from quantatissu.corpus.recipe import EngineSettings, OpenRecipe, Recipe, settled
from quantatissu.corpus.report import write_report
from quantatissu.corpus.runner import Runner, use_runner
from quantatissu.corpus.secrets import secret_stage
from quantatissu.corpus.shards import ShardManifest, Splits
from quantatissu.corpus.sources import Source
from quantatissu.corpus.stages import (
    generated_stage,
    language_stage,
    licence_stage,
    parse_stage,
    quality_stage,
    reserved_stage,
)
from quantatissu.foundation import QuantaError
from quantatissu.foundation.progress import Progress, Silent
from quantatissu.foundation.recipes import as_toml

# The tables of the recipe that decide what becomes of a single document.
_STAGES = ("reserved", "language", "licence", "generated", "quality", "parse", "secrets", "decontaminate")
# How much is held at once; the result does not depend on it.
_DEDUP_MEMORY = {"texts_megabytes", "rows_per_pass"}


@dataclass(frozen=True, slots=True)
class Built:
    """A finished build: its folder, what is in the shards, the report's page, and bytes read by this run."""

    folder: Path
    documents: int
    tokens: int
    report: Path
    read_bytes: int


def build(opened: OpenRecipe, folder: Path, *, runner: Runner = "native", progress: Progress | None = None) -> Built:
    """Build the corpus of a recipe in ``folder``, or go on with the build in it.

    Whatever is there and was made from the same inputs and settings stays; the rest is done again. The bytes in the
    folder depend on the recipe and its inputs, not on runner, workers, memory, interruptions or earlier builds there.
    Only one build can be at work in a folder. On Ray every node must see the folder and the sources under one path.

    Raises QuantaError for what the user can mend, and KeyboardInterrupt when interrupted; both leave the folder fit to
    go on with.
    """
    progress = progress or Silent()
    layout = Layout(folder.absolute())
    work = _Build(opened, layout, runner, progress)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(layout.root):
        return work.run()


class _Build:
    """One run. The phases are methods in their order."""

    def __init__(self, opened: OpenRecipe, layout: Layout, runner: Runner, progress: Progress) -> None:
        self.opened = opened
        self.recipe: Recipe = opened.rooted
        self.layout = layout
        self.runner = runner
        self.progress = progress
        self.versions = tool_versions(linter=self.recipe.synthetic is not None)
        self.allotment: Allotment = allot(self.recipe.engine.memory, self.recipe.engine.workers)
        self.sources: tuple[Source, ...] = opened.sources()
        if self.recipe.tokenizer.path is not None:
            # Hours may pass before it is needed.
            require_end_of_text(self.recipe.tokenizer.path)

    def run(self) -> Built:
        self._write_recipe()
        benchmarks = self.recipe.decontaminate.folder
        if benchmarks is not None and not benchmarks.is_dir():
            raise QuantaError(f"decontaminate.folder: there is no folder {benchmarks}")
        decontaminated = folder_digest(benchmarks) if benchmarks else ""
        planned = self._plan(decontaminated)
        sweep(
            self.layout,
            {path for one in planned for path in (self.layout.kept(one.group), self.layout.dropped(one.group))},
        )
        identity = digest(settled(self.opened.recipe), self.versions, decontaminated, [one.key for one in planned])
        manifest = read_manifest(self.layout)
        if manifest.get("identity") == identity:
            shutil.rmtree(self.layout.work, ignore_errors=True)
            return self._built(manifest, 0)
        for outdated in (self.layout.manifest, self.layout.report):
            outdated.unlink(missing_ok=True)
        use_runner(self.runner)
        work = GroupWork(self.sources, self._pipeline(), self.layout.root)
        done = do_groups(planned, work, workers=self.allotment.workers, progress=self.progress)
        kept = [self.layout.kept(one.group) for one in planned]
        duplicates = self._duplicates(planned, kept)
        give_back()
        splits = splits_of(kept, read_duplicates(self.layout.duplicates), self.recipe.shards.validation)
        tokenizer = self._tokenizer(kept, duplicates, splits)
        give_back()
        token_files = do_tokens(
            self.layout,
            planned,
            digest(duplicates, tokenizer, self.recipe.seed, self.recipe.shards.model_dump(), splits.described),
            TokenWork(self.layout.root, self.recipe.seed, splits),
            workers=self.allotment.workers,
            progress=self.progress,
        )
        shards = write_shards(
            self.layout,
            token_files,
            self.recipe.shards,
            memory_bytes=self.allotment.shuffle_bytes,
            progress=self.progress,
        )
        records = write_synthetic(
            self.layout,
            planned,
            digest(duplicates, self.versions),
            self.recipe,
            splits,
            workers=self.allotment.workers,
            progress=self.progress,
        )
        manifest = self._manifest(identity, planned, shards, records)
        write_manifest(self.layout, manifest)
        shutil.rmtree(self.layout.work, ignore_errors=True)
        return self._built(manifest, done.read_bytes)

    def _write_recipe(self) -> None:
        """The resolved recipe, for people and for doing it again; also what marks the folder as a build."""
        engineless = self.opened.recipe.model_copy(update={"engine": EngineSettings()})
        write_bytes(self.layout.recipe, as_toml(engineless).encode())

    def _plan(self, decontaminated: str) -> list[Planned]:
        """All groups of all sources, each with the key of what its files depend on."""
        tables, versions = settled(self.opened.recipe), tool_versions(linter=False)
        planned = []
        with self.progress.stage("list sources", len(self.sources), "sources") as stage:
            for rank, source in enumerate(self.sources):
                work = digest(versions, decontaminated, rank, tables["source"][rank], *map(tables.get, _STAGES))
                planned += [Planned(group, rank, group_key(work, group)) for group in source.groups()]
                stage.advance(1, f"{len(planned):,} groups")
        return planned

    def _pipeline(self) -> Pipeline:
        recipe = self.recipe
        secrets = secret_stage(recipe.secrets)
        stages: list[Stage] = [
            reserved_stage(recipe.reserved.packages),
            language_stage(recipe.language),
            licence_stage(recipe.licence),
            generated_stage(recipe.generated),
            quality_stage(recipe.quality),
            parse_stage(recipe.parse),
            secrets,
        ]
        if recipe.decontaminate.folder is not None:
            with self.progress.stage("index benchmarks", None, "files"):
                index = build_index(recipe.decontaminate.folder, recipe.decontaminate)
            stages.append(decontaminate_stage(index, recipe.decontaminate))
        return Pipeline(tuple(stages), secrets)

    def _duplicates(self, planned: Sequence[Planned], kept: Sequence[Path]) -> str:
        """Find duplicates over all groups; returns the key of what was found."""
        settings = self.recipe.dedup
        decisive = settings.model_dump(exclude=_DEDUP_MEMORY)
        key = digest(decisive, [one.key for one in planned])
        with self.progress.stage("find duplicates", None, "documents") as stage:
            if key_of(self.layout.duplicates) != key:
                table = find_duplicates(kept, Texts(kept), self._bounded(settings), self.runner)
                # A file that was read twice has one id, and is no duplicate of itself; shards take an id once.
                table = table.filter(pc.not_equal(table.column("id"), table.column("kept")))
                with writing(self.layout.duplicates) as path:
                    pq.write_table(table.replace_schema_metadata({KEY: key.encode()}), path, compression="zstd")
            stage.advance(pq.read_metadata(self.layout.duplicates).num_rows)
        return key

    def _bounded(self, settings: DedupSettings) -> DedupSettings:
        """The settings with no more memory than this build may use."""
        megabytes = min(settings.texts_megabytes, self.allotment.dedup_text_bytes // 1_000_000)
        rows = min(settings.rows_per_pass, self.allotment.dedup_rows)
        return settings.model_copy(update={"texts_megabytes": megabytes, "rows_per_pass": rows})

    def _tokenizer(self, kept: Sequence[Path], duplicates: str, splits: Splits) -> str:
        """Have the tokenizer in place; returns its digest."""
        given = self.recipe.tokenizer.path
        key = digest(
            duplicates,
            self.recipe.seed,
            settled(self.recipe)["tokenizer"],
            splits.described,
            given and file_digest(given),
        )
        mark = self.layout.work / "tokenizer.key"
        if not (mark.is_file() and mark.read_text() == key and self.layout.tokenizer.is_file()):
            with self.progress.stage("tokenizer", None, "files") as stage:
                provide_tokenizer(self.layout, kept, read_duplicates(self.layout.duplicates), self.recipe, splits)
                stage.advance(1)
            write_bytes(mark, key.encode())
        return file_digest(self.layout.tokenizer)

    def _manifest(
        self, identity: str, planned: Sequence[Planned], shards: ShardManifest, records: int
    ) -> dict[str, Any]:
        recipe = settled(self.opened.recipe)
        rows = {
            what: sum(pq.read_metadata(path(one.group)).num_rows for one in planned)
            for what, path in (("kept", self.layout.kept), ("dropped", self.layout.dropped))
        }
        return {
            "identity": identity,
            "name": self.opened.recipe.name,
            "recipe": recipe,
            "recipe_hash": digest(recipe),
            "versions": self.versions,
            "sources": {
                source.name: {
                    **source.describe(),
                    "groups": sum(one.rank == rank for one in planned),
                    "fingerprint": digest([one.group.fingerprint for one in planned if one.rank == rank]),
                }
                for rank, source in enumerate(self.sources)
            },
            "tokenizer": {"digest": shards.tokenizer, "vocabulary": shards.vocabulary, "dtype": shards.dtype},
            "shards": [asdict(shard) for shard in shards.shards],
            "totals": {
                "read": rows["kept"] + rows["dropped"],
                "passed_stages": rows["kept"],
                "duplicates": pq.read_metadata(self.layout.duplicates).num_rows,
                "documents": shards.documents,
                "tokens": shards.tokens,
                "synthetic_records": records,
            },
        }

    def _built(self, manifest: dict[str, Any], read_bytes: int) -> Built:
        page = self.layout.report
        if not page.is_file():
            give_back()
            with self.progress.stage("report", None, "pages") as stage:
                write_report(self.layout.root)
                stage.advance(1)
        totals = manifest["totals"]
        return Built(self.layout.root, totals["documents"], totals["tokens"], page, read_bytes)
