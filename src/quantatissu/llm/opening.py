"""From what stands behind ``--model`` to a model."""

from __future__ import annotations

import re
from pathlib import Path

from quantatissu.foundation import QuantaError
from quantatissu.inference import open_engine
from quantatissu.inference.speculation import PromptLookup
from quantatissu.llm.budget import Budget
from quantatissu.llm.chat import ChatModel
from quantatissu.llm.local import LocalChat
from quantatissu.llm.remote import RemoteChat, RemoteSettings
from quantatissu.model.packaged import packaged, packaged_names

_REMOTE = re.compile(r"openai:(?P<name>[^@\s]+)@(?P<url>https?://\S+)")


def open_model(model: str, *, budget: Budget | None = None, adapter: str | Path | None = None) -> ChatModel:
    """``openai:NAME@URL`` is a model behind an OpenAI-compatible endpoint; anything else a folder or a packaged name,
    which answers under the LoRA adapter in the folder ``adapter``.

    Raises QuantaError.
    """
    if model.startswith("openai:"):
        match = _REMOTE.fullmatch(model)
        if match is None:
            raise QuantaError(f"{model} is not a model behind an endpoint", hint="Write openai:NAME@https://HOST/v1.")
        if adapter is not None:
            raise QuantaError(f"{model} runs elsewhere: it cannot answer under an adapter from here")
        return RemoteChat(RemoteSettings(match["name"], match["url"]), budget=budget)
    folder = packaged(model) or Path(model)
    if not folder.is_dir():
        raise QuantaError(
            f"there is no model {model}",
            hint=f"Name a folder, openai:NAME@URL, or one of: {', '.join(packaged_names())}.",
        )
    named = {} if adapter is None else {Path(adapter).resolve().name: adapter}
    return LocalChat(
        open_engine(model, drafter=PromptLookup(), adapters=named), folder=folder, adapter=next(iter(named), None)
    )
