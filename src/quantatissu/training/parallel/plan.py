"""Whether a plan fits: the number of processes, the shape of the model, the samples of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantatissu.foundation import QuantaError
from quantatissu.model import ModelConfig

if TYPE_CHECKING:
    from quantatissu.training.recipe import ParallelSettings


@dataclass(frozen=True, slots=True)
class Plan:
    """How many processes share the layers, hold copies of the weights, share the weights, and share every matrix.

    Neighbouring processes talk most, so the last one is the innermost: ranks of one machine.
    """

    pipeline: int
    replicate: int
    shard: int
    tensor: int

    @property
    def processes(self) -> int:
        """All together."""
        return self.pipeline * self.replicate * self.shard * self.tensor


def make_plan(settings: ParallelSettings, processes: int) -> Plan:
    """The plan of `settings` for so many processes. Raises QuantaError when their number is not the plan's."""
    rest = settings.pipeline * settings.replicate * settings.tensor
    shard = settings.shard or max(1, processes // rest)
    plan = Plan(settings.pipeline, settings.replicate, shard, settings.tensor)
    if plan.processes == processes:
        return plan
    sizes = {"pipeline": plan.pipeline, "replicate": plan.replicate, "tensor": plan.tensor}
    if settings.shard:
        sizes["shard"] = settings.shard
    told = " x ".join(f"{name} {size}" for name, size in sizes.items() if size > 1) or "shard 1"
    needs = f"{plan.processes}" if settings.shard else f"a multiple of {rest}"
    raise QuantaError(
        f"parallel: {told} needs {needs} processes, and there {'is' if processes == 1 else 'are'} {processes}",
        hint="Start them with: torchrun --nproc-per-node N -m quantatissu train …; or change [parallel].",
    )


def require_fit(plan: Plan, config: ModelConfig) -> None:
    """Raises QuantaError when a model of this shape cannot be divided so."""
    if plan.tensor > 1:
        for name in ("num_attention_heads", "num_key_value_heads", "intermediate_size"):
            size = getattr(config, name)
            if size % plan.tensor:
                raise QuantaError(
                    f"parallel.tensor is {plan.tensor}: it must divide the model's {name}, {size}",
                    hint="Choose a divisor, or leave parallel.tensor out.",
                )
    if plan.pipeline > config.num_hidden_layers:
        raise QuantaError(
            f"parallel.pipeline is {plan.pipeline}: the model has only {config.num_hidden_layers} layers",
            hint="A stage of the pipeline holds at least one layer.",
        )
    if plan.pipeline > 1 and config.tie_word_embeddings:
        raise QuantaError(
            "parallel.pipeline: this model's output head is its embedding, and they would lie on different stages",
            hint="Untie them (model.override.tie_word_embeddings = false), or leave parallel.pipeline out.",
        )


def layers_of_stage(layers: int, stages: int, stage: int) -> range:
    """The layers of a stage; where they do not divide evenly the first stages, without the head, get one more."""
    each, more = divmod(layers, stages)
    first = stage * each + min(stage, more)
    return range(first, first + each + (stage < more))
