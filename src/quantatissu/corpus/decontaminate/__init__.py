"""Decontamination: no benchmark problem reaches the corpus, neither as it is nor renamed, reformatted or stripped.

`build_index` reads a folder of benchmark files once; `decontaminate_stage` checks documents against the index. Words in
a row show copied statements, tests and solutions; functions are compared in a canonical form. Needs ``[corpus]``.
"""

from quantatissu.corpus.decontaminate.index import Index, build_index
from quantatissu.corpus.decontaminate.settings import DecontaminateSettings
from quantatissu.corpus.decontaminate.stage import decontaminate_stage, find_matches

__all__ = ["DecontaminateSettings", "Index", "build_index", "decontaminate_stage", "find_matches"]
