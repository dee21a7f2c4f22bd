"""The stages that judge single documents by themselves: each is a pure function from a document to it, or to a drop.

In this order: `decode`, reserved, language, licence, generated, quality, parse; what costs little comes first. Every
stage pickles, and what it caches does not change what it says.
"""

from quantatissu.corpus.stages.decode import decode
from quantatissu.corpus.stages.generated import GeneratedSettings, generated_stage
from quantatissu.corpus.stages.language import LanguageSettings, language_stage
from quantatissu.corpus.stages.licence import LicenceSettings, declared_licences, licence_stage
from quantatissu.corpus.stages.parse import ParseSettings, installed_grammars, parse_stage
from quantatissu.corpus.stages.quality import QualitySettings, quality_stage
from quantatissu.corpus.stages.reserved import ReservedSettings, reserved_stage

__all__ = [
    "GeneratedSettings",
    "LanguageSettings",
    "LicenceSettings",
    "ParseSettings",
    "QualitySettings",
    "ReservedSettings",
    "declared_licences",
    "decode",
    "generated_stage",
    "installed_grammars",
    "language_stage",
    "licence_stage",
    "parse_stage",
    "quality_stage",
    "reserved_stage",
]
