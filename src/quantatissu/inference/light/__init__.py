"""The light engine: a decoder with weights and activations in eight bits on onnxruntime and numpy, without torch.

`runner` is the `Runner`; `weights` rounds a checkpoint, `pieces` writes what lies between two attentions as graphs
(`onnx`), and `attention` reads the pages.
"""

from quantatissu.inference.light.runner import LightRunner

__all__ = ["LightRunner"]
