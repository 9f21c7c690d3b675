"""STEP file in; model, picture and measures out.

The C++ kernel underneath crashes, hangs or eats all memory on a broken file, so
everything that touches it, and numpy and Pillow with it, runs in a child process
of its own. Importing this package costs the standard library and Django's words.
"""

from .products import product_name, readable
from .step import (
    FINE,
    Conversion,
    ConversionError,
    Mesh,
    convert,
    inspect_step,
    no_room,
)

__all__ = [
    "FINE",
    "Conversion",
    "ConversionError",
    "Mesh",
    "convert",
    "inspect_step",
    "no_room",
    "product_name",
    "readable",
]
