"""A step's micro-batches side by side on the cores of one CPU.

Matrix products use all cores well, but what lies between them (norms, RoPE, SwiGLU, attention, the loss) does not: with
two threads on one micro-batch the second core waited a fifth of the time. So each replica takes micro-batches of its
own, on cores of its own. Replicas share the weights; only gradients are theirs, and are added up once a step.

Not covered: GPUs, which one stream keeps busy, and compiled models.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor, nn

from quantatissu.model.decoder import Decoder
from quantatissu.training.objectives import Tensors, Terms
from quantatissu.training.run.step import Context, added, one_by_one


class Replicas:
    """Accumulates the gradients of a step like the loop over its micro-batches, on `count` replicas of `model`.

    Micro-batch ``i`` goes to replica ``i % count`` and the gradients are added in the order of the replicas: the sums
    are the same in every run with as many replicas. In the first step the replicas go one after the other: MKL's vector
    functions choose their kernels when they are first called, and two threads that call at once may get different ones
    (in one process of a hundred one cosine was off by its last bit).
    """

    def __init__(
        self, model: Decoder, forward: Callable[[Decoder, Tensors], Terms], context: Context, count: int
    ) -> None:
        self._models = [model, *(_sharing(model) for _ in range(count - 1))]
        self._forward, self._context = forward, context
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="replica")
        self._begun = False

    def __call__(self, batches: Sequence[Tensors], count: float) -> dict[str, Tensor]:
        """Add the gradients of ``batches``, their losses divided by ``count``; returns the objective's sums."""
        threads, number = torch.get_num_threads(), len(self._models)
        shares = [batches[replica::number] for replica in range(number)]
        work: list[Future[dict[str, Tensor]]] = []
        try:
            for model, share in zip(self._models, shares, strict=True):
                work.append(self._pool.submit(self._work, model, share, count, max(1, threads // number)))
                if not self._begun:
                    work[-1].result()
            found = [one.result() for one in work]
            self._begun = True
        finally:
            # The threads set it for themselves, and thereby for threads to come; this one keeps what it had.
            torch.set_num_threads(threads)
        self._gather()
        return added(found)

    def _work(self, model: Decoder, batches: Sequence[Tensors], count: float, threads: int) -> dict[str, Tensor]:
        torch.set_num_threads(threads)
        return one_by_one(partial(self._forward, model), self._context, batches, count)

    def _gather(self) -> None:
        """Add up the replicas' gradients in the model's own."""
        model, *others = self._models
        for other in others:
            pairs = [
                (mine, theirs)
                for mine, theirs in zip(model.parameters(), other.parameters(), strict=True)
                if theirs.grad is not None and mine is not theirs
            ]
            sums: list[Tensor] = []
            parts: list[Tensor] = []
            for mine, theirs in pairs:
                if mine.grad is None:
                    mine.grad = theirs.grad
                elif theirs.grad is not None:
                    sums.append(mine.grad)
                    parts.append(theirs.grad)
                theirs.grad = None
            if sums:
                torch._foreach_add_(sums, parts)


def _sharing(model: Decoder) -> Decoder:
    """A copy of ``model`` in the same memory; what is trained gets a gradient of its own."""
    kept: dict[int, object] = {id(buffer): buffer for buffer in model.buffers()}
    for parameter in model.parameters():
        kept[id(parameter)] = nn.Parameter(parameter.data) if parameter.requires_grad else parameter
    return copy.deepcopy(model, kept)
