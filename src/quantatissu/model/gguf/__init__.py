"""GGUF, the one-file format of llama.cpp and its kin: models out of Hugging Face folders and back into them.

`names` says what tensors are called there and how they lie, `fields` how a config is stated, `vocabulary` how tokens
are; `write` and `read` put them together. The container and the quantised types are those of the package ``gguf``.
"""

from quantatissu.model.gguf.read import import_gguf
from quantatissu.model.gguf.write import KINDS, Kind, Written, export_gguf

__all__ = ["KINDS", "Kind", "Written", "export_gguf", "import_gguf"]
