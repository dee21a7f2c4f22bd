"""Measurements of training: speed against peers, utilisation, exact resume, and a first model from one command."""
