"""The partial likelihood of Cox's model, exact under ties, with everything that is built from risk sets.

At event time j with events D_j, risk set R_j, ``r_i = w_i exp(x_i b)``, ``S0 = sum_R r``, ``E0 = sum_D r`` (S1, E1 the
same with ``r x``), d events of mean weight w, Efron's likelihood takes the denominators ``phi_l = S0 - l/d E0`` for
l = 0..d-1 (Breslow: S0 each time). Five sums over l say all that derivatives need::

    c0 = w sum 1/phi,  c1 = w sum (l/d)/phi,  a_k = w sum (l/d)^k / phi^2,  k = 0, 1, 2

``c0`` is the increment of the baseline hazard that belongs to the tie method. A row's expected events are
``r (C0(leave) - C0(enter))``, less ``r c1`` for those who leave at a tie. With e these expected events per row and m
what happened less e::

    gradient    = X' m
    information = X' diag(e) X - sum_j [S1 E1] [[a0, -a1], [-a1, a2]] [S1 E1]'

so that one weighted Gram product over the rows, less a term of low rank, is all the work.

References
----------
Cox (1972), Journal of the Royal Statistical Society B 34, 187-220.
Efron (1977), Journal of the American Statistical Association 72, 557-565.
Therneau and Grambsch (2000), Modeling Survival Data, Springer, sections 3.3 and A.2 (weights, counting process).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._survival.cox_rows import CoxRows

__all__ = (
    "TIES",
    "RiskSums",
    "evaluate",
    "expected_events",
    "gradient",
    "gram",
    "information",
    "log_likelihood",
    "risk_sums",
    "running",
)

TIES = ("efron", "breslow")
_BLOCK = 1 << 13
_FEW = 64  # rows in a mean cell from which a product for each cell beats sums over neighbours
_FLAT = 1e-11  # of a column's size: less than this within risk sets is rounding
_GRAMS = 4_000_000  # most numbers kept as products of cells


@dataclass(frozen=True, slots=True, eq=False)
class RiskSums:
    """What one look at the rows tells: rows' r, the sums of risk sets, and the sums over ties.

    Attributes
    ----------
    eta, risk : ndarray of shape (n,)
        Linear predictor, and case weight times its exponential.
    S0, E0 : ndarray of shape (J,)
        Sums of `risk` over the risk set and over the events.
    S1, E1 : ndarray of shape (p, J)
        The same of `risk` times columns; E1 is right where times are tied and need not be elsewhere.
    c0, c1, a0, a1, a2 : ndarray of shape (J,)
        Sums over ties, see the head of this file.
    log_phi : float
        Sum of w log(phi) over all denominators.
    grams : ndarray of shape (C, p, p), or None
        ``X' diag(risk) X`` of each cell, where cells are few.
    """

    eta: FloatArray
    risk: FloatArray
    S0: FloatArray
    E0: FloatArray
    S1: FloatArray
    E1: FloatArray
    c0: FloatArray
    c1: FloatArray
    a0: FloatArray
    a1: FloatArray
    a2: FloatArray
    log_phi: float
    grams: FloatArray | None


def evaluate(coef: FloatArray, rows: CoxRows, ties: str) -> tuple[float, FloatArray, FloatArray, RiskSums]:
    """Return log partial likelihood, its gradient (p,), information (p, p) and sums over risk sets at `coef` (p,).

    A column that does not differ within risk sets has information 0, not what rounding leaves of it.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        sums = risk_sums(coef, rows, ties)
        value = log_likelihood(sums, rows)
        if not np.isfinite(value):
            p = len(coef)
            return -np.inf, np.zeros(p), np.eye(p), sums
        slope, whole, low = gradient(sums, rows), gram(sums, rows), risk_set_means(sums)
    told = whole - low
    flat = np.diag(told) <= _FLAT * np.diag(whole)
    told[flat], told[:, flat], slope[flat] = 0.0, 0.0, 0.0
    return value, slope, told, sums


def log_likelihood(sums: RiskSums, rows: CoxRows) -> float:
    """Return the log partial likelihood."""
    return float(rows.weight[rows.event] @ sums.eta[rows.event]) - sums.log_phi


def gradient(sums: RiskSums, rows: CoxRows, at: FloatArray | None = None) -> FloatArray:
    """Return the derivative of the log-likelihood, (p,); times weighted by `at` (J,) where given."""
    told = np.where(rows.event, rows.weight, 0.0)
    if at is not None:
        told *= at[rows.leave - 1]
    return np.asarray(rows.X @ (told - expected_events(sums, rows, at)))


