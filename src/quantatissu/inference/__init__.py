"""Engines that answer prompts: batched, with shared prefixes, on whatever there is to run a model.

`open_engine` opens a folder. `engine` says what every engine does; `scheduler` decides what goes through the model
next, `pages` who holds which part of the key-value cache, and a `Runner` (`runner`, `torch_runner`) multiplies.
"""

from typing import TYPE_CHECKING

from quantatissu.foundation.lazy import exports

if TYPE_CHECKING:
    from quantatissu.inference.constraints import Constraint, Grammar, JsonSchema, Regex
    from quantatissu.inference.engine import Answer, Engine, EngineStats, Generation, Piece, Request, TokenScore
    from quantatissu.inference.opening import open_engine
    from quantatissu.inference.sampling import Sampling

__all__ = [
    "Answer",
    "Constraint",
    "Engine",
    "EngineStats",
    "Generation",
    "Grammar",
    "JsonSchema",
    "Piece",
    "Regex",
    "Request",
    "Sampling",
    "TokenScore",
    "open_engine",
]
__getattr__ = exports(
    __name__,
    {
        "constraints": ["Constraint", "Grammar", "JsonSchema", "Regex"],
        "engine": ["Answer", "Engine", "EngineStats", "Generation", "Piece", "Request", "TokenScore"],
        "opening": ["open_engine"],
        "sampling": ["Sampling"],
    },
)
