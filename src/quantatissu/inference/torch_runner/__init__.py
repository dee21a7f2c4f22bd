"""Any checkpoint in torch, on a CPU or a GPU: the `Runner` that serves whatever has no faster one.

`weights` lays a decoder's matrices out for inference, `plan` decides which keys are read together, `attention` reads
them, `runner` goes through the layers.
"""

from quantatissu.inference.torch_runner.runner import TorchRunner

__all__ = ["TorchRunner"]