def expected_events(sums: RiskSums, rows: CoxRows, at: FloatArray | None = None) -> FloatArray:
    """Return the weighted number of events expected of each row, (n,); times weighted by `at` (J,) where given."""
    c0, c1 = (sums.c0, sums.c1) if at is None else (sums.c0 * at, sums.c1 * at)
    grown = running(c0)
    return sums.risk * (_row_sums(grown, rows) - np.where(rows.event, c1[rows.leave - 1], 0.0))


def information(sums: RiskSums, rows: CoxRows, at: FloatArray | None = None) -> FloatArray:
    """Return minus the second derivative of the log-likelihood, (p, p); times weighted by `at` (J,) where given."""
    return gram(sums, rows, at) - risk_set_means(sums, at)


def risk_set_means(sums: RiskSums, at: FloatArray | None = None) -> FloatArray:
    """Return what the means of the risk sets take off the product of the columns, (p, p)."""
    a0, a1, a2 = (a if at is None else a * at for a in (sums.a0, sums.a1, sums.a2))
    low = _weighted_product(sums.S1, a0, sums.S1)
    tied = np.flatnonzero(a1)
    if tied.size:
        S1, E1 = sums.S1[:, tied], sums.E1[:, tied]
        cross = _weighted_product(S1, a1[tied], E1)
        low += _weighted_product(E1, a2[tied], E1) - cross - cross.T
    return low


def running(values: FloatArray) -> FloatArray:
    """Return the sums up to each place, 0 first: shape (..., J + 1) from (..., J)."""
    made = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=made[..., 1:])
    return made


def risk_sums(coef: FloatArray, rows: CoxRows, ties: str) -> RiskSums:
    """Return all sums over risk sets at `coef` (p,), in one look at the rows where cells are few."""
    p, n = rows.X.shape
    cells = len(rows.starts) - 1
    few = n >= _FEW * cells and cells * p * p <= _GRAMS
    eta, risk = np.empty(n), np.empty(n)
    cell1, grams = np.empty((p, cells)), np.empty((cells, p, p)) if few else None
    for part, inside in _parts(rows, few=few):
        block = rows.X[:, part]
        eta[part] = coef @ block
        np.exp(eta[part], out=risk[part])
        risk[part] *= rows.weight[part]
        if grams is None:
            cell1[:, inside] = np.add.reduceat(block * risk[part], rows.starts[inside] - part.start, axis=1)
        else:
            _add_cell(block, risk[part], cell1, grams, inside.start, first=part.start == rows.starts[inside.start])
    cell0 = np.add.reduceat(risk, rows.starts[:-1]) if n else np.zeros(0)
    return _gathered(rows, ties, eta=eta, risk=risk, cell0=cell0, cell1=cell1, grams=grams)


def _parts(rows: CoxRows, *, few: bool) -> Iterator[tuple[slice, slice]]:
    """Yield blocks of rows with the cells they hold: pieces of one cell where cells are few, else whole cells."""
    starts = rows.starts
    if few:
        for cell in range(len(starts) - 1):
            for start in range(int(starts[cell]), int(starts[cell + 1]), _BLOCK):
                yield slice(start, min(start + _BLOCK, int(starts[cell + 1]))), slice(cell, cell + 1)
        return
    first = 0
    while first < len(starts) - 1:
        end = max(int(np.searchsorted(starts, starts[first] + _BLOCK, side="right")) - 1, first + 1)
        yield slice(int(starts[first]), int(starts[end])), slice(first, end)
        first = end


def _add_cell(
    block: FloatArray, risk: FloatArray, cell1: FloatArray, grams: FloatArray, cell: int, *, first: bool
) -> None:
    half = block * np.sqrt(risk)
    if first:
        cell1[:, cell], grams[cell] = block @ risk, half @ half.T
    else:
        cell1[:, cell] += block @ risk
        grams[cell] += half @ half.T


