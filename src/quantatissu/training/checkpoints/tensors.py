"""Tensors of a training state in a folder, in torch.distributed.checkpoint's form over safetensors.

Torch's own storage of such checkpoints pickles its index, and reading a pickle runs what is in it. The safetensors
storage keeps the same information in the files' headers: nothing that is read here can run anything, and a state that
many processes wrote can be read by one, or by another number of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor
from torch.distributed import ProcessGroup

from quantatissu.foundation import QuantaError


def save_tensors(tensors: Mapping[str, Tensor], folder: Path, group: ProcessGroup | None = None) -> None:
    """Write `tensors` into `folder`: those of all processes of `group`, all of which call this, sharded ones too."""
    from torch.distributed.checkpoint import state_dict_saver
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter

    folder.mkdir(parents=True, exist_ok=True)
    _quiet()
    state_dict_saver.save(
        dict(tensors),
        storage_writer=HuggingFaceStorageWriter(str(folder), save_distributed=True),
        process_group=group,
    )


def load_tensors(tensors: Mapping[str, Tensor], folder: Path, group: ProcessGroup | None = None) -> None:
    """Overwrite `tensors` with those of the same names in `folder`; each process reads what it holds a piece of.

    Raises QuantaError when they do not fit.
    """
    from torch.distributed.checkpoint import state_dict_loader
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader

    if not tensors and group is None:
        return
    _quiet()
    try:
        state_dict_loader.load(dict(tensors), storage_reader=HuggingFaceStorageReader(str(folder)), process_group=group)
    except Exception as error:  # the library wraps whatever went wrong in exceptions of its own
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise QuantaError(
            f"the training state in {folder} does not fit this run: {reason}",
            hint="Resume with the recipe of that run; to start anew from its weights, pass its folder as --init.",
        ) from error


def _quiet() -> None:
    """Without the warning that one process is one process. For good: putting the filters back is not for threads."""
    warnings.filterwarnings("ignore", message="torch.distributed is disabled")
