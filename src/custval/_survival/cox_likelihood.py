"""The partial likelihood of Cox's model, exact under ties, with everything that is built from risk sets.

At event time j with events D_j, risk set R_j, ``r_i = w_i exp(x_i b)``, ``S0 = sum_R r``, ``E0 = sum_D r``, means
``m = sum_R r x / S0`` and ``e = sum_D r x / S0``, d events of mean weight w, Efron's likelihood takes the denominators
``S0 psi_l``, ``psi_l = 1 - l/d E0/S0``, for l = 0..d-1 (Breslow: psi = 1 each time). Five sums over l say all that
derivatives need::

    c0 = w sum 1/psi / S0,  c1 = w sum (l/d)/psi / S0,  b_k = w sum (l/d)^k / psi^2,  k = 0, 1, 2

``c0`` is the increment of the baseline hazard that belongs to the tie method. A row's expected events are
``r (C0(leave) - C0(enter))``, less ``r c1`` for those who leave at a tie. With o these expected events of all rows and
u what happened less o::

    gradient    = X' u
    information = X' diag(o) X - sum_j [m e] [[b0, -b1], [-b1, b2]] [m e]'

so that one weighted Gram product over the rows, less a term of low rank, is all the work; where cells are few, products
of the cells, weighted afterwards, do it in one look at the rows.

References
----------
Cox (1972), Journal of the Royal Statistical Society B 34, 187-220.
Efron (1977), Journal of the American Statistical Association 72, 557-565.
Therneau and Grambsch (2000), Modeling Survival Data, Springer, sections 3.3 and A.2 (weights, counting process).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._survival.cox_rows import CoxRows, few_cells
from custval._survival.cox_ties import efron_sums

__all__ = (
    "TIES",
    "HazardSums",
    "RiskSums",
    "evaluate",
    "expected_events",
    "hazard_sums",
    "information",
    "log_likelihood",
    "risk_sums",
    "running",
    "slope",
    "slope_and_gram",
)

TIES = ("efron", "breslow")
_BLOCK = 1 << 13
_FLAT = 1e-11  # of a column's size: less than this within risk sets is rounding


@dataclass(frozen=True, slots=True, eq=False)
class HazardSums:
    """What the rows' r alone tell: enough for the likelihood, the baseline and the gradient.

    Attributes
    ----------
    told : float
        Sum of weight times linear predictor over the events.
    risk : ndarray of shape (n,)
        Case weight times the exponential of the linear predictor.
    total : ndarray of shape (J,)
        S0: sum of `risk` over the risk set.
    c0, c1, b0, b1, b2 : ndarray of shape (J,)
        Sums over ties, see the head of this file.
    log_phi : float
        Sum of weight times the logarithm over all denominators.
    """

    told: float
    risk: FloatArray
    total: FloatArray
    c0: FloatArray
    c1: FloatArray
    b0: FloatArray
    b1: FloatArray
    b2: FloatArray
    log_phi: float


@dataclass(frozen=True, slots=True, eq=False)
class RiskSums(HazardSums):
    """What one look at the rows tells: rows' r, the sums of risk sets, and the sums over ties.

    Attributes
    ----------
    mean : ndarray of shape (p, J)
        m: mean of the columns over the risk set.
    tied : ndarray of shape (p, J)
        e: what the events add to that mean; right where times are tied, and empty without Efron's ties.
    cells : ndarray of shape (p, C), or None
        Sums of `risk` times columns over each cell, where cells are few.
    grams : ndarray of shape (C, p, p), or None
        ``X' diag(risk) X`` of each cell, likewise.
    """

    mean: FloatArray
    tied: FloatArray
    cells: FloatArray | None
    grams: FloatArray | None


def evaluate(coef: FloatArray, rows: CoxRows, ties: str) -> tuple[float, FloatArray, FloatArray, RiskSums]:
    """Return log partial likelihood, its gradient (p,), information (p, p) and sums over risk sets at `coef` (p,).

    A column that does not differ within risk sets has information 0, not what rounding leaves of it.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        sums = risk_sums(coef, rows, ties)
        value = log_likelihood(sums)
        if not np.isfinite(value):
            p = len(coef)
            return -np.inf, np.zeros(p), np.eye(p), sums
        slope, whole = slope_and_gram(sums, rows)
        told = whole - low_rank(sums)
    flat = np.diag(told) <= _FLAT * np.diag(whole)
    told[flat], told[:, flat], slope[flat] = 0.0, 0.0, 0.0
    return value, slope, told, sums


