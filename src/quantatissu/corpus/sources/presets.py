"""The columns of data sets of code that many use, as their cards on the Hub describe them."""

from __future__ import annotations

from dataclasses import dataclass

from quantatissu.corpus.sources.settings import Columns


@dataclass(frozen=True, slots=True)
class Preset:
    """How to read a data set: its columns, and where its texts lie when it holds only their ids."""

    columns: Columns
    contents: str = ""


_THE_STACK = Preset(
    Columns(
        text="content",
        path="max_stars_repo_path",
        repository="max_stars_repo_name",
        revision="max_stars_repo_head_hexsha",
        licences="max_stars_repo_licenses",
        language="lang",
        date="",
    )
)
_THE_STACK_V2 = Preset(
    Columns(
        text="",
        path="path",
        repository="repo_name",
        revision="revision_id",
        licences="detected_licenses",
        language="language",
        date="revision_date",
        blob="blob_id",
        encoding="src_encoding",
    ),
    contents="s3://softwareheritage/content",
)
# Functions rather than files. Its rows name no licence, so a recipe that drops unknown licences keeps none of them.
_CODE_SEARCH_NET = Preset(
    Columns(
        text="whole_func_string",
        path="func_path_in_repository",
        repository="repository_name",
        revision="func_code_url",
        licences="",
        language="language",
        date="",
    )
)

PRESETS = {
    "bigcode/the-stack": _THE_STACK,
    "bigcode/the-stack-dedup": _THE_STACK,
    "bigcode/the-stack-v2": _THE_STACK_V2,
    "bigcode/the-stack-v2-dedup": _THE_STACK_V2,
    "code-search-net/code_search_net": _CODE_SEARCH_NET,
    "code_search_net": _CODE_SEARCH_NET,
}
"""By the data set's name on the Hub."""
