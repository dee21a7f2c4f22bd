"""Guesses at what comes next, so that one pass through the model can take several tokens.

The scheduler draws each token as if there were no guesses, and keeps a guessed one when it is what was drawn: the
answer is the same, token for token, and comes sooner where guesses are right (Leviathan et al., 2023, for guesses that
are certain of themselves; the draws here are coupled by a sample's own random numbers).
"""

from typing import TYPE_CHECKING

from quantatissu.foundation.lazy import exports
from quantatissu.inference.speculation.drafter import Drafter
from quantatissu.inference.speculation.lookup import PromptLookup

if TYPE_CHECKING:
    from quantatissu.inference.speculation.draft_model import DraftModel

__all__ = ["DraftModel", "Drafter", "PromptLookup"]
# The scheduler imports this package, and the draft model parts of the scheduler.
__getattr__ = exports(__name__, {"draft_model": ["DraftModel"]})
