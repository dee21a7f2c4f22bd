"""Counts in Prometheus's text format."""

from __future__ import annotations

import threading
from collections import Counter

from quantatissu.inference import EngineStats

_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """Of one server. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: Counter[float] = Counter()
        self._total = 0.0
        self._count = 0

    def request(self, path: str, status: int, seconds: float) -> None:
        """A request was answered, to its end."""
        with self._lock:
            self._requests[path, status] += 1
            self._count += 1
            self._total += seconds
            for bucket in _BUCKETS:
                self._seconds[bucket] += seconds <= bucket

    def text(self, stats: EngineStats) -> str:
        """Everything, with what the engine counts."""
        with self._lock:
            lines = ["# TYPE quanta_requests_total counter"]
            lines += [
                f'quanta_requests_total{{path="{path}",status="{status}"}} {count}'
                for (path, status), count in sorted(self._requests.items())
            ]
            lines.append("# TYPE quanta_request_seconds histogram")
            lines += [f'quanta_request_seconds_bucket{{le="{one:g}"}} {self._seconds[one]}' for one in _BUCKETS]
            lines += [
                f'quanta_request_seconds_bucket{{le="+Inf"}} {self._count}',
                f"quanta_request_seconds_sum {self._total:.6f}",
                f"quanta_request_seconds_count {self._count}",
            ]
        for name in ("prompt", "cached", "generated", "drafted", "accepted"):
            lines.append(f"# TYPE quanta_{name}_tokens_total counter")
            lines.append(f"quanta_{name}_tokens_total {getattr(stats, f'{name}_tokens')}")
        for name in ("running", "waiting", "pages", "pages_free", "pages_cached"):
            lines.append(f"# TYPE quanta_{name} gauge")
            lines.append(f"quanta_{name} {getattr(stats, name)}")
        return "\n".join(lines) + "\n"
