"""Text to ids and back: byte-level BPE and Unigram for code, and any Hugging Face tokenizer.json."""

from typing import TYPE_CHECKING

from quantatissu.foundation.lazy import exports
from quantatissu.tokenizer.chat import (
    ChatTemplate,
    find_template,
    load_template,
    our_template,
    render,
)
from quantatissu.tokenizer.chat_ids import Encoded, encode_conversation
from quantatissu.tokenizer.core import Ids, Tokenizer
from quantatissu.tokenizer.files import load_tokenizer, parse_tokenizer, save_tokenizer
from quantatissu.tokenizer.special import FimTokens

if TYPE_CHECKING:
    from quantatissu.tokenizer.training import TrainSettings, train_tokenizer

__all__ = [
    "ChatTemplate",
    "Encoded",
    "FimTokens",
    "Ids",
    "Tokenizer",
    "TrainSettings",
    "encode_conversation",
    "find_template",
    "load_template",
    "load_tokenizer",
    "our_template",
    "parse_tokenizer",
    "render",
    "save_tokenizer",
    "train_tokenizer",
]
__getattr__ = exports(__name__, {"training": ["TrainSettings", "train_tokenizer"]})
