"""QuantaTissu: a code model and a coding agent in one package.

The rooms are stacked in floors, and a room imports only from floors below it; ``docs/architecture.md`` has the plan.
"""

__version__ = "0.1.0"
