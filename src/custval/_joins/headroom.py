"""What do customers like this one hold that this one does not, and what margin does it bring?

The chance that a customer with the same other services holds service j is read off the covariance of the holdings: with
Q the inverse of that covariance, the best linear guess from all other services is mu_j - sum_{l != j} Q_jl (x_l - mu_l)
/ Q_jj, so one inverse serves every service. Summed over the services not held, each times its margin, this is the
monthly head-room. It ranks customers by what look-alikes already buy; it is not a forecast of sales.
"""

from __future__ import annotations

import numpy as np

from custval._core.typing import BoolArray, FloatArray

__all__ = ("lookalike_share", "monthly_headroom", "service_margins")

_RIDGE = 1e-6


def lookalike_share(held: BoolArray, weight: FloatArray) -> FloatArray:
    """Return, for each distinct basket and service, the share of look-alikes who hold it, in 0..1.

    Parameters
    ----------
    held : bool array of shape (u, J)
        Distinct baskets.
    weight : float array of shape (u,)
        Customers with each basket.

    Returns
    -------
    float array of shape (u, J)
        Best linear guess from the other services, cut to 0..1.

    References
    ----------
    Lauritzen (1996), Graphical Models, section 5.1: conditional means from the concentration matrix.
    """
    x = held.astype(np.float64)
    mean = weight @ x / weight.sum()
    centred = x - mean
    covariance = (centred * weight[:, None]).T @ centred / weight.sum()
    inverse = np.linalg.inv(covariance + _RIDGE * np.eye(len(mean)))
    diagonal = np.diag(inverse)
    guess = x - centred @ inverse / diagonal
    share: FloatArray = np.clip(guess, 0.0, 1.0)
    return share


def monthly_headroom(held: BoolArray, share: FloatArray, margin: FloatArray) -> FloatArray:
    """Return the monthly margin of the services not held, each times the share of look-alikes who hold it, (u,)."""
    room: FloatArray = np.where(held, 0.0, share) @ margin
    return room


def service_margins(held: BoolArray, weight: FloatArray, margin_sum: FloatArray) -> FloatArray:
    """Return the monthly margin that each service adds, never negative, from distinct baskets.

    Non-negative least squares of the mean margin of each basket on what it holds, weighted by its customers.
    """
    from scipy.optimize import nnls

    root = np.sqrt(weight)
    design = np.column_stack([np.ones(len(weight)), held]) * root[:, None]
    solution, _ = nnls(design, margin_sum / weight * root)
    return np.asarray(solution[1:], dtype=np.float64)
