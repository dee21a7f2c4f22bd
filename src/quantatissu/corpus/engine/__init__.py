"""The engine: a recipe in, a folder of shards out; out of core, resumable, the same bytes whatever the workers.

`build` runs the phases; `find_document` and `fates` answer questions about a build. Needs the ``[corpus]`` extra.
"""

from quantatissu.corpus.engine.build import Built, build
from quantatissu.corpus.engine.inspect import fates, find_document

__all__ = ["Built", "build", "fates", "find_document"]
