"""Duplicates: sign documents one by one, then find exact and near copies over all of them.

`sign` is a pure function over texts and can run anywhere; `find_duplicates` is a Daft plan over the signatures with an
exact check of every candidate. Needs the ``[corpus]`` extra.
"""

from quantatissu.corpus.dedup.duplicates import find_duplicates
from quantatissu.corpus.dedup.normalise import content_hash
from quantatissu.corpus.dedup.settings import DedupSettings
from quantatissu.corpus.dedup.signatures import PERMUTATIONS, Signatures, sign

__all__ = ["PERMUTATIONS", "DedupSettings", "Signatures", "content_hash", "find_duplicates", "sign"]