def log_likelihood(sums: HazardSums) -> float:
    """Return the log partial likelihood."""
    return sums.told - sums.log_phi


def slope_and_gram(sums: RiskSums, rows: CoxRows, at: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Return the gradient (p,) and ``X' diag(expected events) X`` (p, p); times weighted by `at` (J,) where given."""
    happened = rows.event_sum
    if at is not None:
        happened = rows.X @ np.where(rows.event, rows.weight * at[rows.leave - 1], 0.0)
    if sums.grams is None or sums.cells is None:
        happening, gram = _slope_and_gram(rows.X, expected_events(sums, rows, at))
        return happened - happening, gram
    share = _cell_shares(sums, rows, at)
    return happened - sums.cells @ share, np.asarray(np.tensordot(share, sums.grams, axes=1))


def low_rank(sums: RiskSums, at: FloatArray | None = None) -> FloatArray:
    """Return what the means of the risk sets take off the Gram product, (p, p)."""
    b0, b1, b2 = (b if at is None else b * at for b in (sums.b0, sums.b1, sums.b2))
    low = weighted_product(sums.mean, b0, sums.mean)
    where = np.flatnonzero(sums.b1)
    if where.size:
        m, e = sums.mean[:, where], sums.tied[:, where]
        cross = weighted_product(m, b1[where], e)
        low += weighted_product(e, b2[where], e) - cross - cross.T
    return low


def information(sums: RiskSums, rows: CoxRows, at: FloatArray | None = None) -> FloatArray:
    """Return minus the second derivative of the log-likelihood, (p, p); times weighted by `at` (J,) where given."""
    return slope_and_gram(sums, rows, at)[1] - low_rank(sums, at)


def expected_events(sums: HazardSums, rows: CoxRows, at: FloatArray | None = None) -> FloatArray:
    """Return the weighted number of events expected of each row, (n,); times weighted by `at` (J,) where given."""
    return sums.risk * _shares(sums, rows.enter, rows.leave, rows.event, at)


def _shares(sums: HazardSums, enter: IntArray, leave: IntArray, event: BoolArray, at: FloatArray | None) -> FloatArray:
    """Return the baseline hazard from enter to leave, less what ties take off events."""
    grown = running(sums.c0 if at is None else sums.c0 * at)
    made = grown[leave]
    if enter.size and (enter.strides != (0,) or enter[0]):
        made -= grown[enter]
    if sums.b1.any():
        last = leave[event] - 1
        made[event] -= sums.c1[last] if at is None else sums.c1[last] * at[last]
    return np.asarray(made)


def running(values: FloatArray) -> FloatArray:
    """Return the sums up to each place, 0 first: shape (..., J + 1) from (..., J)."""
    made = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=made[..., 1:])
    return made


def risk_sums(coef: FloatArray, rows: CoxRows, ties: str) -> RiskSums:
    """Return all sums over risk sets at `coef` (p,), in one look at the rows where cells are few."""
    if not _few(rows):
        sums = hazard_sums(coef, rows, ties)
        return _with_means(sums, rows, _risk_means(sums, rows), None, None)
    risk, cells, grams = _looked(coef, rows, grams=True)
    sums = _hazard_sums(coef, risk, rows, ties)
    means = np.stack([at_risk(own, rows) for own in cells]) if len(cells) else np.zeros((0, len(rows.times)))
    means /= sums.total
    return _with_means(sums, rows, means, cells, grams)


def hazard_sums(coef: FloatArray, rows: CoxRows, ties: str) -> HazardSums:
    """Return what the rows' r alone tell at `coef` (p,): all that the likelihood and the baseline need."""
    return _hazard_sums(coef, _risks(coef, rows), rows, ties)


def slope(coef: FloatArray, rows: CoxRows, ties: str) -> tuple[float, FloatArray]:
    """Return the log partial likelihood and its gradient (p,), at a fraction of the cost of :func:`evaluate`."""
    if not _few(rows):
        sums = hazard_sums(coef, rows, ties)
        return log_likelihood(sums), rows.event_sum - rows.X @ expected_events(sums, rows)
    risk, cells, _ = _looked(coef, rows, grams=False)
    sums = _hazard_sums(coef, risk, rows, ties)
    return log_likelihood(sums), rows.event_sum - cells @ _cell_shares(sums, rows)


