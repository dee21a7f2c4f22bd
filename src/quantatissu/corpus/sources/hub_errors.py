"""The Hub's failures, told as what happened and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from quantatissu.foundation import QuantaError

_EXTRA = 'Install the extra: pip install "quantatissu[corpus]" datasets huggingface_hub'


@contextmanager
def explained(source: str, dataset: str) -> Iterator[None]:
    """Turns what `datasets` and `huggingface_hub` raise into QuantaError; what is no failure of theirs passes."""
    try:
        yield
    except QuantaError:
        raise
    except ImportError as error:
        raise QuantaError(
            f"source {source}: reading {dataset} needs the package {error.name or 'datasets'}", hint=_EXTRA
        ) from error
    except Exception as error:
        found = _explanation(error, dataset)
        if found is None:
            raise
        raise QuantaError(f"source {source}: {found[0]}", hint=found[1]) from error


def _explanation(error: BaseException, dataset: str) -> tuple[str, str | None] | None:
    """What happened and what to do, from the most telling error of the chain."""
    chain = list(_chain(error))
    names = {name for one in chain for name in (cls.__name__ for cls in type(one).__mro__)}
    statuses = {getattr(getattr(one, "response", None), "status_code", None) for one in chain}
    said = _first_line(error)
    page = f"https://huggingface.co/datasets/{dataset}"
    if "GatedRepoError" in names or "gated" in said.lower() or 403 in statuses:
        return (
            f"{dataset} is gated, and this account has no access yet",
            f"Accept its terms at {page}, then log in with `hf auth login` or set HF_TOKEN.",
        )
    if 401 in statuses or "LocalTokenNotFoundError" in names:
        return (
            f"the Hub wants a login for {dataset}",
            "Log in with `hf auth login` or set HF_TOKEN; check the name too.",
        )
    if names & {"OfflineModeIsEnabled", "OfflineModeIsEnabledError"}:
        return (
            f"{dataset} is not on this machine and the Hub is switched off",
            "Unset HF_HUB_OFFLINE, or name a folder that holds the data set.",
        )
    if "RevisionNotFoundError" in names:
        return f"{dataset} has no such revision", f"Its commits are listed at {page}/commits/main."
    if names & {"RepositoryNotFoundError", "DatasetNotFoundError", "HFValidationError"}:
        return (
            f"there is no data set {dataset}, or it is private",
            "Check the name; for a private one log in with `hf auth login`. A folder must exist to be read as one.",
        )
    if 429 in statuses:
        return f"the Hub answers too many requests for {dataset}", "Wait a while, then go on with --resume."
    if names & {"DataFilesNotFoundError", "EntryNotFoundError", "EmptyDatasetError"}:
        return f"{dataset} has no data files that can be read: {said}", f"Check `folders` and `revision`; see {page}."
    if _network(names) or any(status and status >= 500 for status in statuses):
        return (
            f"the Hub cannot be reached for {dataset}: {said}",
            'Check the network, then go on with --resume. Offline, use [[source]] kind = "installed" or "stdlib", or '
            "name a folder that holds the data set.",
        )
    if isinstance(error, ValueError) and ("split" in said.lower() or "config" in said.lower()):
        return f"{dataset}: {said}", "Set `split` and `configuration` to ones that it has."
    if names & {"DatasetsError", "HfHubHTTPError", "FileNotFoundError"}:
        return f"{dataset} cannot be read: {said}", f"See {page}."
    return None


def _network(names: set[str]) -> bool:
    known = {"ConnectionError", "ConnectError", "TransportError", "TimeoutError", "Timeout", "gaierror"}
    return not names.isdisjoint(known | {"RequestException", "ClientConnectionError", "LocalEntryNotFoundError"})


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
