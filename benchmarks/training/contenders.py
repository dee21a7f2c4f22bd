"""One way to train, as a process that takes steps when it is told to: ``python -m benchmarks.training.contenders``.

Every contender gets the same shape, the same random tokens, bfloat16 by autocast over float32 weights, AdamW fused, and
gradient clipping. It says ``ready`` when it is warm; for each line ``N`` on its standard input it takes N steps and
answers with the seconds they took. So contenders take turns on the same cores, and none pays for another's start.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.training.shapes import LENGTH, VOCABULARY, fields

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = 16  # of 512 tokens in a step
_WARM_STEPS = 2


class Contender:
    """The process of one contender. `steps` returns the seconds that so many steps took."""

    def __init__(self, name: str, shape: str, micro: int, threads: int) -> None:
        self.name, self.micro = name, micro
        command = [sys.executable, "-m", "benchmarks.training.contenders", name, shape, str(micro), str(threads)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._expect("ready")

    def steps(self, count: int) -> float:
        """Seconds for `count` steps."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        return float(self._expect("took").split()[1])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _expect(self, word: str) -> str:
        assert self._process.stdout is not None and self._process.stderr is not None
        for line in self._process.stdout:
            if line.startswith(word):
                return line
        raise RuntimeError(f"{self.name} ended: {self._process.stderr.read()[-800:]}")


def tokens() -> Iterator[np.ndarray[Any, Any]]:
    """Endless steps of tokens, int64 [SAMPLES, LENGTH], the same for every contender."""
    generator = np.random.default_rng(0)
    while True:
        yield generator.integers(0, VOCABULARY, (SAMPLES, LENGTH))


def ours(shape: str, micro: int) -> Callable[[int], None]:
    """The step of this package's trainer."""
    import torch

    from quantatissu.model.config import ModelConfig
    from quantatissu.model.decoder import Decoder
    from quantatissu.training.objectives import CausalLM
    from quantatissu.training.optim import Optimizers, OptimizerSettings, SpikeGuard, SpikeSettings
    from quantatissu.training.parallel import Alone
    from quantatissu.training.run.replicas import Replicas
    from quantatissu.training.run.setup import autocast
    from quantatissu.training.run.step import Step

    device = torch.device("cpu")
    model = Decoder(ModelConfig.of(fields(shape)))
    objective, context = CausalLM(), autocast(device, torch.bfloat16)
    replicas = min(SAMPLES // micro, torch.get_num_threads())
    step = Step(
        lambda batch: objective(model, batch),
        objective,
        Optimizers(model, OptimizerSettings()),
        SpikeGuard(SpikeSettings()),
        Alone(device),
        clip=1.0,
        average=None,
        context=context,
        accumulate=Replicas(model, objective, context, replicas) if replicas > 1 else None,
    )
    batches = map(torch.from_numpy, tokens())

    def run(count: int) -> None:
        for _ in range(count):
            step([_batch(part) for part in next(batches).split(micro)])

    return run


def _batch(part: Any) -> dict[str, Any]:
    """A micro-batch as the loader makes it, each row one document."""
    import torch

    targets = torch.full_like(part, -100)
    targets[:, :-1] = part[:, 1:]
    positions = torch.arange(part.shape[1]).expand_as(part).contiguous()
    return {
        "tokens": part,
        "targets": targets,
        "positions": positions,
        "documents": torch.zeros_like(part, dtype=torch.int32),
    }


def _peer(shape: str) -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    model = Qwen3ForCausalLM(Qwen3Config(**fields(shape), use_cache=False, attn_implementation="sdpa"))
    model.train()
    return model


def plain(shape: str, micro: int) -> Callable[[int], None]:
    """The loop that anybody writes: autocast, fused AdamW, around the model of transformers."""
    import torch

    model = _peer(shape)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1, fused=True)
    batches = map(torch.from_numpy, tokens())

    def run(count: int) -> None:
        for _ in range(count):
            parts = next(batches).split(micro)
            for part in parts:
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    loss = model(input_ids=part, labels=part).loss / len(parts)
                loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return run


def trainer(shape: str, micro: int, answer: Callable[[], int]) -> None:
    """transformers' Trainer; its loop is its own, so it asks `answer` after every step for how many more to take."""
    import tempfile

    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Data(torch.utils.data.Dataset[dict[str, Any]]):
        def __len__(self) -> int:
            return 1 << 20

        def __getitem__(self, index: int) -> dict[str, Any]:
            row = torch.from_numpy(np.random.default_rng(index).integers(0, VOCABULARY, LENGTH))
            return {"input_ids": row, "labels": row}

    class Turns(TrainerCallback):
        left = _WARM_STEPS

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.left -= 1
            if not self.left:
                self.left = answer()

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            use_cpu=True,
            bf16=True,
            optim="adamw_torch_fused",
            per_device_train_batch_size=micro,
            gradient_accumulation_steps=SAMPLES // micro,
            max_steps=1 << 15,
            learning_rate=1e-3,
            weight_decay=0.1,
            max_grad_norm=1.0,
            logging_strategy="no",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        Trainer(model=_peer(shape), args=arguments, train_dataset=Data(), callbacks=[Turns()]).train()


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=["ours", "plain", "trainer"])
    parser.add_argument("shape")
    parser.add_argument("micro", type=int)
    parser.add_argument("threads", type=int)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    if given.name == "trainer":
        _trainer_main(given.shape, given.micro)
        return
    run = {"ours": ours, "plain": plain}[given.name](given.shape, given.micro)
    run(_WARM_STEPS)
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        run(int(line))
        print(f"took {time.perf_counter() - began}", flush=True)


def _trainer_main(shape: str, micro: int) -> None:
    began: list[float] = []

    def answer() -> int:
        print(f"took {time.perf_counter() - began[-1]}" if began else "ready", flush=True)
        line = sys.stdin.readline()
        if not line:
            sys.exit()
        began.append(time.perf_counter())
        return int(line)

    trainer(shape, micro, answer)


if __name__ == "__main__":
    main()
