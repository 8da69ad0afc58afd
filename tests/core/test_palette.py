"""The colours are told apart with each kind of colour blindness."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from custval._core.palette import DARK, INK, LIGHT, QUADRANT_SERIES, series_colour

# Machado, Oliveira and Fernandes (2009), "A physiologically-based model for simulation of color vision deficiency",
# severity 1.0, applied to linear RGB.
DEFICIENT = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "normal": np.eye(3).tolist(),
}


def linear(colour: str) -> NDArray[np.float64]:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIE L*a*b* of linear sRGB under D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(light, 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def closest(colours: tuple[str, ...], vision: str) -> float:
    matrix = np.array(DEFICIENT[vision])
    seen = [lab(matrix @ linear(colour)) for colour in colours]
    return min(float(np.linalg.norm(one - two)) for one, two in itertools.combinations(seen, 2))


@pytest.mark.parametrize("vision", DEFICIENT)
@pytest.mark.parametrize("page", [LIGHT, DARK], ids=["light", "dark"])
def test_the_first_four_series_and_the_quadrants_are_told_apart(page: tuple[str, ...], vision: str) -> None:
    # A difference of 10 in L*a*b* is seen at a glance; lines are also named where they end.
    assert closest(page[:4], vision) > 10
    assert closest(tuple(page[series] for series in QUADRANT_SERIES), vision) > 10


def test_the_colour_after_the_last_is_grey() -> None:
    assert series_colour(0) == LIGHT[0]
    assert series_colour(50) == LIGHT[-1]
    assert INK not in LIGHT
