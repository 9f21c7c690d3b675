"""Reads what Prometheus would."""

from prometheus_client.parser import text_string_to_metric_families


def read_figures(text: str) -> dict[str, float]:
    """Return each figure by its name and labels, as Prometheus writes them."""
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return {
        " ".join([s.name, *(f"{n}={v}" for n, v in sorted(s.labels.items()))]): s.value
        for s in samples
    }
