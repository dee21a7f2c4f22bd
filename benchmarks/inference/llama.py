"""llama.cpp as a peer: sequences decoded in parallel behind one prefix, through its C interface."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import Skip


class Llama:
    """A GGUF file in llama.cpp with room for ``sequences`` of ``context`` tokens that may share their beginnings."""

    def __init__(
        self,
        file: Path,
        *,
        sequences: int,
        context: int,
        temperature: float = 0.0,
        threads: int = 0,
        repack: bool = False,
    ) -> None:
        """``repack``: let it lay weights out anew for the processor's special units. Off, since its products on AMX end
        in an illegal instruction on some virtual machines.
        """
        try:
            import llama_cpp
        except ImportError as error:
            raise Skip("llama-cpp-python is not installed") from error
        self._c: Any = llama_cpp
        threads = threads or len(os.sched_getaffinity(0))
        self._log = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self._log, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        how = llama_cpp.llama_model_default_params()
        how.use_extra_bufts = repack
        self._model = llama_cpp.llama_model_load_from_file(str(file).encode(), how)
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = context + sequences * 64
        settings.n_batch = settings.n_ubatch = 2048
        settings.n_seq_max = sequences + 1
        settings.n_threads = settings.n_threads_batch = threads
        settings.kv_unified = True
        self._context = llama_cpp.llama_init_from_model(self._model, settings)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(2048, 0, 1)
        self._sampler = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        if temperature:
            llama_cpp.llama_sampler_chain_add(self._sampler, llama_cpp.llama_sampler_init_temp(temperature))
            llama_cpp.llama_sampler_chain_add(self._sampler, llama_cpp.llama_sampler_init_dist(1))
        else:
            llama_cpp.llama_sampler_chain_add(self._sampler, llama_cpp.llama_sampler_init_greedy())

    def prefill(self, tokens: Sequence[int]) -> None:
        """All but the last token of ``tokens`` into sequence 0."""
        self._c.llama_memory_clear(self._memory, True)
        self._decode([(token, at, 0, False) for at, token in enumerate(tokens[:-1])])
        self._prefix = list(tokens)

    def sample(self, count: int, new: int) -> list[list[int]]:
        """``count`` continuations of ``new`` tokens of the prefix, side by side; they are forgotten afterwards."""
        held = len(self._prefix) - 1
        for sequence in range(1, count + 1):
            self._c.llama_memory_seq_cp(self._memory, 0, sequence, 0, held)
        last = [self._prefix[-1]] * count
        made: list[list[int]] = [[] for _ in range(count)]
        for step in range(new):
            self._decode([(token, held + step, number + 1, True) for number, token in enumerate(last)])
            last = [self._c.llama_sampler_sample(self._sampler, self._context, row) for row in range(count)]
            for tokens, token in zip(made, last, strict=True):
                tokens.append(token)
        for sequence in range(1, count + 1):
            self._c.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return made

    def close(self) -> None:
        """Give back memory."""
        self._c.llama_sampler_free(self._sampler)
        self._c.llama_batch_free(self._batch)
        self._c.llama_free(self._context)
        self._c.llama_model_free(self._model)

    def _decode(self, rows: list[tuple[int, int, int, bool]]) -> None:
        batch = self._batch
        batch.n_tokens = len(rows)
        for number, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[number], batch.pos[number], batch.logits[number] = token, position, wanted
            batch.n_seq_id[number] = 1
            batch.seq_id[number][0] = sequence
        assert self._c.llama_decode(self._context, batch) == 0
