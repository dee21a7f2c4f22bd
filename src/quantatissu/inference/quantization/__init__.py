"""Weights in eight or four bits, made at load: a half and a quarter of the memory, and of the time where reading
weights is what takes it. Activations stay as they are.
"""

from quantatissu.inference.quantization.linears import Quantisation, quantised
from quantatissu.inference.quantization.rounding import Groups, round_groups, round_rows

__all__ = ["Groups", "Quantisation", "quantised", "round_groups", "round_rows"]
