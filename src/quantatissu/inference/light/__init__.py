"""The light engine: a decoder with weights and activations in eight bits on onnxruntime and numpy, without torch.

`runner` is the `Runner`, and `attention` reads its pages; `loading` brings a model there. `prepared` makes and keeps
what runs: `weights` rounds a checkpoint, `pieces` writes what lies between two attentions as graphs (`onnx`).
"""
