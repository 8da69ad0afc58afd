"""What does the customer think they gain from us? Perceived value: benefits minus costs, from survey answers.

Kotler's delivered value: benefits (product, service, staff, image) minus costs (money, time, effort, energy). Answers
of different scales are put on 0..1 first. The index is only as good as its answers agree with one another: Cronbach's
alpha says how much of the spread of a sum of answers is shared, with Feldt's exact interval under a normal model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.frames import column
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_length, check_rows, float_array
from custval._segments.shares import level_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("PerceivedValue", "Reliability", "cronbach_alpha", "perceived_value")

Weights = Mapping[str, float] | Sequence[str]


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class Reliability(Result):
    """Cronbach's alpha of a set of answers; ``float()`` of it is alpha.

    Attributes
    ----------
    alpha : float
        1 where all answers say the same, about 0 where they have nothing in common; may be negative.
    lower, upper : float or None
        Feldt's interval; None for fewer than two customers.
    items : tuple of str
        Answers.
    alpha_without : tuple of float or None
        Alpha if the answer were left out: larger than alpha for an answer that does not belong. None where fewer than
        two would be left.
    conf_level : float
        Level of the interval.

    Examples
    --------
    >>> from custval.segments import cronbach_alpha
    >>> round(float(cronbach_alpha([[4.0, 5.0], [2.0, 2.0], [3.0, 5.0], [1.0, 2.0]])), 3)
    0.923
    """

    alpha: float
    lower: float | None
    upper: float | None
    items: tuple[str, ...]
    alpha_without: tuple[float | None, ...]
    conf_level: float

    def __float__(self) -> float:
        """Return alpha."""
        return self.alpha


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class PerceivedValue(Result):
    """Perceived value of each customer; arrays have shape (n,).

    Attributes
    ----------
    index : ndarray
        Benefits minus costs, from -1 to 1.
    benefit, cost : ndarray
        Weighted means of the answers, from 0 to 1.
    std_error : float or None
        Standard error of measurement of one customer's index, by the reliability of both parts; None where a part has
        only one answer.
    benefit_reliability, cost_reliability : Reliability or None
        Cronbach's alpha of each part; None for one answer.

    Examples
    --------
    >>> from custval.segments import perceived_value
    >>> survey = {"service": [5, 1], "network": [4, 2], "price": [2, 4]}
    >>> perceived_value(survey, benefits=("service", "network"), costs=("price",), scale=(1, 5)).index
    array([ 0.625, -0.625])
    """

    index: FloatArray
    benefit: FloatArray
    cost: FloatArray
    std_error: float | None
    benefit_reliability: Reliability | None
    cost_reliability: Reliability | None

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each customer.

        Returns
        -------
        pandas.DataFrame
            ``index``, ``benefit``, ``cost``.
        """
        import pandas as pd

        return pd.DataFrame({"index": self.index, "benefit": self.benefit, "cost": self.cost})


@public("segments")
def cronbach_alpha(answers: ArrayLike, *, items: Sequence[str] | None = None, conf_level: float = 0.95) -> Reliability:
    """Return how well a set of answers measures one thing.

    Parameters
    ----------
    answers : array of shape (n, k)
        Answers of each customer on one scale, k >= 2; complete.
    items : sequence of k str, optional
        Names of the answers.
    conf_level : float
        Level of the interval, within (0, 1).

    Returns
    -------
    Reliability
        Alpha, its interval, and alpha without each answer.

    Raises
    ------
    InputError
        If there are fewer than two answers, one is missing, or nobody differs from anybody.

    References
    ----------
    Cronbach, L. J. (1951), Coefficient alpha and the internal structure of tests, Psychometrika 16. Feldt, L. S.
    (1965), The approximate sampling distribution of Kuder-Richardson reliability coefficient twenty, same journal 30.

    Examples
    --------
    >>> from custval.segments import cronbach_alpha
    >>> cronbach_alpha([[1.0, 1.0], [3.0, 3.0], [2.0, 2.0]]).alpha
    1.0
    """
    level = level_of(conf_level)
    table = float_array(answers, "answers", ndim=2)
    n, count = table.shape
    if count < 2:
        raise InputError("one answer has no reliability; alpha compares two or more")
    names = tuple(f"answer {k + 1}" for k in range(count)) if items is None else tuple(str(item) for item in items)
    if len(names) != count:
        raise InputError(f"items has {len(names)} names but answers has {count} columns")
    covariance = np.cov(table.T) if n > 1 else np.zeros((count, count))
    if covariance.sum() <= 0.0:
        raise InputError("the sum of the answers is the same for everybody, so their reliability is not defined")
    alpha = _alpha(covariance)
    lower, upper = _feldt(alpha, n, count, level)
    without: list[float | None] = []
    for k in range(count):
        rest = np.delete(np.delete(covariance, k, 0), k, 1)
        without.append(_alpha(rest) if count > 2 and rest.sum() > 0 else None)
    return Reliability(alpha, lower, upper, names, tuple(without), level)


