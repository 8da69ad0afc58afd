"""The one way randomness enters: a seed or a generator."""

from __future__ import annotations

import numpy as np

from custval._core.typing import RandomState

__all__ = ("generator",)


def generator(random_state: RandomState) -> np.random.Generator:
    """Return a generator for a seed, for None (fresh entropy) or the generator itself."""
    return np.random.default_rng(random_state)
