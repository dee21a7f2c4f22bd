"""Fill-in-the-middle as a request: prefix, suffix, middle (Bavarian et al., 2022), cut to what the context holds."""

from __future__ import annotations

from dataclasses import replace

from quantatissu.foundation import QuantaError
from quantatissu.inference.engine import Engine, Request
from quantatissu.inference.sampling import Sampling

_SUFFIX_SHARE = 0.25  # of the room, for what comes behind: what comes before says more
_SENTINELS = 3


def infill_request(engine: Engine, prefix: str, suffix: str, sampling: Sampling, *, n: int = 1) -> Request:
    """Asks ``engine`` for what stands between ``prefix`` and ``suffix``.

    Too much text is cut at its far ends. Raises QuantaError when the vocabulary has no fill-in-the-middle tokens, or
    the answer alone fills the context.
    """
    tokens = engine.tokenizer.fim
    if tokens is None:
        raise QuantaError(f"{engine.name} was not made to fill in: its vocabulary has no tokens for it")
    room = engine.context - sampling.max_tokens - _SENTINELS
    if room < 1:
        raise QuantaError(
            f"{sampling.max_tokens:,} new tokens leave no room in a context of {engine.context:,}",
            hint="Ask for fewer.",
        )
    before, after = engine.tokenizer.encode(prefix).tolist(), engine.tokenizer.encode(suffix).tolist()
    behind = min(len(after), max(int(_SUFFIX_SHARE * room), room - len(before)))
    ahead = room - behind
    before = before[-ahead:] if ahead else []
    prompt = (tokens.prefix, *before, tokens.suffix, *after[:behind], tokens.middle)
    sentinels = {tokens.prefix, tokens.suffix, tokens.middle}
    if tokens.pad is not None:
        sentinels.add(tokens.pad)
    return Request(prompt, replace(sampling, stop_tokens=sampling.stop_tokens | sentinels), n=n)
