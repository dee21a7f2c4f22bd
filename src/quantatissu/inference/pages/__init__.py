"""Who holds which page of the key-value cache: numbers and counts only, no tensors.

`PagePool` hands out pages and counts their holders; `PrefixTree` remembers which tokens' keys and values pages hold, so
that a prompt that begins like an earlier one begins where that one's pages end.
"""

from quantatissu.inference.pages.pool import PagePool
from quantatissu.inference.pages.tree import PrefixTree

__all__ = ["PagePool", "PrefixTree"]
