"""Text to ids and back: byte-level BPE and Unigram for code, and any Hugging Face tokenizer.json."""

from quantatissu.tokenizer.core import Ids, Tokenizer
from quantatissu.tokenizer.files import load_tokenizer, parse_tokenizer, save_tokenizer
from quantatissu.tokenizer.special import FimTokens
from quantatissu.tokenizer.training import TrainSettings, train_tokenizer

__all__ = [
    "FimTokens",
    "Ids",
    "Tokenizer",
    "TrainSettings",
    "load_tokenizer",
    "parse_tokenizer",
    "save_tokenizer",
    "train_tokenizer",
]
