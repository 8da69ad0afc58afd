"""The likelihood of monthly hazards with competing causes, summed over months without a person-month table.

With ``e_k = exp(level_k(month) + x @ beta_k)`` the monthly probability of leaving for cause k is

- logit: ``h_k = e_k / (1 + sum_j e_j)``;
- cloglog: ``h = 1 - exp(-sum_j e_j)``, ``h_k = h e_k / sum_j e_j``.

A customer is at risk in the months t with ``entry < t <= duration`` and leaves, if at all, in month `duration`. Every
e_k is a product of a number of the month and a number of the customer, so a block of customers times months needs no
exponential, and gradient and information come from three sums of it: over months, over customers, and their product
with X. Blocks are small enough to stay in the processor's cache; nothing of size customers x months is ever kept.

References
----------
Allison (1982), Discrete-time methods for the analysis of event histories, Sociological Methodology 13, eq. 12-17.
Prentice and Gloeckler (1978), Biometrics 34, eq. 3-5 (complementary log-log).
Tutz and Schmid (2016), Modeling Discrete Time-to-Event Data, chapter 8 (competing causes).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from custval._core.optimize import Evaluation
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._survival.baseline import MonthBasis

__all__ = (
    "LINKS",
    "RiskRows",
    "States",
    "evaluate",
    "group_curves",
    "hazard",
    "hazard_pullback",
    "log_share_left",
    "month_states",
    "rates",
    "risk_rows",
    "row_scores",
)

LINKS = ("logit", "cloglog")
_CELLS = 1 << 14  # customers x months in a block: arrays of 128 KiB stay in the second cache
_MOST = 300.0  # exp(2 * 300) is still a number


@dataclass(frozen=True, slots=True, eq=False)
class RiskRows:
    """Customers sorted by phase and last month, and the states of the baseline that matter.

    A state is a month of the stay in one of G phases (what the clocks show in month t); those of a phase stand side by
    side, so that the months at risk of a row are a run of states. Without clocks there is one phase.

    Attributes
    ----------
    X : ndarray of shape (n, p)
        Columns of the design matrix.
    first, stop : ndarray of int, shape (n,)
        At risk in the states first..stop-1.
    event : ndarray of int, shape (n,)
        0 stays through the last of them, k leaves for cause k in it.
    weight : ndarray of shape (n,)
        Case weights, > 0.
    order : ndarray of int, shape (n,)
        Where each row stood in the input.
    levels : tuple of K ndarrays of shape (m, q_k)
        Baseline columns in the m states.
    active : ndarray of bool, shape (K, m)
        Where a cause has a hazard at all.
    stays : ndarray of shape (m,)
        0 in a month in which everybody leaves, otherwise 1.
    cuts : ndarray of int, shape (G,)
        Where in the rows each phase ends.
    offset : ndarray of shape (K, n), or None
        What is added to the log rates.
    """

    X: FloatArray
    first: IntArray
    stop: IntArray
    event: IntArray
    weight: FloatArray
    order: IntArray
    levels: tuple[FloatArray, ...]
    active: BoolArray
    stays: FloatArray
    cuts: IntArray
    offset: FloatArray | None = None

    @property
    def causes(self) -> int:
        """Number of causes."""
        return len(self.levels)

    @property
    def sizes(self) -> list[int]:
        """Number of parameters of each cause: its baseline, then its coefficients."""
        return [columns.shape[1] + self.X.shape[1] for columns in self.levels]


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """The baseline in m months that matter (their numbers) of G phases: what :class:`RiskRows` says of them."""

    months: IntArray
    levels: tuple[FloatArray, ...]
    active: BoolArray
    stays: FloatArray


def month_states(basis: MonthBasis) -> States:
    """Return the states of a baseline without clocks; months in which no cause has a hazard are left out."""
    months = np.flatnonzero(basis.active.any(axis=0)) + 1
    return States(
        months=months,
        levels=tuple(np.ascontiguousarray(columns[months - 1]) for columns in basis.columns),
        active=basis.active[:, months - 1],
        stays=np.where(basis.saturated[months - 1], 0.0, 1.0),
    )


def risk_rows(
    X: FloatArray,
    entry: IntArray,
    duration: IntArray,
    event: IntArray,
    weight: FloatArray,
    *,
    states: States,
    phase: IntArray | None = None,
    offset: FloatArray | None = None,
) -> RiskRows:
    """Return the rows ready for :func:`evaluate`; `phase` (n,) numbers each row's phase, None: there is one."""
    first = np.searchsorted(states.months, entry, side="right")
    stop = np.searchsorted(states.months, duration, side="right")
    if phase is not None:
        shift = phase * len(states.months)
        first, stop = first + shift, stop + shift
    order = np.lexsort((first, stop))  # a phase's states stand side by side, so this sorts by phase first
    order = order[(stop > first)[order]]
    own = np.zeros(len(order), dtype=np.int64) if phase is None else phase[order]
    return RiskRows(
        X=np.ascontiguousarray(X[order]),
        first=first[order],
        stop=stop[order],
        event=event[order],
        weight=weight[order],
        order=order,
        levels=states.levels,
        active=states.active,
        stays=states.stays,
        cuts=np.flatnonzero(np.diff(own, append=-1)) + 1,
        offset=None if offset is None else offset[:, order],
    )