@public("segments")
def perceived_value(
    X: AnyFrame,
    *,
    benefits: Weights,
    costs: Weights,
    scale: tuple[float, float] | None = None,
    least_alpha: float = 0.6,
) -> PerceivedValue:
    """Return benefits minus costs as each customer sees them, with the reliability of both.

    Parameters
    ----------
    X : frame or mapping
        Survey answers, one row for each customer: numbers, complete.
    benefits, costs : sequence of str, or mapping of str to weight
        Columns with answers to benefits (high is good) and to costs (high is dear); weights > 0, equal if not given.
    scale : pair of float, optional
        Lowest and highest possible answer, the same for all; None takes the lowest and highest seen in each column.
    least_alpha : float, default 0.6
        A part with a lower alpha is warned of.

    Returns
    -------
    PerceivedValue
        Index of each customer, its parts, their reliability.

    Raises
    ------
    InputError
        If a column is missing, an answer is missing or beyond the scale, or a weight is not positive.

    Warns
    -----
    DataWarning
        If the answers of a part do not belong together.

    References
    ----------
    Kotler, P. (1997), Marketing Management, chapter 2: customer delivered value. Error of measurement: Lord, F. M. and
    Novick, M. R. (1968), Statistical Theories of Mental Test Scores, section 3.8.

    Examples
    --------
    >>> from custval.segments import perceived_value
    >>> survey = {"service": [5, 1, 3], "network": [4, 2, 3], "price": [2, 4, 2], "effort": [1, 5, 3]}
    >>> found = perceived_value(survey, benefits={"service": 2, "network": 1}, costs=("price", "effort"), scale=(1, 5))
    >>> found.index.round(2), round(float(found.benefit_reliability), 2)
    (array([ 0.79, -0.79,  0.12]), 0.89)
    """
    good, good_weight, good_names = _answers(X, benefits, "benefits", scale)
    dear, dear_weight, dear_names = _answers(X, costs, "costs", scale)
    check_length(dear, len(good), name="costs", other="benefits")
    parts = [
        _reliability(good, good_names, "benefits", least_alpha),
        _reliability(dear, dear_names, "costs", least_alpha),
    ]
    benefit, cost = good @ good_weight, dear @ dear_weight
    error = None
    if parts[0] is not None and parts[1] is not None and len(benefit) > 1:
        doubt = [1.0 - min(max(part.alpha, 0.0), 1.0) for part in parts if part is not None]
        error = float(np.sqrt(benefit.var(ddof=1) * doubt[0] + cost.var(ddof=1) * doubt[1]))
    return PerceivedValue(
        index=frozen(benefit - cost),
        benefit=frozen(benefit),
        cost=frozen(cost),
        std_error=error,
        benefit_reliability=parts[0],
        cost_reliability=parts[1],
    )


def _alpha(covariance: Any) -> float:
    k = len(covariance)
    return float(k / (k - 1) * (1.0 - np.trace(covariance) / covariance.sum()))


def _feldt(alpha: float, n: int, items: int, level: float) -> tuple[float | None, float | None]:
    """Return 1 - (1 - alpha) F at both tails, F with n - 1 and (n - 1)(k - 1) degrees of freedom."""
    from scipy.special import fdtri

    if n < 2:
        return None, None
    tail, one, two = (1.0 - level) / 2.0, n - 1.0, (n - 1.0) * (items - 1.0)
    ends = (1.0 - (1.0 - alpha) * float(fdtri(one, two, p)) for p in (1.0 - tail, tail))
    lower, upper = ends
    return lower, upper


def _answers(
    X: AnyFrame, wanted: Weights, name: str, scale: tuple[float, float] | None
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Return the answers on 0..1, (n, k), their weights adding up to one, and their names."""
    if isinstance(wanted, str) or not len(wanted):
        raise InputError(f"{name} must be names of columns, or names with weights, not {wanted!r}")
    weights = dict(wanted) if isinstance(wanted, Mapping) else dict.fromkeys(wanted, 1.0)
    heavy = float_array(list(weights.values()), f"weights of {name}", low=0.0, low_open=True)
    if scale is not None and not scale[0] < scale[1]:
        raise InputError(f"scale must be the lowest and the highest possible answer, such as (1, 5), not {scale!r}")
    columns = []
    for item in weights:
        values = float_array(column(X, item), f"column {item!r}", fix="fill or drop such rows")
        low, high = (values.min(), values.max()) if scale is None else scale
        if scale is not None:
            rule = f"be an answer from {low:g} to {high:g}"
            check_rows((values >= low) & (values <= high), values, name=f"column {item!r}", rule=rule)
        if not high > low:
            raise InputError(f"column {item!r} is constant ({low:g}), so its scale is not known; give scale=")
        columns.append((values - low) / (high - low))
    return np.column_stack(columns), heavy / heavy.sum(), tuple(weights)


def _reliability(answers: FloatArray, names: tuple[str, ...], part: str, least: float) -> Reliability | None:
    if len(names) < 2 or len(answers) < 2 or np.cov(answers.T).sum() <= 0:
        return None
    found = cronbach_alpha(answers, items=names)
    if found.alpha < least:
        warn(
            f"the answers on {part} hardly belong together (Cronbach's alpha {found.alpha:.2f} < {least:g}); "
            "look at alpha_without, or report them one by one"
        )
    return found
