"""Programs that measure what this package promises, each against a stated bar.

``python -m benchmarks --list`` names them; ``python -m benchmarks NAME`` runs one. See ``benchmarks/README.md``.
"""
