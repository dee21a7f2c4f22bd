"""Random states as text, so that a resumed run draws what the interrupted one would have drawn."""

from __future__ import annotations

import base64

import torch
from torch import Tensor


def random_states() -> dict[str, str]:
    """The states of torch's generators: the CPU's, and this process's GPU's if it has one in use."""
    states = {"cpu": _text(torch.get_rng_state())}
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        states["cuda"] = _text(torch.cuda.get_rng_state())
    return states


def restore_random(states: dict[str, str]) -> None:
    """Set the generators to `states`; one that this machine lacks is left out."""
    torch.set_rng_state(_tensor(states["cpu"]))
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(_tensor(states["cuda"]))


def _text(state: Tensor) -> str:
    return base64.b64encode(state.numpy().tobytes()).decode()


def _tensor(text: str) -> Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)
