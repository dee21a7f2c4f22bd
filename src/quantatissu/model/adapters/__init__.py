"""Fine-tuning a few added weights instead of all: LoRA, DoRA and QLoRA, in PEFT's format on disk.

`attach` freezes a decoder and adds adapters, `save_adapter` and `load_adapter` exchange them with PEFT, `merge` folds
them in.
"""

from quantatissu.model.adapters.attach import adapter_parameters, attach, merge
from quantatissu.model.adapters.config import AdapterConfig
from quantatissu.model.adapters.files import load_adapter, save_adapter

__all__ = ["AdapterConfig", "adapter_parameters", "attach", "load_adapter", "merge", "save_adapter"]
