"""What the built-in model knows of faults: where in a function one is likely, and which lines belong there."""
