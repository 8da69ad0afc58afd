"""Value, block of customers by block: survival once, money weighed by it, gradients, and what each cause costs."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from custval._clv.checks import check_curve, check_incidence
from custval._clv.discount import Weights, exit_weights, survival_weights, weighted
from custval._clv.group_totals import Grouping
from custval._clv.source import Source
from custval._clv.tail import LastMonth, Tail, geometric_tail
from custval._core.results import frozen
from custval._core.typing import AnyFrame, FloatArray
from custval._core.validation import check_whole

__all__ = ("BEYOND", "Money", "Sums", "add_blocks", "blocks_of", "estimates")

BLOCK_CELLS = 2**20  # survival and incidence numbers held at a time: 8 MB each matrix
BEYOND = "beyond_horizon"


class Money(NamedTuple):
    """Money per month and at exit in matching dimensions: the first is n or 1."""

    months: dict[str, FloatArray]  # signed money per month, each (n|1, 1|H)
    exits: dict[str, FloatArray]  # losses at exit, each (n|1, K, 1|H)
    points: FloatArray  # (n|1, H)
    rates: FloatArray  # (n|1,)
    growth: FloatArray  # (n|1,)
    timing: str
    has_tail: bool

    def rows(self, where: slice) -> Money:
        """Return the money of some customers."""

        def cut(part: FloatArray) -> FloatArray:
            return part if len(part) == 1 else part[where]

        return self._replace(
            months={name: cut(part) for name, part in self.months.items()},
            exits={name: cut(part) for name, part in self.exits.items()},
            points=cut(self.points),
            rates=cut(self.rates),
            growth=cut(self.growth),
        )

    @property
    def net(self) -> FloatArray:
        """Money of a month, all parts together, (n|1, 1|H)."""
        return np.asarray(sum(self.months.values()))

    @property
    def losses(self) -> FloatArray:
        """Losses at exit less what is kept after it, (n|1, K, 1|H)."""
        return np.asarray(sum(self.exits.values()))


class Sums:
    """What the blocks add up to: parts of the value and its variance by customer, gradients and losses of all."""

    def __init__(self, n: int, causes: int, money: Money, grouping: Grouping | None) -> None:
        names = [*money.months, *money.exits, *([BEYOND] if money.has_tail else [])]
        self.parts = {name: np.zeros(n) for name in names}
        self.variance = np.zeros(n)
        self.gradient: FloatArray | None = None
        self.by_cause = np.zeros(causes)
        self.grouping = grouping


class _Pull(NamedTuple):
    """Weights of S(t) (n, H) and of the monthly exits (n, K, H) or None, whose gradient is that of the value."""

    survival: FloatArray
    exits: FloatArray | None


def add_blocks(sums: Sums, source: Source, X: AnyFrame, money: Money, *, block_rows: int | None) -> None:
    """Compute all customers, a block at a time, and write what they are worth into `sums`."""
    horizon = money.points.shape[1]
    for where in blocks_of(len(sums.variance), horizon * (1 + len(source.causes)), block_rows):
        _add_block(sums, source, X, where, money.rows(where))


def _add_block(sums: Sums, source: Source, X: AnyFrame, where: slice, money: Money) -> None:
    horizon = money.points.shape[1]
    curve = check_curve(source.survival(X, horizon, where))
    for name, part in money.months.items():
        if part.any():
            sums.parts[name][where] = weighted(curve, survival_weights(part, money.points, money.timing))
    needs_exits = len(source.causes) > 1 or any(part.any() for part in money.exits.values())
    left = source.incidence(X, horizon, where, curve) if needs_exits else (1.0 - curve)[:, None, :]
    if len(source.causes) > 1:
        left = check_incidence(left, curve)
    net = survival_weights(money.net, money.points, money.timing)
    _add_exits(sums, where, money, left, net)
    tail = _tail(money, curve, left) if money.has_tail else None
    if tail is not None:
        sums.parts[BEYOND][where] = tail.value
    if source.is_uncertain:
        pull = _pull(money, curve.shape, net, tail)
        _add_gradient(sums, source, where, source.gradient(X, where, pull.survival, pull.exits))


def _add_exits(sums: Sums, where: slice, money: Money, left: FloatArray, net: Weights) -> None:
    """Add losses at exit, and what would have come had nobody left for each cause."""
    for name, losses in money.exits.items():
        if losses.any():
            weights = np.broadcast_to(exit_weights(losses, money.points), left.shape)
            sums.parts[name][where] = -np.einsum("nkh,nkh->n", left, weights)
            sums.by_cause += np.einsum("nkh,nkh->k", left, weights)
    if len(net.by_month) == 1:
        sums.by_cause += np.einsum("nkh,n,h->k", left, np.broadcast_to(net.scale, len(left)), net.by_month[0])
    else:
        sums.by_cause += np.einsum("nkh,nh->k", left, net.scale[:, None] * net.by_month)


def _tail(money: Money, curve: FloatArray, left: FloatArray) -> Tail:
    """Return the value after the horizon, on the terms of the last month."""
    before = curve[:, -2] if curve.shape[1] > 1 else np.ones(len(curve))
    exits = left[:, :, -1] - (left[:, :, -2] if curve.shape[1] > 1 else 0.0)
    month = LastMonth(
        after=curve[:, -1],
        before=before,
        exits=np.maximum(exits, 0.0),
        margin=money.net[:, -1],
        losses=money.losses[:, :, -1],
        rates=money.rates,
        growth=money.growth,
    )
    return geometric_tail(month, curve.shape[1], money.timing)


def _pull(money: Money, shape: tuple[int, ...], net: Weights, tail: Tail | None) -> _Pull:
    """Return the weights whose gradient is that of the value."""
    by_month = np.broadcast_to(net.scale[:, None] * net.by_month, shape)
    due = money.losses * money.points[:, None, :]
    exits = None
    if due.any() or tail is not None:
        exits = -np.broadcast_to(due, (shape[0], due.shape[1], shape[1]))
    if tail is None:
        return _Pull(by_month, exits)
    by_month, exits = by_month.copy(), np.array(exits)
    by_month[:, -1] += tail.by_after
    if shape[1] > 1:
        by_month[:, -2] += tail.by_before
    exits[:, :, -1] += tail.by_exits
    return _Pull(by_month, exits)


def _add_gradient(sums: Sums, source: Source, where: slice, gradient: FloatArray) -> None:
    sums.variance[where] = np.einsum("np,np->n", gradient @ source.covariance, gradient)
    whole = gradient.sum(axis=0)
    sums.gradient = whole if sums.gradient is None else sums.gradient + whole
    if sums.grouping is not None:
        sums.grouping.add(where, gradient)


def estimates(sums: Sums, source: Source, level: float) -> dict[str, Any]:
    """Return value, components, total and, where the model knows its uncertainty, their errors and intervals."""
    value = np.sum(list(sums.parts.values()), axis=0)
    total = float(value.sum())
    found: dict[str, Any] = {
        "value": frozen(value),
        "components": {name: frozen(part) for name, part in sums.parts.items()},
        "total": total,
        "by_cause": frozen(sums.by_cause),
    }
    if sums.gradient is None:
        names = ("std_error", "lower", "upper", "total_std_error", "total_lower", "total_upper", "total_gradient")
        return {**found, **dict.fromkeys(names)}
    error = np.sqrt(np.maximum(sums.variance, 0.0))
    whole = float(np.sqrt(np.maximum(sums.gradient @ source.covariance @ sums.gradient, 0.0)))
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    return {
        **found,
        "std_error": frozen(error),
        "lower": frozen(value - z * error),
        "upper": frozen(value + z * error),
        "total_std_error": whole,
        "total_lower": total - z * whole,
        "total_upper": total + z * whole,
        "total_gradient": frozen(sums.gradient),
    }


def blocks_of(n: int, cells: int, block_rows: int | None = None) -> Iterator[slice]:
    """Cut n customers into blocks of bounded memory."""
    size = max(1, BLOCK_CELLS // cells) if block_rows is None else check_whole(block_rows, "block_rows", low=1)
    return (slice(start, min(start + size, n)) for start in range(0, n, size))
