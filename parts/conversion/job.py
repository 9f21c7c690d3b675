"""What a conversion and the child process that it starts know of each other."""

from enum import IntEnum
from pathlib import Path

# The child finds and leaves everything in its working directory by these names.
SOURCE = Path("source.step")
MODEL = Path("model.glb")
THUMBNAIL = Path("thumbnail.png")
LOG = Path("log.txt")  # what the child and the kernel say
RESULT = Path("result.json")  # written last of what a conversion must have


class Exit(IntEnum):
    """How the child ends when it knows why; 1 is Python's, for a bug of ours."""

    UNREADABLE = 3
    EMPTY = 4
    MEMORY = 5
    UNASKED = 6  # it has waited for a file for too long
