"""Values in rising order with their weights, walked in blocks that stay in the processor's cache.

Everything said of concentration needs each customer's rank and the money up to them. Both are running sums, so one
sort and one walk are enough; errors come from influence functions (customers are a sample of customers like them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import float_array, sample_weight_array
from custval._segments.shares import half_width, level_of

__all__ = ("Block", "Ordered", "normal_interval", "ordered_values")

_BLOCK = 1 << 16


class Block(NamedTuple):
    """Consecutive values with their weights, customers up to each and money up to each (both with it)."""

    value: FloatArray
    weight: FloatArray | float
    people: FloatArray
    money: FloatArray


class Ordered:
    """Values > nothing in rising order; weight None means one customer each."""

    def __init__(self, value: FloatArray, weight: FloatArray | None) -> None:
        self.value, self.weight = value, weight
        self.whole = weight is None or bool((weight == np.floor(weight)).all())
        self.people = float(len(value)) if weight is None else float(weight.sum())
        self.money = float(value.sum()) if weight is None else float((weight * value).sum())

    @property
    def mean(self) -> float:
        """Return the mean value."""
        return self.money / self.people

    def blocks(self) -> Iterator[Block]:
        """Yield the values in blocks, with running sums."""
        people, money = 0.0, 0.0
        for start in range(0, len(self.value), _BLOCK):
            value = self.value[start : start + _BLOCK]
            if self.weight is None:
                block = Block(value, 1.0, people + np.arange(1.0, len(value) + 1), money + value.cumsum())
            else:
                weight = self.weight[start : start + _BLOCK]
                block = Block(value, weight, people + weight.cumsum(), money + (weight * value).cumsum())
            yield block
            people, money = float(block.people[-1]), float(block.money[-1])

    def total(self, of: Callable[[Block], FloatArray]) -> float:
        """Return the weighted sum over customers of what `of` says of each."""
        return float(sum(float((block.weight * of(block)).sum()) for block in self.blocks()))

    def standard_error(self, influence: Callable[[Block], FloatArray]) -> float | None:
        """Return the standard error of an estimate whose influence function is given, None for one customer."""
        if self.people <= 1 if self.whole else len(self.value) <= 1:
            return None
        power = 1 if self.whole else 2
        squares = sum(float((block.weight**power * influence(block) ** 2).sum()) for block in self.blocks())
        return float(np.sqrt(squares) / self.people)

    def top(self, count: float) -> tuple[float, float]:
        """Return the money of the richest `count` customers (one at the edge in part), and the last one's value."""
        if self.weight is None:
            edge = min(int(np.ceil(count * (1 - 1e-15))), len(self.value))
            rest = self.value[len(self.value) - edge :]
            at_least = float(rest[0])
            return float(rest[1:].sum()) + (count - (edge - 1)) * at_least, at_least
        beyond = self.weight[::-1].cumsum()
        held = (self.weight * self.value)[::-1].cumsum()
        place = min(int(np.searchsorted(beyond, count * (1 - 1e-15))), len(beyond) - 1)
        at_least = float(self.value[::-1][place])
        before = (float(beyond[place - 1]), float(held[place - 1])) if place else (0.0, 0.0)
        return before[1] + (count - before[0]) * at_least, at_least

    def excess(self, at_least: float) -> float:
        """Return the mean of what values exceed `at_least`."""
        first = int(np.searchsorted(self.value, at_least))
        above = self.value[first:] - at_least
        return float((above if self.weight is None else above * self.weight[first:]).sum()) / self.people


def ordered_values(values: ArrayLike, sample_weight: ArrayLike | None) -> Ordered:
    """Return `values` in rising order, or refuse missing values and a total that is not positive."""
    money = float_array(values, "values")
    if len(money) == 0:
        raise InputError("values is empty; at least one customer is needed")
    if sample_weight is None:
        ordered = Ordered(np.sort(money), None)
    else:
        weight = sample_weight_array(sample_weight, len(money))
        order = np.argsort(money, kind="stable")
        order = order[weight[order] > 0]
        ordered = Ordered(money[order], weight[order])
    if ordered.money <= 0.0:
        raise InputError(
            f"the sum of values must be > 0 but is {ordered.money:g}: shares of nothing, or of a loss, do not exist; "
            "leave the loss-makers out, or look at margins before costs"
        )
    return ordered


def normal_interval(
    estimate: float, error: float | None, conf_level: float, smallest: float
) -> tuple[float | None, float | None]:
    """Return the normal interval, kept within [0, 1] where no value is negative."""
    level = level_of(conf_level)
    if error is None:
        return None, None
    z = half_width(level)
    lower, upper = estimate - z * error, estimate + z * error
    return (max(lower, 0.0), min(upper, 1.0)) if smallest >= 0.0 else (lower, upper)
