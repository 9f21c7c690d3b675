"""What samples come to: medians, percentiles, costs."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .client import Sample


@dataclass(frozen=True)
class Figures:
    """The rounds of one request against one contestant, each figure their median.

    ``cpu_ms`` is the server's processor time for a request, all processes together,
    over all rounds.
    """

    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms: float
    errors: int


def figures(samples: Sequence[Sample], cpu_seconds: float = 0.0) -> Figures:
    """Bring the rounds of one request down to a figure each."""
    rounds = [sorted(sample.latencies) for sample in samples]
    count = sum(map(len, rounds))

    def median_of(share: float) -> float:
        values = [1000 * percentile(times, share) for times in rounds if times]
        return statistics.median(values) if values else math.nan

    return Figures(
        per_second=statistics.median(sample.per_second for sample in samples),
        p50_ms=median_of(0.5),
        p95_ms=median_of(0.95),
        p99_ms=median_of(0.99),
        cpu_ms=1000 * cpu_seconds / count if count else math.nan,
        errors=sum(len(sample.errors) for sample in samples),
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that ``share`` of ``ordered`` do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
