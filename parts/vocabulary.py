"""The words that the team uses for its parts, to be offered again."""

from . import tallies

_FIELDS = {
    "subsystems": "subsystem",
    "materials": "material",
    "thicknesses": "material_thickness",
}
NAMES = tuple(_FIELDS)
_OFFERED = 60


def in_use() -> dict[str, list[str]]:
    """Return subsystems, materials and thicknesses, those used most first."""
    uses = tallies.words(*_FIELDS.values(), of_kept_seasons=True)
    return {
        name: sorted(uses[field], key=lambda word: (-uses[field][word].parts, word))[
            :_OFFERED
        ]
        for name, field in _FIELDS.items()
    }
