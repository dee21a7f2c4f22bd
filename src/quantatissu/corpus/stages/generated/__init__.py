"""Generated, minified and vendored files, test fixtures, lock files and tables of data."""

from quantatissu.corpus.stages.generated.stage import GeneratedSettings, GeneratedStage, generated_stage

__all__ = ["GeneratedSettings", "GeneratedStage", "generated_stage"]
