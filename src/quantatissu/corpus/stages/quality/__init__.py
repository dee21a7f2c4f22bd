"""Signals of quality, and the limits a recipe sets on them."""

from quantatissu.corpus.stages.quality.settings import QualitySettings, Thresholds
from quantatissu.corpus.stages.quality.stage import QualityStage, quality_stage

__all__ = ["QualitySettings", "QualityStage", "Thresholds", "quality_stage"]
