"""Engines against others on the same weights and prompts."""
