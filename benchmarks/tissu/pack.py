"""Write a checkpoint as the package ships it: packed weights, config, tokenizer, card.

python -m benchmarks.tissu.pack CHECKPOINT OUT
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tissu.pack", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args(arguments)
    import torch

    from quantatissu.model.folders import load_model
    from quantatissu.model.packed import save_packed

    model = load_model(options.checkpoint, dtype=torch.float32)
    save_packed({name: tensor.numpy() for name, tensor in model.state_dict().items()}, options.out)
    for name in ("config.json", "tokenizer.json", "README.md"):
        if (options.checkpoint / name).is_file():
            shutil.copyfile(options.checkpoint / name, options.out / name)
    size = sum(path.stat().st_size for path in options.out.iterdir())
    print(f"{size / (1 << 20):.1f} MiB in {options.out}")


if __name__ == "__main__":
    main()
