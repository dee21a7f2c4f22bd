"""A Python package's core metadata (METADATA, PKG-INFO): what it is called, and the licences that it declares."""

from __future__ import annotations

import re
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

from quantatissu.corpus.stages.licence import declared_licences


def normal_name(name: str) -> str:
    """A distribution's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_metadata(data: bytes) -> Message:
    """Headers; what follows them, a description, is left alone. Never raises."""
    return BytesParser(policy=compat32).parsebytes(data, headersonly=True)


def metadata_licences(metadata: Message) -> tuple[str, ...]:
    """SPDX expressions from ``License-Expression``, ``License`` and the classifiers; empty when they say nothing."""
    classifiers = [str(value) for value in metadata.get_all("Classifier", [])]
    return declared_licences(_field(metadata, "License-Expression"), _field(metadata, "License"), classifiers)


def _field(metadata: Message, name: str) -> str:
    value = str(metadata.get(name) or "").strip()
    return "" if value.upper() == "UNKNOWN" else value
