"""The development benchmark of `quanta fix`: real faults in real packages, judged by tests the tool never saw."""
