"""Fine-tuning a few added weights instead of all: LoRA, DoRA and QLoRA, in PEFT's format on disk.

`attach` freezes a decoder and adds adapters, `save_adapter` and `load_adapter` exchange them with PEFT, `merge` folds
them in.
"""

from quantatissu.model.adapters.attach import adapter_parameters, attach, merge
from quantatissu.model.adapters.config import AdapterConfig
from quantatissu.model.adapters.files import (
    adapter_tensors,
    load_adapter,
    read_adapter,
    save_adapter,
    save_adapter_tensors,
)

__all__ = [
    "AdapterConfig",
    "adapter_parameters",
    "adapter_tensors",
    "attach",
    "load_adapter",
    "merge",
    "read_adapter",
    "save_adapter",
    "save_adapter_tensors",
]
