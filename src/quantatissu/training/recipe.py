"""The recipe of a training run: every setting in one TOML file, checked before any work begins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from quantatissu.training.data import FimSettings
from quantatissu.training.optim import AverageSettings, OptimizerSettings, ScheduleSettings, SpikeSettings


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(_Table):
    """What is trained: a named ``shape`` with random weights, or the weights in the folder ``init``."""

    shape: str = "nano"
    """A name in the package's ``recipes/models``; not used when ``init`` is set."""
    init: Path | None = None
    """A checkpoint folder (Llama, Qwen2 or Qwen3 in Hugging Face's form) to start from."""
    override: dict[str, int | float | bool] = Field(default_factory=dict)
    """Single values of the shape, by the names of ``config.json``; for instance num_hidden_layers."""
    recompute: Literal["none", "selective", "full"] = "none"
    """Activation checkpointing: what is computed again in the backward pass instead of being kept."""


class CorpusSettings(_Table):
    """One corpus of the mixture: the folder that ``quanta corpus build`` wrote."""

    path: Path
    weight: Annotated[float, Field(gt=0)] | None = None
    """Its share of the samples; by default its share of the tokens. Set it for all corpora or for none."""
    fim: FimSettings | None = None
    """Fill-in-the-middle for this corpus; by default that of ``data``."""


class DataTable(_Table):
    """What is read, and how documents become samples."""

    corpus: tuple[CorpusSettings, ...] = ()
    length: Annotated[int, Field(ge=16)] = 512
    """Tokens per sample."""
    packing: Literal["best-fit", "concatenate"] = "best-fit"
    fim: FimSettings = FimSettings()
    tokenizer: Path | None = None
    """A tokenizer.json; by default that of the first corpus."""
    prefetch: Annotated[int, Field(ge=0)] = 4
    """Batches made ahead in the background."""

    @model_validator(mode="after")
    def _weighted(self) -> DataTable:
        given = [one.weight is not None for one in self.corpus]
        if any(given) and not all(given):
            raise ValueError("give a weight to every corpus, or to none")
        return self


class BatchSettings(_Table):
    """``samples`` make one step, on all processes together; each process works on ``micro`` of them at a time."""

    samples: Annotated[int, Field(ge=1)] = 32
    micro: Annotated[int, Field(ge=1)] | None = None
    """Samples per forward pass. By default as many as are 4,096 tokens on a CPU and 32,768 on a GPU."""


class PrecisionSettings(_Table):
    """How numbers are kept and multiplied. Weights, optimizer and loss are always in ``weights``."""

    compute: Literal["auto", "bf16", "fp32", "fp64", "fp8"] = "auto"
    """Of matrix products and activations; auto: bf16 where the hardware multiplies it, else fp32."""
    z_loss: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the squared log-partition, which keeps logits from drifting (PaLM, 2022: 1e-4)."""
    compile: Literal["auto", "on", "off"] = "auto"
    """torch.compile; auto: on a GPU."""


class CheckpointSettings(_Table):
    """When the run is saved, and what is kept."""

    every: Annotated[int, Field(ge=0)] = 500
    """Steps; 0: only at the end, and when the run is asked to stop."""
    minutes: Annotated[float, Field(ge=0)] = 15.0
    """Also when so much time went by since the last one; 0: never by time."""
    keep: Annotated[int, Field(ge=1)] = 2
    """The last ones that are kept, beside the best."""
    best: str = "loss"
    """The evaluation metric that says which one is best."""
    best_is: Literal["lowest", "highest"] = "lowest"
    background: bool = True
    """Copy the state and write it while training goes on; needs memory for one more copy of it."""


class EvaluationSettings(_Table):
    """What is measured on the held-out split while the run goes on. All figures are of documents never trained on."""

    every: Annotated[int, Field(ge=0)] = 250
    """Steps; 0: only at the end."""
    tokens: Annotated[int, Field(ge=0)] = 65_536
    """Held-out tokens for the loss, in documents drawn evenly from each corpus; 0: no held-out loss."""
    infill: Annotated[int, Field(ge=0)] = 64
    """Held-out lines to fill in, for the infilling exact match; 0: none."""
    repair: Annotated[int, Field(ge=0)] = 128
    """Held-out edit records, for the repair top-1; 0: none."""
    samples: Annotated[int, Field(ge=0)] = 1
    """Texts generated each time, to be looked at."""
    sample_tokens: Annotated[int, Field(ge=1)] = 64


class MetricsSettings(_Table):
    """Where records go beside ``metrics.jsonl``."""

    sinks: tuple[str, ...] = ("tensorboard",)
    every: Annotated[int, Field(ge=1)] = 1
    """Steps between two records."""


class ParallelSettings(_Table):
    """How the work is spread over processes started by torchrun; their product is the number of processes."""

    shard: Annotated[int, Field(ge=1)] | None = None
    """Data parallel with sharded weights (FSDP2); by default all processes that the others leave."""
    replicate: Annotated[int, Field(ge=1)] = 1
    """Data parallel with whole copies of those shards (HSDP): one for each machine, when the network is slow."""
    tensor: Annotated[int, Field(ge=1)] = 1
    """Processes that share every matrix."""
    pipeline: Annotated[int, Field(ge=1)] = 1
    """Processes that share the layers."""
    microbatches: Annotated[int, Field(ge=1)] | None = None
    """Pieces that a pipeline cuts the samples of a step into; by default at least twice its stages."""


class TrainRecipe(_Table):
    """A run, from shards to a checkpoint."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")] = "run"
    seed: int = 0
    steps: Annotated[int, Field(ge=1)] | None = None
    """Length of the run in steps; or give ``tokens``."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """Length of the run in tokens, rounded up to whole steps."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    model: ModelSettings = ModelSettings()
    data: DataTable = DataTable()
    batch: BatchSettings = BatchSettings()
    precision: PrecisionSettings = PrecisionSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    spikes: SpikeSettings = SpikeSettings()
    average: AverageSettings = AverageSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    metrics: MetricsSettings = MetricsSettings()
    parallel: ParallelSettings = ParallelSettings()

    @model_validator(mode="before")
    @classmethod
    def _one_length(cls, table: Any) -> Any:
        if isinstance(table, dict) and table.get("steps") is not None and table.get("tokens") is not None:
            raise ValueError("give the run's length in steps or in tokens, not both")
        return table

    @property
    def total_steps(self) -> int:
        """Length of the run in steps."""
        if self.steps is not None:
            return self.steps
        if self.tokens is not None:
            return -(-self.tokens // (self.batch.samples * self.data.length))
        return 1000
