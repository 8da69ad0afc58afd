"""Leaving in a unit of time, in terms of being there at its ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import FloatArray
from custval._core.validation import float_array

__all__ = ("weight_of_exits",)


def weight_of_exits(exit_weight: Any, shape: tuple[int, ...]) -> FloatArray:
    """Return the weights of S(t), (n, H), that weights of leaving in each unit of time (n, 1, H) amount to.

    Leaving in unit t is being there at t - 1 and no more at t; being there at 0 is certain and moves with nothing.
    """
    if exit_weight is None:
        return np.zeros(shape)
    exits = float_array(exit_weight, "exit_weight", ndim=3)
    wanted = (shape[0], 1, shape[1])
    if exits.shape != wanted:
        raise InputError(f"exit_weight must have shape {wanted} (customers, causes, months), not {exits.shape}")
    one = exits[:, 0]
    return np.asarray(np.concatenate([one[:, 1:], np.zeros((shape[0], 1))], axis=1) - one)
