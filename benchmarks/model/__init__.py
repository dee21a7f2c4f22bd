"""Benchmarks of the decoder and its adapters."""
