"""From logits to tokens: settings, distributions, draws. On numpy, for any number of rows at once.

Every draw is a pure function of a sample's key and the position it draws for, so that a seed gives the same answer
whatever else runs in the same step, on whichever engine.
"""

from quantatissu.inference.sampling.distribution import Seen, distribution, log_normalisers
from quantatissu.inference.sampling.draw import Drawn, Row, draw
from quantatissu.inference.sampling.randomness import key_of, uniforms
from quantatissu.inference.sampling.settings import Sampling

__all__ = [
    "Drawn",
    "Row",
    "Sampling",
    "Seen",
    "distribution",
    "draw",
    "key_of",
    "log_normalisers",
    "uniforms",
]
