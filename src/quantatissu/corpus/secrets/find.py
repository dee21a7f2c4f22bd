"""Everything together: exact patterns where an anchor stands, and the few kinds that have no anchor."""

from __future__ import annotations

from quantatissu.corpus.secrets import assignments, formats, structures
from quantatissu.corpus.secrets.anchors import Anchors
from quantatissu.corpus.secrets.personal import personal_data
from quantatissu.corpus.secrets.spans import Secret, merged


def find_secrets(text: str, *, personal: bool = True) -> list[Secret]:
    """The secrets in `text`, and with `personal` the personal data too, in order and without overlaps."""
    found: list[tuple[int, Secret]] = []
    for place, rank in _ANCHORS.candidates(text):
        secret = _DETECTORS[rank](text, place)
        if secret is not None:
            found.append((rank, secret))
    found.sort()
    everything = [secret for _, secret in found]
    for whole in _WHOLE_TEXT:
        everything.extend(whole(text))
    if personal:
        everything.extend(personal_data(text))
    return merged(everything) if everything else []


# In the order of how much a kind tells: a token of a known service before a value that a name gives away.
_ENTRIES: tuple[tuple[tuple[str, ...], structures.Detector], ...] = (
    *((form.anchors, formats.at_anchor(form)) for form in formats.FORMATS if form.anchors),
    *structures.DETECTORS,
    (assignments.ANCHORS, assignments.assigned),
)
_DETECTORS = tuple(detector for _, detector in _ENTRIES)
_ANCHORS = Anchors((literal, rank) for rank, (literals, _) in enumerate(_ENTRIES) for literal in literals)
_WHOLE_TEXT = tuple(formats.anywhere(form) for form in formats.FORMATS if not form.anchors)
