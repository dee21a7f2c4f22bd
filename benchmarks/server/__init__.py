"""Measurements of ``quanta serve``."""
