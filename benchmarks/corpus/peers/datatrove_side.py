"""datatrove's side of ``corpus-throughput``, run by an interpreter of its own: ``datatrove_side.py INPUT WORK TASKS``.

Read JSON Lines, filter, near duplicates by MinHash over the same 5-token shingles as ours (exact ones are among them),
write. Candidates are not verified. What is left open is set in its favour: tokens are found by one regular expression,
texts are not normalised, nothing is compressed, and what the filter leaves is not stored in between.
"""

import re
import sys
from dataclasses import fields

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.text import TextNormConfig
from datatrove.utils.word_tokenizers import WordTokenizer
from line_rules import keeps

TOKEN = re.compile(r"\w+|[^\w\s]")
AS_IT_IS = TextNormConfig(*[False] * len(fields(TextNormConfig)))


class Tokens(WordTokenizer):
    """Names, numbers and single signs. Its own tokenizer for English, spaCy's, takes many times as long."""

    def word_tokenize(self, text):
        return TOKEN.findall(text)

    def sent_tokenize(self, text):
        return [text]

    def span_tokenize(self, text):
        return [(0, len(text))]


def kept(document):
    return keeps(document.text)


def main(source, work, tasks):
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, norm_config=AS_IT_IS)
    signature = MinhashDedupSignature(f"{work}/signatures", config, language=Tokens())
    found = [JsonlReader(source, text_key="content"), LambdaFilter(kept)]
    steps = [
        ([*found, signature], tasks),
        ([MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=config)], config.num_buckets),
        ([MinhashDedupCluster(f"{work}/buckets", f"{work}/remove", config=config)], 1),
        ([*found, MinhashDedupFilter(f"{work}/remove"), JsonlWriter(f"{work}/out", compression=None)], tasks),
    ]
    for number, (pipeline, count) in enumerate(steps):
        executor = LocalPipelineExecutor(
            pipeline, tasks=count, workers=2, logging_dir=f"{work}/logs/{number}", start_method="fork"
        )
        executor.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
