"""A decoder over many processes: layers to stages, matrices to tensor ranks, everything to shards.

The model is cut while it is on the meta device, so no process ever holds more than its part of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Replicate, distribute_module
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    PrepareModuleInput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)

from quantatissu.model import ModelConfig
from quantatissu.model.checkpointing import Recompute
from quantatissu.model.decoder import Decoder
from quantatissu.training.parallel.mesh import Mesh
from quantatissu.training.parallel.plan import layers_of_stage, require_fit


def spread(
    config: ModelConfig, mesh: Mesh, *, dtype: torch.dtype, compute: torch.dtype, compiled: bool, recompute: Recompute
) -> Decoder:
    """This process's part of a new decoder, with memory for its weights and nothing in it yet.

    Weights are kept in ``dtype``; they are gathered in ``compute`` and their gradients added up in float32 or better.
    Gradients are sums over the samples of all processes, not means. Raises QuantaError for a shape that does not fit.
    """
    require_fit(mesh.plan, config)
    # Nobody writes into hidden states in place, which is what it warns of.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view")
    with torch.device("meta"):
        model = Decoder(config).to(dtype=dtype)
    model.set_recompute(recompute)
    _keep_stage(model, mesh)
    if mesh.plan.tensor > 1:
        _divide_matrices(model, mesh.devices["tensor"])
    if compiled:
        for block in model.model.layers.values():
            block.compile(dynamic=False)
    _shard(model, mesh, dtype, compute)
    return model.to_empty(device=mesh.device)


def _keep_stage(model: Decoder, mesh: Mesh) -> None:
    """Drop what belongs to other stages of the pipeline."""
    layers = model.model.layers
    mine = layers_of_stage(len(layers), mesh.plan.pipeline, mesh.stage)
    for number in range(len(layers)):
        if number not in mine:
            del layers[str(number)]
    if not mesh.first_stage:
        model.model.embed_tokens = None
    if not mesh.last_stage:
        model.model.norm, model.lm_head = None, None


def _divide_matrices(model: Decoder, devices: DeviceMesh) -> None:
    """Heads and feed-forward neurons are divided; norms, embedding and head are on every process, so that all weights
    are tensors on one mesh and take one optimizer.
    """
    whole, columns, rows = Replicated(), ColwiseParallel(), RowwiseParallel()
    block: dict[str, ParallelStyle] = {
        "input_layernorm": whole,
        "post_attention_layernorm": whole,
        # Told once for q, k and v together, so that their gradients are added up before they are sent around.
        "self_attn": _input(attention=True),
        "self_attn.q_proj": columns,
        "self_attn.k_proj": columns,
        "self_attn.v_proj": columns,
        "self_attn.o_proj": rows,
        # Every process normalises its own heads; the gradients of the weight are added up over them.
        "self_attn.q_norm": SequenceParallel(sequence_dim=2, use_local_output=True),
        "self_attn.k_norm": SequenceParallel(sequence_dim=2, use_local_output=True),
        "mlp": _input(attention=False),
        "mlp.gate_proj": columns,
        "mlp.up_proj": columns,
        "mlp.down_proj": rows,
    }
    if not model.config.qk_norm:
        del block["self_attn.q_norm"], block["self_attn.k_norm"]
    for layer in model.model.layers.values():
        parallelize_module(layer, devices, block)
    for module in (model.model.embed_tokens, model.model.norm, model.lm_head):
        if module is not None:
            parallelize_module(module, devices, whole)


def _input(*, attention: bool) -> ParallelStyle:
    """The hidden states come whole to every process; the other arguments of attention are left alone."""
    layouts = (Replicate(), None, None, None) if attention else (Replicate(),)
    return PrepareModuleInput(input_layouts=layouts, desired_input_layouts=layouts)


class Replicated(ParallelStyle):
    """A module that every process computes in full, from the same input to the same output."""

    def _apply(self, module: nn.Module, device_mesh: DeviceMesh) -> nn.Module:
        return distribute_module(module, device_mesh, None, _to_whole, _to_local)  # type: ignore[arg-type]


def _to_whole(module: nn.Module, inputs: tuple[Any, ...], devices: DeviceMesh) -> tuple[Any, ...]:
    return tuple(DTensor.from_local(one, devices, [Replicate()], run_check=False) for one in inputs)


def _to_local(module: nn.Module, output: Any, devices: DeviceMesh) -> Tensor:
    local: Tensor = output.to_local()
    return local


def _shard(model: Decoder, mesh: Mesh, dtype: torch.dtype, compute: torch.dtype) -> None:
    """FSDP2, block by block: a block's weights are gathered while it computes."""
    policy = MixedPrecisionPolicy(
        param_dtype=None if compute == dtype else compute,
        reduce_dtype=torch.promote_types(dtype, torch.float32),
        cast_forward_inputs=False,  # the angles of RoPE stay in float32
    )
    devices = mesh.devices["replicate", "shard"] if mesh.plan.replicate > 1 else mesh.devices["shard"]
    sharded: Callable[..., Any] = partial(fully_shard, mesh=devices, mp_policy=policy)
    # A pipeline comes back to its blocks with every piece of the batch: it would gather them again each time.
    again = mesh.plan.pipeline == 1
    for block in model.model.layers.values():
        sharded(block, reshard_after_forward=again)
    # Embedding and head are needed at both ends of a step.
    sharded(model, reshard_after_forward=False)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)
