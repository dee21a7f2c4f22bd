"""Edit records for the built-in model: a marked span of wrong lines in its surroundings, and what belongs there."""
