"""What a run measures of itself, and where that goes."""

from quantatissu.training.metrics.peak import Peak, measure_peak
from quantatissu.training.metrics.record import (
    TIMINGS,
    JsonLines,
    Record,
    bits_per_byte,
    perplexity,
    read_records,
)
from quantatissu.training.metrics.sinks import GROUP, Sink, Sinks, TensorBoard, open_sinks

__all__ = [
    "GROUP",
    "TIMINGS",
    "JsonLines",
    "Peak",
    "Record",
    "Sink",
    "Sinks",
    "TensorBoard",
    "bits_per_byte",
    "measure_peak",
    "open_sinks",
    "perplexity",
    "read_records",
]
