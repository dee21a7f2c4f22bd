"""The stage that drops documents which break a limit of quality."""

from __future__ import annotations

from dataclasses import dataclass, field

from quantatissu.corpus.document import Document, Drop
from quantatissu.corpus.stages.quality.settings import QualitySettings
from quantatissu.corpus.stages.quality.signals import SIGNALS, Signal
from quantatissu.corpus.stages.view import view

Limits = tuple[tuple[Signal, float], ...]
_STUBS = ".pyi"  # files of signatures: that their functions are empty is what they are for
_NOT_OF_STUBS = {"max_empty_functions"}


@dataclass(frozen=True, slots=True)
class QualityStage:
    """Asks the signals in order and drops at the first broken limit. Reasons are those of `signals.SIGNALS`."""

    settings: QualitySettings
    name: str = "quality"
    _limits: dict[tuple[str, bool], Limits] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, document: Document) -> Document | Drop:
        kind = document.language, document.origin.path.endswith(_STUBS)
        limits = self._limits.get(kind)
        if limits is None:
            limits = self._limits[kind] = _limits(self.settings, *kind)
        looked_at = view(document.text, document.language)
        for signal, limit in limits:
            if detail := signal.broken(looked_at, limit):
                return Drop(self.name, signal.reason, detail)
        return document


def _limits(settings: QualitySettings, language: str, stubs: bool) -> Limits:
    thresholds = settings.for_language(language)
    asked = (signal for signal in SIGNALS if not (stubs and signal.setting in _NOT_OF_STUBS))
    limits = ((signal, getattr(thresholds, signal.setting)) for signal in asked)
    return tuple((signal, limit) for signal, limit in limits if limit is not None)


def quality_stage(settings: QualitySettings) -> QualityStage:
    """The stage for these settings."""
    return QualityStage(settings)