def _few(rows: CoxRows) -> bool:
    p, n = rows.X.shape
    return few_cells(p, n, len(rows.starts) - 1)


def _cell_shares(sums: HazardSums, rows: CoxRows, at: FloatArray | None = None) -> FloatArray:
    first = rows.starts[:-1]
    return _shares(sums, rows.enter[first], rows.leave[first], rows.event[first], at)


def _looked(coef: FloatArray, rows: CoxRows, *, grams: bool) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Return each row's r (n,), the cells' sums of r times columns (p, C) and their Gram products (C, p, p)."""
    p, n = rows.X.shape
    count = len(rows.starts) - 1
    risk, cells = np.empty(n), np.zeros((p, count))
    made = np.zeros((count, p, p)) if grams else None
    even, room = not coef.any() and not rows.weighted, np.empty((_BLOCK, p)).T
    if even:
        risk[:] = 1.0
    for cell, part in _pieces(rows.starts):
        block, own = rows.X[:, part], risk[part]
        if not even:
            np.exp(coef @ block, out=own)
            if rows.weighted:
                own *= rows.weight[part]
        cells[:, cell] += block @ own
        if made is not None:
            half = block if even else np.multiply(block, np.sqrt(own), out=room[:, : len(own)])
            made[cell] += half @ half.T
    return risk, cells, made


def _pieces(starts: IntArray) -> Iterator[tuple[int, slice]]:
    """Yield cells, the long ones in several blocks of rows."""
    for cell, (start, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        for first in range(start, end, _BLOCK):
            yield cell, slice(first, min(first + _BLOCK, end))


def _risks(coef: FloatArray, rows: CoxRows) -> FloatArray:
    """Return case weight times the exponential of the linear predictor, (n,)."""
    risk = np.empty(rows.X.shape[1])
    for part in _blocks(len(risk)):
        np.exp(coef @ rows.X[:, part], out=risk[part])
    if rows.weighted:
        risk *= rows.weight
    return risk


def _risk_means(sums: HazardSums, rows: CoxRows) -> FloatArray:
    """Return the means of the columns over risk sets, (p, J), from the rows."""
    means = _backward(rows.X, sums.risk, rows)
    if rows.late:
        for j, column in enumerate(rows.X):
            means[j] -= _not_yet(column * sums.risk, rows)
    means /= sums.total
    return means


def _not_yet(values: FloatArray, rows: CoxRows) -> FloatArray:
    """Return sums of `values` (n,) over the rows of the stratum that come in after each event time, (J,)."""
    entered = _sums(rows.enter, values, len(rows.times) + 1)
    after: FloatArray = np.cumsum(entered[::-1])[::-1]
    # rows of later strata are counted in full at their first event time
    return np.asarray(after[1:] - after[rows.base[1:]][rows.stratum])


def _backward(values: FloatArray, risk: FloatArray | None, rows: CoxRows) -> FloatArray:
    """Return sums of `values` (q, n), times `risk` (n,) where given, over risk sets, (q, J), where nobody is late.

    From the last row to the first, block by block: a block is weighted and summed while it is in the cache.
    """
    first = np.flatnonzero(np.diff(rows.leave, prepend=0))  # of each event time
    made = np.empty((len(values), len(first)))
    carry, room = np.zeros((len(values), 1)), np.empty((len(values), _BLOCK))
    for part in reversed(list(_blocks(values.shape[1]))):
        block = room[:, : part.stop - part.start]
        np.multiply(values[:, part], 1.0 if risk is None else risk[part], out=block)
        np.cumsum(block[:, ::-1], axis=1, out=block[:, ::-1])
        block += carry
        carry = block[:, :1].copy()
        start, end = np.searchsorted(first, [part.start, part.stop])
        np.take(block, first[start:end] - part.start, axis=1, out=made[:, start:end], mode="clip")
    if len(rows.center) > 1:
        for column in made:
            column[:] -= np.append(column, 0.0)[rows.base[1:]][rows.stratum]
    return made


def _blocks(n: int) -> Iterator[slice]:
    for start in range(0, n, _BLOCK):
        yield slice(start, min(start + _BLOCK, n))


def _hazard_sums(coef: FloatArray, risk: FloatArray, rows: CoxRows, ties: str) -> HazardSums:
    """Return the sums that follow from the rows' r."""
    cells = np.add.reduceat(risk, rows.starts[:-1])
    S0 = at_risk(cells, rows)
    E0 = _event_risk(risk, cells, rows)
    if E0 is not None:
        S0 = np.maximum(S0, E0)  # rounding must not leave a risk set below its own events
    log_phi = float(rows.mass @ np.log(S0))
    c0, b0 = rows.mass / S0, rows.mass
    c1 = b1 = b2 = np.zeros(len(S0))
    if rows.apart and E0 is not None and ties == "efron":
        sums = efron_sums(rows.terms, rows.mass, rows.count, E0 / S0)
        c0, c1, b0, b1, b2 = sums.k0 / S0, sums.k1 / S0, sums.b0, sums.b1, sums.b2
        log_phi += sums.log_psi
    return HazardSums(float(coef @ rows.event_sum), risk, S0, c0, c1, b0, b1, b2, log_phi)


