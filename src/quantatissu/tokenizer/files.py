"""Reading and writing vocabularies as ordinary Hugging Face files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import pattern
from quantatissu.tokenizer.chat import CHAT_TOKENS, ChatTemplate, our_template
from quantatissu.tokenizer.core import Tokenizer
from quantatissu.tokenizer.special import END_OF_TEXT_NAMES, is_control

_FILE = "tokenizer.json"
_CONFIG = "tokenizer_config.json"


def load_tokenizer(path: Path) -> Tokenizer:
    """The vocabulary in a ``tokenizer.json``, or in the folder that holds one.

    Raises QuantaError when there is none or it cannot be read.
    """
    file = path / _FILE if path.is_dir() else path
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise QuantaError(
            f"cannot read the tokenizer {file}: {reason}", hint="give a tokenizer.json, or a folder with one"
        ) from error
    try:
        return parse_tokenizer(source)
    except ValueError as error:
        raise QuantaError(
            f"{file} is not a tokenizer.json: {error}", hint="give a Hugging Face tokenizer.json"
        ) from error


def parse_tokenizer(source: str) -> Tokenizer:
    """The vocabulary written in the text of a ``tokenizer.json``. Raises ValueError when it is none."""
    import tokenizers

    try:
        state = json.loads(source)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from error
    if not isinstance(state, dict) or "model" not in state:
        raise ValueError('it has no "model"')
    text = source
    if _harden(state):
        text = json.dumps(state, ensure_ascii=False)
    try:
        model = tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare Exception
        raise ValueError(str(error)) from error
    model.no_truncation()
    model.no_padding()
    return Tokenizer(model, source, ours=_is_ours(state))


def _harden(state: dict[str, Any]) -> bool:
    """Mark control tokens as special where a vocabulary does not (Qwen2.5-Coder's fill-in-the-middle tokens), so that
    their names in a text stay text. Returns whether something changed.
    """
    changed = False
    for token in state.get("added_tokens") or []:
        if is_control(token["content"]) and not token["special"]:
            token["special"] = changed = True
    return changed


def _is_ours(state: dict[str, Any]) -> bool:
    """Whether text is cut by `pattern.UNICODE`, and nothing is done to it before."""
    steps = (state.get("pre_tokenizer") or {}).get("pretokenizers", [])
    cuts = [step.get("pattern", {}).get("Regex") for step in steps]
    plain = all(token["special"] for token in state.get("added_tokens") or [])
    return cuts == [pattern.UNICODE, None] and not state.get("normalizer") and plain


def save_tokenizer(tokenizer: Tokenizer, folder: Path, *, template: ChatTemplate | None = None) -> None:
    """Write ``tokenizer.json``, as it was loaded, and the ``tokenizer_config.json`` that transformers reads beside it,
    with the chat ``template``: by default ours, for a vocabulary that has its tokens.

    Each file is replaced in one step. An existing configuration is kept: it may hold another chat template.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / _FILE, tokenizer.source)
    if template is None and all(name in tokenizer.control for name in CHAT_TOKENS):
        template = our_template()
    if not (folder / _CONFIG).exists():
        written = _configuration(tokenizer) | ({} if template is None else _chat(template))
        _replace(folder / _CONFIG, json.dumps(written, indent=2, ensure_ascii=False) + "\n")


def _chat(template: ChatTemplate) -> dict[str, Any]:
    chosen: Any = template.source
    if template.with_tools is not None:
        named = {"default": template.source, "tool_use": template.with_tools}
        chosen = [{"name": name, "template": source} for name, source in named.items()]
    return {**template.variables, "chat_template": chosen}


def _configuration(tokenizer: Tokenizer) -> dict[str, Any]:
    control = sorted(tokenizer.control, key=tokenizer.control.__getitem__)
    end = next((name for name in END_OF_TEXT_NAMES if name in tokenizer.control), None)
    names = {number: name for name, number in tokenizer.control.items()}
    pad = names.get(tokenizer.fim.pad) if tokenizer.fim and tokenizer.fim.pad is not None else None
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "eos_token": end,
        "pad_token": pad or end,
        "additional_special_tokens": [name for name in control if name not in (end, pad)],
    }


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
