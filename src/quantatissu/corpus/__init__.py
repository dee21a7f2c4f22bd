"""From code in the wild to training shards: sources, stages, secrets, duplicates, decontamination, shards, report.

A recipe (`quantatissu.corpus.recipe`) names sources and settings; the engine (`quantatissu.corpus.engine`) runs it out
of core, resumes it, and gives the same bytes whatever the workers. Everything needs the ``[corpus]`` extra except the
types here, so nothing heavy is imported with this package.
"""

from quantatissu.corpus.document import Document, Drop, Origin, RawFile, Stage, document_id

__all__ = ["Document", "Drop", "Origin", "RawFile", "Stage", "document_id"]
