"""Wrong programs made of right ones, with the evidence that they are wrong: records for training on edits.

`inject` takes documents as they come, `inject_tested` a project with tests; both yield `EditRecord`s, which
`write_records` stores and `read_records` reads back.
"""

from quantatissu.corpus.synthetic.inject import inject
from quantatissu.corpus.synthetic.record import EditRecord, Evidence, TraceFrame
from quantatissu.corpus.synthetic.settings import SyntheticSettings
from quantatissu.corpus.synthetic.tested import inject_tested
from quantatissu.corpus.synthetic.writing import Written, read_records, write_records

__all__ = [
    "EditRecord",
    "Evidence",
    "SyntheticSettings",
    "TraceFrame",
    "Written",
    "inject",
    "inject_tested",
    "read_records",
    "write_records",
]