def evaluate(theta: FloatArray, rows: RiskRows, link: str) -> Evaluation:
    """Return log-likelihood, gradient (P,) and information (P, P).

    The parameters stand cause by cause: the q_k of its baseline, then its p coefficients.
    """
    sums = _Sums(rows)
    log_level, log_customer = _logs(theta, rows)
    for block in _blocks(rows):
        cells = _cells(rows, block, log_level, log_customer, link)
        sums.add(rows, block, cells)
    return sums.finish(rows)


def row_scores(theta: FloatArray, rows: RiskRows, link: str) -> FloatArray:
    """Return each row's weighted contribution to the gradient, shape (n, P), in the order of `rows`."""
    log_level, log_customer = _logs(theta, rows)
    scores = np.zeros((len(rows.event), sum(rows.sizes)))
    for block in _blocks(rows):
        cells = _cells(rows, block, log_level, log_customer, link)
        at = 0
        for k, columns in enumerate(rows.levels):
            rest = cells.left(rows, block, k) - cells.expected[k]
            end = at + columns.shape[1]
            scores[block.rows, at:end] = rest @ columns[block.months]
            at = end + rows.X.shape[1]
            scores[block.rows, end:at] = rows.X[block.rows] * rest.sum(axis=1)[:, None]
    return scores


