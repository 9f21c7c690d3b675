"""The words that the team uses for its parts, to be offered again."""

from collections import Counter

from .models import Part

NAMES = ("subsystems", "materials", "thicknesses")
_OFFERED = 60


def in_use() -> dict[str, list[str]]:
    """Return subsystems, materials and thicknesses, those used most first."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    for *words, count in Part.objects.live().of_kept_seasons().words_in_use():
        for name, word in zip(NAMES, words, strict=True):
            counts[name][word] += count
    return {
        name: [word for word, _count in counter.most_common(_OFFERED + 1) if word]
        for name, counter in counts.items()
    }
