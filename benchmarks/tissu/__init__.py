"""Preparing the data that the built-in model is trained on: fetching, edit records, packing for transport."""