def group_curves(
    theta: FloatArray, rows: RiskRows, link: str, group: IntArray, size: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return by group (n,) of rows: departures less expected (K, G), information (G, K, K) and (G, P, K).

    The last is that of each parameter with the log rates of the group.
    """
    causes, P = rows.causes, sum(rows.sizes)
    left, curve, cross = np.zeros((causes, size)), np.zeros((size, causes, causes)), np.zeros((size, P, causes))
    log_level, log_customer = _logs(theta, rows)
    starts = np.cumsum([0, *rows.sizes])
    for block in _blocks(rows):
        cells = _cells(rows, block, log_level, log_customer, link)
        own, X = group[block.rows], rows.X[block.rows]
        for k in range(causes):
            rest = (cells.left(rows, block, k) - cells.expected[k]).sum(axis=1)
            left[k] += np.bincount(own, weights=rest, minlength=size)
        for (k, j), spread in cells.spread.items():
            total = spread.sum(axis=1)
            for a, b in {(k, j), (j, k)}:
                curve[:, a, b] += np.bincount(own, weights=total, minlength=size)
                moved = np.hstack([spread @ rows.levels[a][block.months], X * total[:, None]])
                np.add.at(cross[:, starts[a] : starts[a + 1], b], own, moved)
    return left, curve, cross


def rates(log_level: FloatArray, log_customer: FloatArray) -> FloatArray:
    """Return ``e_k`` of customers x months: exponentials of the two parts, bounded so that products stay finite."""
    with np.errstate(under="ignore"):
        return np.exp(np.clip(log_level, -np.inf, _MOST)) * np.exp(np.clip(log_customer, -_MOST, _MOST))


def hazard(e: FloatArray, stays: FloatArray, link: str) -> tuple[FloatArray, FloatArray]:
    """Return the monthly hazards by cause and the chance to stay.

    Parameters
    ----------
    e : ndarray of shape (K, n, H)
        Rates, >= 0.
    stays : ndarray that broadcasts to (n, H)
        0 where everybody leaves, otherwise 1.
    link : {"logit", "cloglog"}
        The link.

    Returns
    -------
    tuple of ndarray
        Hazards (K, n, H) and the probability to stay through the month (n, H).
    """
    total = e.sum(axis=0) if len(e) > 1 else e[0]
    if link == "logit":
        below = stays + total
        below = np.where(below > 0, below, 1.0)
        return e / below, stays / below
    stay = stays * np.exp(-total)
    share = np.where(stays > 0, -np.expm1(-total), 1.0) / np.where(total > 0, total, 1.0)
    return e * share, np.where(total > 0, stay, 1.0)


def hazard_pullback(slope: FloatArray, e: FloatArray, stays: FloatArray, link: str) -> FloatArray:
    """Return ``sum_j slope_j dh_j / d eta_k``, shape (K, n, H), for slopes of the same shape."""
    h, stay = hazard(e, stays, link)
    if link == "logit":
        return np.asarray(h * (slope - (slope * h).sum(axis=0)))
    total = e.sum(axis=0)
    share = e / np.where(total > 0, total, 1.0)
    mean = (slope * share).sum(axis=0)
    # h_j = h(total) share_j: the first part moves the total, the second the shares
    return np.asarray(mean * stay * e + (1 - stay) * share * (slope - mean))


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Some rows (sorted) and the months in which any of them is at risk."""

    rows: slice
    months: slice


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Rows x months of one block: weighted expectation by cause, its spread between causes, log-likelihood."""

    value: float
    expected: FloatArray
    spread: dict[tuple[int, int], FloatArray]
    leavers: tuple[IntArray, IntArray, IntArray]

    def left(self, rows: RiskRows, block: _Block, cause: int) -> FloatArray:
        """Return the weight of those who left for `cause`, at their last month."""
        made = np.zeros(self.expected.shape[1:])
        who, when, why = self.leavers
        own = why == cause
        made[who[own], when[own]] = rows.weight[block.rows][who[own]]
        return made


class _Sums:
    """Gradient and information as sums over blocks, cause by cause."""

    def __init__(self, rows: RiskRows) -> None:
        causes, months, p = rows.causes, len(rows.stays), rows.X.shape[1]
        self.value = 0.0
        self.month_rest = np.zeros((causes, months))
        self.column_rest = np.zeros((causes, p))
        pairs = [(k, j) for k in range(causes) for j in range(k, causes)]
        self.by_month = {pair: np.zeros(months) for pair in pairs}
        self.crossed = {pair: np.zeros((months, p)) for pair in pairs}
        self.by_column = {pair: np.zeros((p, p)) for pair in pairs}

    def add(self, rows: RiskRows, block: _Block, cells: _Cells) -> None:
        """Add one block."""
        X, weight = rows.X[block.rows], rows.weight[block.rows]
        self.value += cells.value
        who, when, why = cells.leavers
        ones, alike = np.ones(len(X)), np.ones(cells.expected.shape[2])
        for k in range(rows.causes):
            self.month_rest[k, block.months] -= ones @ cells.expected[k]
            self.column_rest[k] -= (cells.expected[k] @ alike) @ X
            own = why == k
            np.add.at(self.month_rest[k], when[own] + block.months.start, weight[who[own]])
            self.column_rest[k] += weight[who[own]] @ X[who[own]]
        for pair, spread in cells.spread.items():
            self.by_month[pair][block.months] += ones @ spread
            self.crossed[pair][block.months] += spread.T @ X
            self.by_column[pair] += (X * (spread @ alike)[:, None]).T @ X

    def finish(self, rows: RiskRows) -> Evaluation:
        """Return value, gradient and information in the order of the parameters."""
        ends = np.cumsum(rows.sizes)
        gradient = np.zeros(int(ends[-1]))
        information = np.zeros((len(gradient), len(gradient)))
        for k, columns in enumerate(rows.levels):
            own = np.concatenate([columns.T @ self.month_rest[k], self.column_rest[k]])
            gradient[ends[k] - len(own) : ends[k]] = own
        for (k, j), by_month in self.by_month.items():
            left, right = rows.levels[k], rows.levels[j]
            crossed = self.crossed[k, j]
            part = np.block(
                [
                    [(left * by_month[:, None]).T @ right, left.T @ crossed],
                    [(right.T @ crossed).T, self.by_column[k, j]],
                ]
            )
            here = slice(ends[k] - part.shape[0], ends[k]), slice(ends[j] - part.shape[1], ends[j])
            information[here] = part
            information[here[::-1]] = part.T
        return self.value, gradient, information


def _blocks(rows: RiskRows) -> Iterator[_Block]:
    start = 0
    for n in rows.cuts.tolist():
        while start < n:
            months = int(rows.stop[min(n, start + 1024) - 1] - rows.first[start : min(n, start + 1024)].min())
            size = max(64, _CELLS // months)
            end = min(n, start + size)
            # rows that end in the same month need no mask, so a block rather ends there if it is not too small
            same = start + int(np.searchsorted(rows.stop[start:end], rows.stop[start], side="right"))
            end = same if same - start > size // 4 else end
            span = slice(int(rows.first[start:end].min()), int(rows.stop[end - 1]))
            yield _Block(slice(start, end), span)
            start = end


def _logs(theta: FloatArray, rows: RiskRows) -> tuple[FloatArray, FloatArray]:
    """Return the log rates of months, (K, m), and of customers, (K, n)."""
    log_level = np.full((rows.causes, len(rows.stays)), -np.inf)
    log_customer = np.empty((rows.causes, len(rows.event)))
    at = 0
    for k, columns in enumerate(rows.levels):
        end = at + columns.shape[1]
        level = columns @ theta[at:end]
        log_level[k] = np.where(rows.active[k], level, -np.inf)
        at = end + rows.X.shape[1]
        log_customer[k] = rows.X @ theta[end:at]
    return log_level, log_customer if rows.offset is None else log_customer + rows.offset


def _cells(rows: RiskRows, block: _Block, log_level: FloatArray, log_customer: FloatArray, link: str) -> _Cells:
    level, customer = log_level[:, None, block.months], log_customer[:, block.rows, None]
    e = rates(level, customer)
    start = block.months.start
    at_risk = _weight_at_risk(rows, block)
    event = rows.event[block.rows]
    who = np.flatnonzero(event)
    leavers = who, rows.stop[block.rows][who] - 1 - start, event[who] - 1
    stays = rows.stays[block.months]
    eta = np.clip(level[leavers[2], 0, leavers[1]], None, _MOST) + np.clip(customer[leavers[2], who, 0], -_MOST, _MOST)
    chosen = float(rows.weight[block.rows][who] @ eta)
    if link == "logit":
        value, expected, spread = _logit_cells(e, at_risk, stays)
    else:
        value, expected, spread = _cloglog_cells(e, at_risk, stays, leavers)
    return _Cells(value + chosen, expected, spread, leavers)


def _weight_at_risk(rows: RiskRows, block: _Block) -> FloatArray:
    """Return the weights of rows x months, 0 where not at risk; one column where all rows are in every month."""
    first, stop, weight = rows.first[block.rows, None], rows.stop[block.rows, None], rows.weight[block.rows, None]
    if first.max() == block.months.start and stop.min() == block.months.stop:
        return weight
    months = np.arange(block.months.start, block.months.stop)
    return np.asarray(((first <= months) & (months < stop)) * weight)


_Kernel: TypeAlias = tuple[float, FloatArray, dict[tuple[int, int], FloatArray]]


def _logit_cells(e: FloatArray, at_risk: FloatArray, stays: FloatArray) -> _Kernel:
    """Return minus the log of ``1 + sum e`` summed, the expected exits and their covariances, weighted by `at_risk`."""
    below = stays + (e.sum(axis=0) if len(e) > 1 else e[0])
    share = e / below
    plain = at_risk.shape[1] == 1 and bool((at_risk == 1.0).all())
    expected = share if plain else share * at_risk
    value = -(_log_product(below) if plain else float((at_risk * np.log(below)).sum()))
    spread = {}
    for k in range(len(e)):
        for j in range(k, len(e)):
            spread[k, j] = expected[k] * ((1 - share[j]) if k == j else -share[j])
    return value, expected, spread


def _log_product(numbers: FloatArray) -> float:
    """Return the sum of logarithms: of products of eight where these stay numbers, since a logarithm costs more."""
    if numbers.shape[1] < 8 or float(numbers.max()) > 1e30:
        return float(np.log(numbers).sum())
    whole = numbers.shape[1] - numbers.shape[1] % 8
    made = numbers[:, :whole:8].copy()
    for shift in range(1, 8):
        made *= numbers[:, shift:whole:8]
    return float(np.log(made).sum() + np.log(numbers[:, whole:]).sum())


def _cloglog_cells(
    e: FloatArray, at_risk: FloatArray, stays: FloatArray, leavers: tuple[IntArray, IntArray, IntArray]
) -> _Kernel:
    """Return the same three for the complementary log-log link: a Poisson part, put right where somebody leaves."""
    causes = len(e)
    expected = e * (at_risk * stays)
    value = -float(expected.sum())
    spread = {
        (k, j): expected[k].copy() if k == j else np.zeros(e.shape[1:]) for k in range(causes) for j in range(k, causes)
    }
    if not stays.all():  # where everybody leaves, only the choice between causes is left, as with the logit
        more, also, wide = _logit_cells(e, at_risk * (1 - stays), np.zeros_like(stays))
        value, expected = value + more, expected + also
        spread = {pair: spread[pair] + wide[pair] for pair in spread}
    open_months = stays[leavers[1]] > 0
    who, when = leavers[0][open_months], leavers[1][open_months]
    weight, own = np.broadcast_to(at_risk, e.shape[1:])[who, when], e[:, who, when]
    total = own.sum(axis=0)
    gain, slope, bend = log_share_left(total)
    value += float(weight @ (total + gain))
    expected[:, who, when] = -slope * own * weight
    for (k, j), cells in spread.items():
        cells[who, when] = -weight * (bend * own[k] * own[j] + (slope * own[k] if k == j else 0.0))
    return value, expected, spread


def log_share_left(total: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``log((1 - exp(-t)) / t)`` and its first two derivatives; a series near 0, where they cancel."""
    t = np.clip(total, 1e-3, None)
    with np.errstate(over="ignore"):
        value = np.log(-np.expm1(-t) / t)
        slope = 1 / np.expm1(t) - 1 / t
        bend = 1 / t**2 - 0.25 / np.sinh(np.minimum(t, 1400.0) / 2) ** 2
    small = total < 1e-2
    s = np.where(small, total, 0.0)
    return (
        np.where(small, -s / 2 + s**2 / 24 - s**4 / 2880, value),
        np.where(small, -0.5 + s / 12 - s**3 / 720, slope),
        np.where(small, 1 / 12 - s**2 / 240 + s**4 / 6048, bend),
    )
