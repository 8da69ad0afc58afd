"""How sure is the value when the hazard's parameters are drawn from their distribution instead of linearised?

The delta method takes the value as linear in the parameters; where the covariance is wide, or the value bends, draws
theta ~ N(estimate, covariance) carried through the whole value function say more. A model joins by one method:
``moved(step)``, the same model with its parameters moved by a step in the order of ``covariance_``.

References
----------
Krinsky, I. and Robb, A. L. (1986), On approximating the statistical properties of elasticities, Review of Economics and
Statistics 68(4): simulation from the estimated normal distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._clv.value import lifetime_value
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.randomness import generator
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, FloatArray, RandomState
from custval._core.validation import check_scalar, check_whole

__all__ = ("SimulatedValue", "simulated_value")


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class SimulatedValue(Result):
    """The value of the base under parameters drawn from their distribution.

    Attributes
    ----------
    total : float
        At the estimate.
    std_error : float
        Standard deviation of the draws of the total.
    lower, upper : float
        Percentiles of them.
    draws : ndarray of shape (B,)
        Totals.
    groups : dict of str to ndarray of shape (B,)
        Totals of each group by draw, where groups were given: any function of them has its own percentiles.
    conf_level : float
        Level of the interval.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import GeometricRetention, simulated_value
    >>> model = GeometricRetention().fit([1000, 970, 941, 913])
    >>> found = simulated_value(
    ...     model, np.zeros((2, 1)), margin=30.0, horizon=24, monthly_discount=0.01, draws=200, random_state=0
    ... )
    >>> bool(found.lower < found.total < found.upper)
    True
    """

    total: float
    std_error: float
    lower: float
    upper: float
    draws: FloatArray
    groups: dict[str, FloatArray]
    conf_level: float


@public("clv")
def simulated_value(
    model: Any,
    X: AnyFrame,
    *,
    draws: int = 500,
    conf_level: float = 0.95,
    random_state: RandomState = None,
    **options: Any,
) -> SimulatedValue:
    """Return the value of the base with an interval from parameters drawn from their fitted distribution.

    Parameters
    ----------
    model : fitted model
        With ``covariance_`` and ``moved``: `DiscreteHazard` and the contract models.
    X : frame or array of n rows
        Customers as `model` takes them.
    draws : int
        Draws of the parameters, >= 2.
    conf_level : float
        Level of the percentile interval, within (0, 1).
    random_state : int, Generator or None
        Seed.
    **options : any
        Everything else that :func:`lifetime_value` takes, `groups` among it.

    Returns
    -------
    SimulatedValue
        Total, its standard deviation and percentiles, and the draws.

    Raises
    ------
    InputError
        If the model cannot be asked at other parameters, or has no covariance.

    References
    ----------
    Krinsky, I. and Robb, A. L. (1986), Review of Economics and Statistics 68(4).

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import ShiftedBetaGeometric, simulated_value
    >>> model = ShiftedBetaGeometric().fit([1000, 869, 743, 653, 593])
    >>> found = simulated_value(
    ...     model, np.zeros((1, 1)), margin=30.0, horizon=12, monthly_discount=0.01, draws=100, random_state=0
    ... )
    >>> len(found.draws)
    100
    """
    times = check_whole(draws, "draws", low=2)
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    kind = type(model).__name__
    if not hasattr(model, "moved"):
        raise InputError(
            f"a {kind} cannot be asked at other parameters; lifetime_value has an interval by the delta method"
        )
    if model.covariance_ is None:
        raise InputError(f"this {kind} has no covariance, so nothing can be drawn; fit it to data without a penalty")
    centre = lifetime_value(model, X, **options)
    labels = () if centre.groups is None else tuple(str(name) for name in centre.groups.group)
    drawn, parts = np.empty(times), np.empty((times, len(labels)))
    for b, step in enumerate(_steps(model, times, random_state)):
        worth = lifetime_value(_Silent(model.moved(step)), X, **options)
        drawn[b] = worth.total
        if worth.groups is not None:
            parts[b] = worth.groups.value
    lower, upper = np.quantile(drawn, (0.5 - level / 2.0, 0.5 + level / 2.0))
    return SimulatedValue(
        total=centre.total,
        std_error=float(drawn.std(ddof=1)),
        lower=float(lower),
        upper=float(upper),
        draws=frozen(drawn),
        groups={name: frozen(parts[:, j]) for j, name in enumerate(labels)},
        conf_level=level,
    )


def _steps(model: Any, times: int, random_state: RandomState) -> FloatArray:
    values, vectors = np.linalg.eigh(np.asarray(model.covariance_, dtype=np.float64))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(generator(random_state).standard_normal((times, len(values))) @ root.T)


class _Silent:
    """A model without errors of its own: no gradients are wanted of a draw."""

    covariance_ = None

    def __init__(self, model: Any) -> None:
        self._model = model
        self.time_unit = getattr(model, "time_unit_", getattr(model, "time_unit", "month"))
        if hasattr(model, "predict_incidence"):
            self.predict_incidence = model.predict_incidence
            self.causes_ = getattr(model, "causes_", None)

    def predict_survival(self, X: AnyFrame, times: Any, **given: Any) -> FloatArray:
        return np.asarray(self._model.predict_survival(X, times, **given))
