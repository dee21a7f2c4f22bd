"""How processes that were just started find each other, and nobody from an attempt before."""

from __future__ import annotations

import time
import uuid
from typing import Any

from torch.distributed.distributed_c10d import PrefixStore

from quantatissu.foundation import QuantaError

_POLL_SECONDS = 0.05
_WAIT_SECONDS = 1800


def meet(store: Any, rank: int, size: int) -> Any:
    """A corner of `store` for these `size` processes alone; each calls this with its `rank`.

    When torchrun starts processes anew it keeps its store, with the addresses of those that are gone in it. So the
    first process thinks of a name that was never used, and tells it to the others: each one asks under a name of its
    own, because what an earlier process asked may still be there too. Raises QuantaError when one does not come.
    """
    if rank:
        mine = uuid.uuid4().hex
        store.set(f"asking/{rank}", mine)
        name = store.get(f"told/{mine}").decode()
        store.set(f"heard/{name}/{rank}", "")
        return PrefixStore(name, store)
    name, missing = uuid.uuid4().hex, set(range(1, size))
    deadline = time.monotonic() + _WAIT_SECONDS
    while missing:
        missing = {other for other in missing if not store.check([f"heard/{name}/{other}"])}
        for other in missing:
            if store.check([f"asking/{other}"]):
                store.set(f"told/{store.get(f'asking/{other}').decode()}", name)
        if time.monotonic() > deadline:
            raise QuantaError(f"process {min(missing)} of {size} did not come", hint="Is its machine up?")
        time.sleep(_POLL_SECONDS if missing else 0)
    return PrefixStore(name, store)
