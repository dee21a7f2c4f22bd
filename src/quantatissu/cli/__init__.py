"""The ``quanta`` command: one thin module per verb that parses, calls the room below, and prints.

Nothing heavier than the argument parser is imported before a verb runs, so that ``quanta --help`` answers at once.
"""
