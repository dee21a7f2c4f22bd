"""Programs that measure `quanta corpus` against its bars."""
