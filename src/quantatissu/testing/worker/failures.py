"""A raised exception as plain data: its type, message and frames, with what it was raised from."""

import traceback


def describe(error, depth=3):
    """{"type", "message", "frames": [[path, line, function], ...] outermost first, "cause": the same or absent}."""
    frames = [
        [frame.f_code.co_filename, line, frame.f_code.co_name] for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    if len(frames) > 120:
        frames = frames[:60] + frames[-60:]
    try:
        message = str(error)[:2000]
    except Exception:
        message = "<its __str__ failed>"
    kind = type(error)
    described = {
        "type": kind.__qualname__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__qualname__,
        "message": message,
        "frames": frames,
    }
    if isinstance(error, SyntaxError):
        described["syntax"] = [error.filename, error.lineno, error.offset, error.msg]
    if isinstance(error, ImportError):
        described["import"] = [error.name, error.path]
    if isinstance(error, (NameError, AttributeError)):
        described["name"] = getattr(error, "name", None)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth:
        described["cause"] = describe(cause, depth - 1)
    return described
