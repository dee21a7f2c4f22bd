"""The models of a server: the engine's own, and its adapters by their names."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.inference import Engine, Sampling, TokenScore
from quantatissu.llm import LocalChat
from quantatissu.server.asked import ChatAsked, CompletionAsked, ResponseAsked
from quantatissu.server.errors import Refused, too_long
from quantatissu.server.settings import ServerSettings


@dataclass(slots=True)
class Models:
    """What requests are answered with."""

    engine: Engine
    settings: ServerSettings
    folder: Path | None = None
    chats: dict[str, LocalChat] = field(default_factory=dict)
    created: int = field(default_factory=lambda: int(time.time()))
    _bytes: Sequence[bytes] = ()

    def __post_init__(self) -> None:
        self.chats[self.engine.name] = LocalChat(self.engine, folder=self.folder)
        for name in self.engine.adapters:
            self.chats[name] = LocalChat(self.engine, folder=self.folder, adapter=name)
        self._bytes = self.engine.tokenizer.token_bytes() if self.engine.tokenizer.byte_level else ()

    def get(self, name: str) -> LocalChat:
        """The model that a request names. Refused when there is none."""
        if name not in self.chats:
            known = ", ".join(self.chats)
            raise Refused(
                404, f"The model `{name}` does not exist; there are: {known}.", code="model_not_found", param="model"
            )
        return self.chats[name]

    def table(self, name: str) -> dict[str, Any]:
        """A model as ``/v1/models`` tells of it."""
        self.get(name)
        return {
            "id": name,
            "object": "model",
            "created": self.created,
            "owned_by": "quantatissu",
            "max_model_len": self.engine.context,
            "parent": None if name == self.engine.name else self.engine.name,
        }

    def sampling(
        self,
        asked: ChatAsked | CompletionAsked | ResponseAsked,
        *,
        prompt: int,
        wanted: int | None,
        stop: str | Sequence[str] | None = None,
        logprobs: int | None = None,
    ) -> Sampling:
        """How to draw an answer behind ``prompt`` tokens. Refused when they and ``wanted`` do not fit."""
        context = self.engine.context
        if prompt >= context or prompt + (wanted or 0) > context:
            raise too_long(prompt, wanted or 0, context)
        more: Mapping[str, Any] = {}
        if not isinstance(asked, ResponseAsked):
            more = {
                "presence_penalty": asked.presence_penalty,
                "frequency_penalty": asked.frequency_penalty,
                "bias": asked.logit_bias or {},
            }
        try:
            return Sampling(
                temperature=1.0 if asked.temperature is None else asked.temperature,
                top_p=1.0 if asked.top_p is None else asked.top_p,
                top_k=asked.top_k,
                min_p=asked.min_p,
                repetition_penalty=asked.repetition_penalty,
                seed=asked.seed,
                max_tokens=context - prompt if wanted is None else wanted,
                stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
                logprobs=logprobs,
                **more,
            )
        except QuantaError as error:
            raise Refused(400, error.message) from error

    def token(self, number: int) -> tuple[str, list[int]]:
        """A token's text, with U+FFFD for parts of characters, and its bytes."""
        if self._bytes:
            data = self._bytes[number] or self.engine.tokenizer.decode([number]).encode()
            return data.decode("utf-8", "replace"), list(data)
        text = self.engine.tokenizer.decode([number])
        return text, list(text.encode())

    def logprob(self, score: TokenScore) -> dict[str, Any]:
        """A token's score as chat completions write it."""

        def entry(number: int, logprob: float) -> dict[str, Any]:
            text, data = self.token(number)
            return {"token": text, "logprob": logprob, "bytes": data}

        return entry(score.token, score.logprob) | {"top_logprobs": [entry(*one) for one in score.top]}
