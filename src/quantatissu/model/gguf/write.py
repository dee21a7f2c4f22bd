"""A Hugging Face folder to one GGUF file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from quantatissu.foundation import QuantaError
from quantatissu.model.config import ModelConfig
from quantatissu.model.folders import read_tensors
from quantatissu.model.gguf.fields import llama3_factors, to_fields
from quantatissu.model.gguf.names import ROPE_FACTORS, interleaved, to_gguf
from quantatissu.model.gguf.vocabulary import Vocabulary, to_vocabulary
from quantatissu.model.hf_config import load_config
from quantatissu.tokenizer import Tokenizer, load_tokenizer
from quantatissu.tokenizer.chat import load_template

if TYPE_CHECKING:
    import gguf

Kind = Literal["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_BLOCKED = ("q8_0", "q4_0", "q4_1")
_BLOCK = 32  # weights that share a scale, along a row


@dataclass(frozen=True, slots=True)
class Written:
    """What came out: bytes, and whether llama.cpp will cut text as the tokenizer does."""

    path: Path
    size: int
    pre: str
    same_tokens: bool


def export_gguf(folder: Path, path: Path, *, kind: Kind = "f16", name: str | None = None) -> Written:
    """Write the model of ``folder``, its vocabulary and chat template to ``path``, which appears whole or not at all.

    Matrices are stored as ``kind``, norms and biases in float32, and at four bits the embedding and the head in eight:
    they are a small part of a model and lose the most. Raises QuantaError for what llama.cpp cannot be told, and when
    the package ``gguf`` is not installed.
    """
    gguf = need_gguf()
    config, tokenizer = load_config(folder), load_tokenizer(folder)
    fields, vocabulary = to_fields(config), to_vocabulary(tokenizer, config.vocab_size)
    if kind in _BLOCKED:
        _require_blocks(config)
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = gguf.GGUFWriter(partial, config.architecture, use_temp_file=True)
        writer.add_name(name or folder.resolve().name)
        writer.add_file_type(gguf.LlamaFileType[f"{'ALL' if kind == 'f32' else 'MOSTLY'}_{kind.upper()}"])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        for key, value in fields.items():
            _add(writer, key, value)
        _add_vocabulary(writer, vocabulary, tokenizer, config, folder)
        for tensor, data, stored in _tensors(gguf, folder, config, kind):
            writer.add_tensor(tensor, data, raw_dtype=stored)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        partial.replace(path)
    except OSError as error:
        raise QuantaError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return Written(path, path.stat().st_size, vocabulary.pre, vocabulary.exact)


def need_gguf() -> Any:
    """The package ``gguf``. Raises QuantaError that says how to install it."""
    try:
        import gguf
    except ImportError:
        raise QuantaError("GGUF needs the package gguf", hint="pip install 'quantatissu[export]'") from None
    return gguf


def _require_blocks(config: ModelConfig) -> None:
    for field in ("hidden_size", "intermediate_size"):
        if getattr(config, field) % _BLOCK:
            raise QuantaError(
                f"{field} is {getattr(config, field)}: quantised blocks are {_BLOCK} weights long",
                hint="Export as f16 or bf16.",
            )


def _tensors(
    gguf: Any, folder: Path, config: ModelConfig, kind: Kind
) -> Iterator[tuple[str, NDArray[Any], gguf.GGMLQuantizationType]]:
    types = gguf.GGMLQuantizationType
    for name, tensor in read_tensors(folder):
        there = to_gguf(name)
        weights = np.ascontiguousarray(interleaved(name, tensor, config))
        wanted = types.F32 if weights.ndim == 1 else types[kind.upper()]
        if kind in ("q4_0", "q4_1") and there in ("token_embd.weight", "output.weight"):
            wanted = types.Q8_0
        yield there, gguf.quants.quantize(weights, wanted), wanted
    factors = llama3_factors(config)
    if factors is not None:
        yield ROPE_FACTORS, np.array(factors, dtype=np.float32), types.F32


def _add(writer: Any, key: str, value: int | float | str) -> None:
    if isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    else:
        writer.add_uint32(key, value)


def _add_vocabulary(
    writer: Any, vocabulary: Vocabulary, tokenizer: Tokenizer, config: ModelConfig, folder: Path
) -> None:
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.kinds)
    if vocabulary.scores is not None:
        writer.add_token_scores(vocabulary.scores)
        writer.add_add_space_prefix(vocabulary.space_prefix)
    else:
        writer.add_token_merges(vocabulary.merges)
    writer.add_string("tokenizer.huggingface.json", tokenizer.source)
    ends = config.eos_token_id
    ends = () if ends is None else (ends,) if isinstance(ends, int) else ends
    end = tokenizer.end_of_text if tokenizer.end_of_text in ends else next(iter(ends), tokenizer.end_of_text)
    turn = next((one for one in ends if one != end), None)
    for key, number in {
        "bos": config.bos_token_id,
        "eos": end,
        "eot": turn,
        "padding": config.pad_token_id,
        "fim_pre": tokenizer.fim and tokenizer.fim.prefix,
        "fim_suf": tokenizer.fim and tokenizer.fim.suffix,
        "fim_mid": tokenizer.fim and tokenizer.fim.middle,
        "fim_pad": tokenizer.fim and tokenizer.fim.pad,
    }.items():
        if number is not None:
            writer.add_uint32(f"tokenizer.ggml.{key}_token_id", number)
    writer.add_add_bos_token(config.bos_token_id is not None and vocabulary.model == "llama")
    template = load_template(folder)
    if template is not None:
        writer.add_chat_template(template.source)
