"""Which groups differ? The log-rank test of every two groups, with p-values that allow for their number."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, import_pandas
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_choice, sample_weight_array
from custval._survival.groups import group_codes
from custval._survival.logrank import logrank_test
from custval._survival.target import read_target

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("PairwiseTests", "holm", "pairwise_logrank_test")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class PairwiseTests(Result):
    """A test of every two groups.

    Attributes
    ----------
    groups : tuple
        Labels of the G groups.
    first, second : tuple
        Labels of the two groups of each of the G (G - 1) / 2 pairs.
    statistic, p_value : numpy.ndarray of shape (pairs,)
        Chi-square statistic with one degree of freedom, and its p-value for the pair alone.
    adjusted_p_value : numpy.ndarray of shape (pairs,)
        The p-value that allows for the number of pairs.
    adjust : str
        How: ``"holm"``, ``"bonferroni"`` or ``"none"``.
    weighting : str
        Weights of the times, as in :func:`logrank_test`.

    Examples
    --------
    >>> from custval.survival import pairwise_logrank_test, survival_target
    >>> tests = pairwise_logrank_test(survival_target([3, 4, 7, 9, 11, 12]), ["a", "a", "b", "b", "c", "c"])
    >>> list(zip(tests.first, tests.second, tests.adjusted_p_value.round(3).tolist()))
    [('a', 'b', 0.269), ('a', 'c', 0.269), ('b', 'c', 0.269)]
    """

    groups: tuple[Hashable, ...]
    first: tuple[Hashable, ...]
    second: tuple[Hashable, ...]
    statistic: FloatArray
    p_value: FloatArray
    adjusted_p_value: FloatArray
    adjust: str
    weighting: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each pair."""
        frames = import_pandas()

        made: pd.DataFrame = frames.DataFrame(
            {
                "first": list(self.first),
                "second": list(self.second),
                "statistic": self.statistic,
                "p_value": self.p_value,
                "adjusted_p_value": self.adjusted_p_value,
            }
        )
        return made


@public("survival")
def pairwise_logrank_test(
    y: Any,
    groups: Any,
    *,
    strata: Any = None,
    weighting: str = "logrank",
    rho: float = 1.0,
    gamma: float = 0.0,
    sample_weight: ArrayLike | None = None,
    adjust: str = "holm",
) -> PairwiseTests:
    """Return which groups of customers leave at different rates: a log-rank test of every two of them.

    Parameters
    ----------
    y : target of shape (n,)
        From :func:`survival_target`; late entry is allowed for.
    groups : array_like of shape (n,), or frame of n rows
        Labels of at least two groups.
    strata : array_like of shape (n,), or frame of n rows, optional
        Customers are compared within each stratum only.
    weighting : {"logrank", "gehan", "tarone-ware", "peto", "fleming-harrington"}
        Weight of each time, as in :func:`logrank_test`.
    rho, gamma : float, default 1 and 0
        Exponents >= 0 of the Fleming-Harrington weights.
    sample_weight : array_like of shape (n,), optional
        Whole case weights, equal to duplicated rows.
    adjust : {"holm", "bonferroni", "none"}
        How p-values allow for the number of pairs: Holm's step-down method (never worse than Bonferroni, under any
        dependence), Bonferroni, or not at all.

    Returns
    -------
    PairwiseTests
        Statistic, p-value and adjusted p-value of each pair.

    Raises
    ------
    InputError
        As :func:`logrank_test`; a pair that cannot be compared is named.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> from custval.survival import pairwise_logrank_test, survival_target
    >>> y = survival_target([1, 2, 3, 2, 3, 4, 8, 9, 10], [1, 1, 1, 1, 0, 1, 1, 1, 1])
    >>> tests = pairwise_logrank_test(y, ["a"] * 3 + ["b"] * 3 + ["c"] * 3)
    >>> tests.to_frame()["adjusted_p_value"].round(3).tolist()
    [0.134, 0.074, 0.118]
    """
    check_choice(adjust, "adjust", ("holm", "bonferroni", "none"))
    target = read_target(y)
    labels, codes = group_codes(groups, len(target))
    if len(labels) < 2:
        raise InputError(f"groups must hold at least two labels, not {len(labels)}; there is nothing to compare")
    weight = None if sample_weight is None else sample_weight_array(sample_weight, len(target), other="y")
    layer = None if strata is None else group_codes(strata, len(target), name="strata")[1]
    pairs = list(combinations(range(len(labels)), 2))
    found: list[tuple[float, float]] = []
    for a, b in pairs:
        rows = np.flatnonzero((codes == a) | (codes == b))
        try:
            test = logrank_test(
                target.rows(rows),
                codes[rows],
                strata=None if layer is None else layer[rows],
                weighting=weighting,
                rho=rho,
                gamma=gamma,
                sample_weight=None if weight is None else weight[rows],
            )
        except InputError as why:
            raise InputError(f"groups {labels[a]!r} and {labels[b]!r} cannot be compared: {why}") from None
        found.append((test.statistic, test.p_value))
    statistic, p_value = np.array(found).T
    return PairwiseTests(
        groups=labels,
        first=tuple(labels[a] for a, _ in pairs),
        second=tuple(labels[b] for _, b in pairs),
        statistic=frozen(statistic.copy()),
        p_value=frozen(p_value.copy()),
        adjusted_p_value=frozen(_adjusted(p_value, adjust)),
        adjust=adjust,
        weighting=weighting,
    )


def holm(p_value: FloatArray) -> FloatArray:
    """Return Holm's adjusted p-values: (m - rank + 1) p, made non-decreasing in p, at most 1."""
    order = np.argsort(p_value, kind="stable")
    grown = np.maximum.accumulate(p_value[order] * np.arange(len(p_value), 0, -1))
    made = np.empty(len(p_value))
    made[order] = np.minimum(grown, 1.0)
    return made


def _adjusted(p_value: FloatArray, adjust: str) -> FloatArray:
    if adjust == "holm":
        return holm(p_value)
    return np.minimum(p_value * (len(p_value) if adjust == "bonferroni" else 1), 1.0)
