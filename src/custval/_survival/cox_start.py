"""Where Newton's method begins on many rows: so near the optimum that one look with all products is enough.

Every k-th of the sorted rows gives an optimum and its information. Scaled up, that information is right to a few per
cent, so steps by it need the gradient of all rows only, which costs a fraction of their information; the pairs of steps
and gradients mend it as they go (Broyden, Fletcher, Goldfarb and Shanno). Newton's method judges where they end.

References
----------
Nocedal and Wright (2006), Numerical Optimization, Springer, equation 6.17.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from custval._core.typing import FloatArray

__all__ = ("Slope", "climb")

Slope = Callable[[FloatArray], tuple[float, FloatArray]]
_LOOKS = 12
_GAINS = 0.25  # each step must leave at most this share of what there was to gain, else Newton takes over


def climb(slope: Slope, start: FloatArray, inverse: FloatArray, *, tol: float) -> FloatArray:
    """Return a point near the maximum of a concave function, from its gradient alone.

    Parameters
    ----------
    slope : callable
        From a point (p,) to value and gradient (p,).
    start : ndarray of shape (p,)
        Where to begin.
    inverse : ndarray of shape (p, p)
        Roughly the inverse of minus the second derivative.
    tol : float
        Stop where about this much is left to gain.

    Returns
    -------
    ndarray of shape (p,)
        The last point whose gain was as promised, or one step beyond where that step is known to be short.
    """
    point, steep = start, slope(start)[1]
    step = inverse @ steep
    gain = float(steep @ step)
    for _ in range(_LOOKS):
        tried = point + step
        there, flatter = slope(tried)
        bent = steep - flatter
        curve = float(step @ bent)
        if not (np.isfinite(there) and curve > 0):
            break
        inverse = _mended(inverse, step, bent / curve, curve)
        onward = inverse @ flatter
        left = float(flatter @ onward)
        if not left < _GAINS * gain:
            break
        point, steep, step, shrunk, gain = tried, flatter, onward, left / gain, left
        if gain * shrunk <= tol:  # the next step leaves less than that
            return point + step
    return point


def _mended(inverse: FloatArray, step: FloatArray, turned: FloatArray, curve: float) -> FloatArray:
    """Return the inverse that maps the change of the gradient to the step; `turned` is that change over `curve`."""
    moved = inverse @ turned
    again = float(turned @ moved) + 1 / curve
    return inverse + again * np.outer(step, step) - np.outer(moved, step) - np.outer(step, moved)
