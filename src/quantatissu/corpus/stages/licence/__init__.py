"""Which licence covers a document: what it says itself, what was declared for it, what texts lie beside it."""

from quantatissu.corpus.stages.licence.declared import declared_licences
from quantatissu.corpus.stages.licence.stage import LicenceSettings, LicenceStage, licence_stage

__all__ = ["LicenceSettings", "LicenceStage", "declared_licences", "licence_stage"]