def _gathered(
    rows: CoxRows,
    ties: str,
    *,
    eta: FloatArray,
    risk: FloatArray,
    cell0: FloatArray,
    cell1: FloatArray,
    grams: FloatArray | None,
) -> RiskSums:
    """Return the sums of risk sets from those of cells."""
    size = len(rows.times)
    E0 = _sums(rows.leave[rows.event] - 1, risk[rows.event], size)
    S0 = np.maximum(_at_risk(cell0, rows), E0)  # rounding must not leave a risk set below its own events
    S1 = np.empty((len(cell1), size))
    for column, own in zip(S1, cell1, strict=True):
        column[:] = _at_risk(own, rows)
    E1 = np.zeros((len(cell1), 0))
    c0, a0 = rows.mass / S0, rows.mass / S0**2
    c1 = a1 = a2 = np.zeros(size)
    log_phi = float(rows.mass @ np.log(S0))
    tied = np.flatnonzero(rows.count > 1)
    if ties == "efron" and tied.size:
        E1 = _events(cell1, rows)
        c0, c1, a0, a1, a2, log_phi = _efron(rows, tied, S0, E0)
    return RiskSums(eta, risk, S0, E0, S1, E1, c0, c1, a0, a1, a2, log_phi, grams)


def _efron(
    rows: CoxRows, tied: IntArray, S0: FloatArray, E0: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, float]:
    """Return c0, c1, a0, a1, a2 (J,) and the sum of w log(phi)."""
    c0, a0, log_phi = rows.mass / S0, rows.mass / S0**2, rows.mass * np.log(S0)
    c1, a1, a2 = np.zeros_like(S0), np.zeros_like(S0), np.zeros_like(S0)
    count = rows.count[tied]
    starts = np.cumsum(count) - count
    share = (np.arange(count.sum()) - np.repeat(starts, count)) / np.repeat(count, count)
    phi = np.repeat(S0[tied], count) - share * np.repeat(E0[tied], count)
    once = 1 / phi
    mean = rows.mass[tied] / count
    for made, parts in (
        (c0, once),
        (c1, share * once),
        (a0, once * once),
        (a1, share * once * once),
        (a2, share * share * once * once),
        (log_phi, np.log(phi)),
    ):
        made[tied] = mean * np.add.reduceat(parts, starts)
    return c0, c1, a0, a1, a2, float(log_phi.sum())


def _at_risk(cells: FloatArray, rows: CoxRows) -> FloatArray:
    """Return sums over risk sets, (J,), from sums over cells, (C,)."""
    first = rows.starts[:-1]
    leave, enter = rows.leave[first], rows.enter[first]
    size = len(rows.times)
    net = cells if _one_each(rows) else _sums(leave - 1, cells, size)
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


def _one_each(rows: CoxRows) -> bool:
    """Say whether cells and event times are the same: no ties to tell apart, nobody late."""
    return not rows.late and len(rows.starts) - 1 == len(rows.times)


def _events(cell1: FloatArray, rows: CoxRows) -> FloatArray:
    """Return the sums over events, (p, J), from cells that keep events apart."""
    first = rows.starts[:-1]
    held = rows.event[first]
    where, size = rows.leave[first][held] - 1, len(rows.times)
    made = np.empty((len(cell1), size))
    for column, own in zip(made, cell1, strict=True):
        column[:] = np.bincount(where, weights=own[held], minlength=size)
    return made


def _row_sums(grown: FloatArray, rows: CoxRows) -> FloatArray:
    """Return ``grown(leave) - grown(enter)`` for each row."""
    if rows.enter.size and not rows.late and len(rows.center) == 1:
        return np.asarray(grown[rows.leave])
    return np.asarray(grown[rows.leave] - grown[rows.enter])


def gram(sums: RiskSums, rows: CoxRows, at: FloatArray | None = None) -> FloatArray:
    """Return ``X' diag(expected events) X``, (p, p)."""
    if sums.grams is None:
        return _weighted_product(rows.X, expected_events(sums, rows, at), rows.X)
    first = rows.starts[:-1]
    c0, c1 = (sums.c0, sums.c1) if at is None else (sums.c0 * at, sums.c1 * at)
    grown, last = running(c0), rows.leave[first]
    share = grown[last] - grown[rows.enter[first]] - np.where(rows.event[first], c1[last - 1], 0.0)
    return np.asarray(np.tensordot(share, sums.grams, axes=1))


def _weighted_product(A: FloatArray, weight: FloatArray, B: FloatArray) -> FloatArray:
    """Return ``A diag(weight) B'``, block by block so that the scaled columns stay in the cache."""
    total = np.zeros((len(A), len(B)))
    for start in range(0, len(weight), _BLOCK):
        rows = slice(start, start + _BLOCK)
        total += (A[:, rows] * weight[rows]) @ B[:, rows].T
    return total
