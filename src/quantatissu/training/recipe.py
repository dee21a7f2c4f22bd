"""The recipe of a training run: every setting in one TOML file, checked before any work begins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from quantatissu.model.adapters import AdapterConfig
from quantatissu.training.data import AnswerSettings, FimSettings
from quantatissu.training.objectives.settings import CausalSettings, GrpoSettings, ObjectiveSettings
from quantatissu.training.optim import AverageSettings, OptimizerSettings, ScheduleSettings, SpikeSettings

_READS = {"causal": ("data.corpus", "data.conversations"), "dpo": ("data.preferences",), "grpo": ("data.prompts",)}


_STEPS = 1000


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
    answers: AnswerSettings | None = None
    """Its documents are questions, of which only the answers are learnt."""


class DataTable(_Table):
    """What is read, and how documents become samples. One of ``corpus``, ``conversations``, ``preferences`` and
    ``prompts``: the last three are files of records (JSON Lines or Parquet), or folders of such files.
    """

    corpus: tuple[CorpusSettings, ...] = ()
    conversations: tuple[Path, ...] = ()
    """Records {"messages": [...], "tools": [...]}, for supervised fine-tuning on what the assistant says in them."""
    preferences: tuple[Path, ...] = ()
    """Records {"prompt", "chosen", "rejected"}, for the objective ``dpo``; a prompt is a text or messages."""
    prompts: tuple[Path, ...] = ()
    """Records {"prompt", ...} with whatever the scorer wants to know, for the objective ``grpo``."""
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """The share of the records that is only evaluated on, chosen by a hash of the prompt, or of the record's ``group``.
    A corpus has a split of its own."""
    chat_template: Path | None = None
    """A Jinja file; by default the one beside the tokenizer, else that of our own vocabularies."""
    length: Annotated[int, Field(ge=16)] = 512
    """Tokens per sample."""
    packing: Literal["best-fit", "concatenate"] = "best-fit"
    fim: FimSettings = FimSettings()
    tokenizer: Path | None = None
    """A tokenizer.json; by default that of the first corpus or, for records, of ``model.init``."""
    prefetch: Annotated[int, Field(ge=0)] = 4
    """Batches made ahead in the background."""

    @model_validator(mode="after")
    def _weighted(self) -> DataTable:
        given = [one.weight is not None for one in self.corpus]
        if any(given) and not all(given):
            raise ValueError("give a weight to every corpus, or to none")
        return self

    @property
    def records(self) -> tuple[Path, ...]:
        """The files of records, of whatever kind."""
        return self.conversations + self.preferences + self.prompts


class BatchSettings(_Table):
    """``samples`` make one step, on all processes together; each process works on ``micro`` of them at a time."""

    samples: Annotated[int, Field(ge=1)] = 32
    micro: Annotated[int, Field(ge=1)] | None = None
    """Samples per forward pass. By default as many as are 2,048 tokens on a CPU and 32,768 on a GPU."""
    replicas: Annotated[int, Field(ge=1)] | None = None
    """On a CPU, in one process: replicas of the model that each take forward passes of their own, on their own cores.
    They share the weights, not the gradients. By default one a core, at most 8."""


class PrecisionSettings(_Table):
    """How numbers are kept and multiplied. Weights, optimizer and loss are always in ``weights``."""

    compute: Literal["auto", "bf16", "fp32", "fp64", "fp8"] = "auto"
    """Of matrix products and activations; auto: bf16 where the hardware multiplies it, else fp32. fp8: bf16, but for
    the products inside the layers, on one GPU that has it."""
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
    steps: Annotated[int, Field(ge=0)] = 0
    """Length of the run in steps; 0: given in ``tokens``."""
    tokens: Annotated[int, Field(ge=0)] = 0
    """Length of the run in tokens, rounded up to whole steps; 0: given in ``steps``, and 1,000 steps if in neither."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    objective: ObjectiveSettings = CausalSettings()
    model: ModelSettings = ModelSettings()
    adapter: AdapterConfig | None = None
    """Train an adapter instead of all weights; its frozen base is ``model.init``."""
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
        if isinstance(table, dict) and table.get("steps") and table.get("tokens"):
            raise ValueError("give the run's length in steps or in tokens, not both")
        return table

    @model_validator(mode="before")
    @classmethod
    def _best_of_answers(cls, table: Any) -> Any:
        """A run that learns from its own answers has no held-out loss to be the best by."""
        objective = table.get("objective") if isinstance(table, dict) else None
        if isinstance(objective, dict) and objective.get("kind") == "grpo":
            given = table.get("checkpoint")
            if given is None or (isinstance(given, dict) and not {"best", "best_is"} & set(given)):
                return {**table, "checkpoint": {**(given or {}), "best": "success", "best_is": "highest"}}
        return table

    @model_validator(mode="after")
    def _data_for_objective(self) -> TrainRecipe:
        kinds = ("corpus", "conversations", "preferences", "prompts")
        given = [f"data.{kind}" for kind in kinds if getattr(self.data, kind)]
        wanted = _READS[self.objective.kind]
        if len(given) > 1:
            raise ValueError(f"{given[0]} and {given[1]}: a run reads one kind of data")
        if given and given[0] not in wanted:
            raise ValueError(f"the objective {self.objective.kind} reads {' or '.join(wanted)}, not {given[0]}")
        if not given and self.objective.kind != "causal":
            raise ValueError(f"the objective {self.objective.kind} needs {wanted[0]}")
        return self

    @model_validator(mode="after")
    def _whole_groups(self) -> TrainRecipe:
        objective = self.objective
        if isinstance(objective, GrpoSettings):
            if self.batch.samples % objective.group:
                raise ValueError(f"batch.samples ({self.batch.samples}) is no multiple of objective.group")
            if objective.max_tokens >= self.data.length:
                raise ValueError("objective.max_tokens leaves no room for a prompt in data.length")
        return self

    @property
    def total_steps(self) -> int:
        """Length of the run in steps."""
        return self.steps or -(-self.tokens // (self.batch.samples * self.data.length)) or _STEPS
