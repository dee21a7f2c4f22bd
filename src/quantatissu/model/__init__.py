"""The decoder and its formats: shapes, the module itself, masks, loss, Hugging Face folders, adapters.

What is exported here does without torch, so a command line may ask for the size of a model at once. The rest is in the
files: `decoder` (`Decoder`), `masks`, `loss`, `cache`, `checkpointing`, `folders` and the room `adapters`.
"""

from typing import TYPE_CHECKING

from quantatissu.foundation.lazy import exports

if TYPE_CHECKING:
    from quantatissu.model.config import ModelConfig
    from quantatissu.model.shapes import shape, shape_names

__all__ = ["ModelConfig", "shape", "shape_names"]
__getattr__ = exports(__name__, {"config": ["ModelConfig"], "shapes": ["shape", "shape_names"]})