def _event_risk(risk: FloatArray, cells: FloatArray, rows: CoxRows) -> FloatArray | None:
    """Return the sum of r over the events of each time, (J,); None where nobody asks, and sums only add."""
    if rows.apart:
        return np.asarray(_events(cells[None], rows)[0])
    if rows.late or len(rows.center) > 1:
        return _sums(rows.leave[rows.event] - 1, risk[rows.event], len(rows.times))
    return None


def _with_means(
    sums: HazardSums, rows: CoxRows, mean: FloatArray, cells: FloatArray | None, grams: FloatArray | None
) -> RiskSums:
    """Return `sums` with the means of risk sets, and of events where times are tied."""
    tied = np.zeros((len(mean), 0))
    if sums.b1.any():
        tied = (_tied(sums.risk, rows) if cells is None else _events(cells, rows)) / sums.total
    own = {field.name: getattr(sums, field.name) for field in fields(HazardSums)}
    return RiskSums(**own, mean=mean, tied=tied, cells=cells, grams=grams)


def at_risk(cells: FloatArray, rows: CoxRows) -> FloatArray:
    """Return sums over risk sets, (J,), from sums over cells, (C,)."""
    first = rows.starts[:-1]
    leave, enter = rows.leave[first], rows.enter[first]
    size = len(rows.times)
    net = _sums(leave - 1, cells, size)
    base = rows.base
    if rows.late:
        late = enter > base[rows.stratum[leave - 1]]
        net = net - _sums(enter[late] - 1, cells[late], size)
    above: FloatArray = np.cumsum(net[::-1])[::-1]
    if len(base) == 2:
        return above
    return np.asarray(above - np.append(above, 0.0)[base[1:]][rows.stratum])


def _sums(where: IntArray, values: FloatArray, size: int) -> FloatArray:
    return np.asarray(np.bincount(where, weights=values, minlength=size), dtype=np.float64)


def _tied(risk: FloatArray, rows: CoxRows) -> FloatArray:
    """Return the sums over events at the times where several happen, (p, J), from the rows; 0 elsewhere."""
    held = np.flatnonzero(rows.event)
    held = held[rows.count[rows.leave[held] - 1] > 1]
    where, own, size = rows.leave[held] - 1, risk[held], len(rows.times)
    return np.stack([_sums(where, column[held] * own, size) for column in rows.X])


def _events(cells: FloatArray, rows: CoxRows) -> FloatArray:
    """Return the sums over events, (p, J), from cells that keep events apart."""
    first = rows.starts[:-1]
    held = rows.event[first]
    where, size = rows.leave[first][held] - 1, len(rows.times)
    made = np.empty((len(cells), size))
    for column, own in zip(made, cells, strict=True):
        column[:] = _sums(where, own[held], size)
    return made


def _slope_and_gram(X: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return ``X weight`` and ``X diag(weight) X'``, in one look."""
    slope, gram = np.zeros(len(X)), np.zeros((len(X), len(X)))
    room, ones = np.empty((len(X), _BLOCK)), np.ones(_BLOCK)
    for part in _blocks(len(weight)):
        size = part.stop - part.start
        block = np.multiply(X[:, part], weight[part], out=room[:, :size])
        slope += block @ ones[:size]
        gram += block @ X[:, part].T
    return slope, gram


def weighted_product(A: FloatArray, weight: FloatArray, B: FloatArray) -> FloatArray:
    """Return ``A diag(weight) B'``, block by block so that the scaled columns stay in the cache."""
    total, room = np.zeros((len(A), len(B))), np.empty((len(A), _BLOCK))
    for part in _blocks(len(weight)):
        total += np.multiply(A[:, part], weight[part], out=room[:, : part.stop - part.start]) @ B[:, part].T
    return total
