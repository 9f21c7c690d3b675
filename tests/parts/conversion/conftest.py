"""STEP files with known measures, and what became of them."""

from functools import cache
from pathlib import Path

import pytest

from parts.conversion.step import Conversion, convert

from .blocks import block_step

STEP_FOLDER = Path(__file__).parents[3].parent / "shared" / "step"


@pytest.fixture
def make_step(tmp_path):
    """Write a block as STEP, changed as the test needs it, and return its path."""

    def make(name="part.step", **block) -> Path:
        path = tmp_path / name
        path.write_text(block_step(**block), encoding="utf-8")
        return path

    return make


@pytest.fixture(scope="session")
def convert_sample(tmp_path_factory):
    """Return the conversion of a real file, each made once."""

    @cache
    def convert_once(name: str) -> Conversion:
        if not (STEP_FOLDER / name).exists():
            pytest.skip(f"the real STEP files are not in {STEP_FOLDER}")
        return convert(STEP_FOLDER / name, tmp_path_factory.mktemp("sample"))

    return convert_once
