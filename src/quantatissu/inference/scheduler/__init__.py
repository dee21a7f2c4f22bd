"""Which tokens of which requests go through the model in the next step, and what becomes of the logits.

`Scheduler` is synchronous and knows no threads: `add` samples, `step` until none is left. `cache` manages pages,
`sample` is the state of one answer, `text` turns tokens into text. `scoring` of given continuations and beam search in
`beams` make `passes` of their own in between.
"""

from quantatissu.inference.scheduler.loop import Scheduler

__all__ = ["Scheduler"]
