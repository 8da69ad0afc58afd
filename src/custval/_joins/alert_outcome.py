"""How good was the list? Precision and lift at its length, where not all have been watched to the end of the horizon.

A departure within the horizon counts 1 / G(T-), with G the share of customers watched so long: those whose watching
ended early are made up for by others like them. Precision is the mean of that over the list, lift its ratio to the mean
over all customers.

References
----------
Graf et al. (1999), Statistics in Medicine 18, 2529-2545 (weights by the chance of being watched).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result
from custval._joins.alerts import AlertList
from custval._metrics.censoring import watched_curve
from custval._metrics.outcome import read_outcome

__all__ = ("AlertOutcome", "alert_outcome")

_Z = 1.959963984540054


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class AlertOutcome(Result):
    """What became of the customers on an alert list.

    Attributes
    ----------
    precision, precision_lower, precision_upper : float
        Share of those listed who left within the horizon, with 95 % bounds.
    rate : float
        The same share of all customers.
    lift, lift_lower, lift_upper : float
        precision / rate, with 95 % bounds: how many times the average.
    captured : float
        Share of all leavers who were on the list.
    leavers : float
        Leavers on the list, those not watched to the end made up for.
    expected_leavers : float
        Leavers that the list foretold.
    not_watched : int
        Customers on the list who were not watched to the end of the horizon.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, alert_list, alert_outcome, survival_target
    >>> cells = {"tenure": [1, 1, 2, 2], "paperless": [0, 1, 0, 1], "at_risk": [90, 80, 81, 64],
    ...          "exits_left": [9, 16, 9, 16]}
    >>> model = DiscreteHazard().fit_counts(cells)
    >>> found = alert_list(model, {"paperless": [0, 1] * 50}, horizon=1, given=0, capacity=50)
    >>> later = survival_target([1.0] * 100, [0, 1, 0, 0, 0, 0, 0, 1, 0, 0] * 10)
    >>> told = alert_outcome(found, later)
    >>> told.precision, told.rate, told.lift, round(told.expected_leavers, 2)
    (0.4, 0.2, 2.0, 10.26)
    """

    precision: float
    precision_lower: float
    precision_upper: float
    rate: float
    lift: float
    lift_lower: float
    lift_upper: float
    captured: float
    leavers: float
    expected_leavers: float
    not_watched: int


@public("survival")
def alert_outcome(alerts: AlertList, y: Any) -> AlertOutcome:
    """Return precision and lift of an alert list, from what became of all customers, some of them watched too short.

    Parameters
    ----------
    alerts : AlertList
        The list.
    y : target of shape (customers,)
        From :func:`survival_target`, one row for each customer of the X that the list was made from, in its order: time
        from the day of the list to departure or last look.

    Returns
    -------
    AlertOutcome
        Precision, lift and captured share with 95 % bounds.

    Raises
    ------
    InputError
        For a target of another length, an empty list, or nobody watched to the end of the horizon.

    References
    ----------
    Graf et al. (1999), Statistics in Medicine 18, 2529-2545.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import DiscreteHazard, alert_list, alert_outcome, survival_target
    >>> rng = np.random.default_rng(0)
    >>> risky = rng.integers(0, 2, 4000)
    >>> month, end = rng.geometric(np.where(risky, 0.1, 0.02)), rng.integers(1, 7, 4000)
    >>> y = survival_target(np.minimum(month, end), month <= end)
    >>> model = DiscreteHazard(baseline="constant", tail="hold").fit({"risky": risky}, y)
    >>> alerts = alert_list(model, {"risky": risky}, horizon=3, given=0, capacity=500)
    >>> told = alert_outcome(alerts, y)
    >>> told.precision_lower < 1 - 0.9**3 < told.precision_upper
    True
    """
    outcome = read_outcome(y)
    if len(outcome) != alerts.customers:
        raise InputError(f"y has {len(outcome)} rows but the list was made from {alerts.customers} customers")
    if not len(alerts.row):
        raise InputError("the list is empty, so there is no precision to tell")
    ended = outcome.event > 0
    G = watched_curve(outcome.duration, ended, np.ones(len(outcome)))
    G.refuse_unreached(alerts.horizon)
    wanted = ended if alerts.cause is None else outcome.event == _code(alerts.cause, outcome.causes)
    left = G.gone_weight(outcome.duration, wanted & (outcome.duration <= alerts.horizon))
    mine = left[alerts.row]
    precision, rate, n = float(mine.mean()), float(left.mean()), len(mine)
    error = float(mine.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    low, high = max(precision - _Z * error, 0.0), min(precision + _Z * error, 1.0)
    lift = precision / rate if rate > 0 else 1.0
    reach = _Z * error / precision if precision > 0 else 0.0
    lift_low, lift_high = lift * np.exp(-reach), lift * np.exp(reach)
    if error == 0.0:  # all alike: nothing spreads, but n customers do not settle it; the exact bound remains
        low, high = _all_alike(precision, n)
        lift_low, lift_high = (low / rate, high / rate) if rate > 0 else (0.0, np.inf)
    watched = ended[alerts.row] | (outcome.duration[alerts.row] >= alerts.horizon)
    return AlertOutcome(
        precision=precision,
        precision_lower=low,
        precision_upper=high,
        rate=rate,
        lift=lift,
        lift_lower=float(lift_low),
        lift_upper=float(lift_high),
        captured=float(mine.sum() / left.sum()) if left.any() else 0.0,
        leavers=float(mine.sum()),
        expected_leavers=alerts.expected_leavers,
        not_watched=int(np.count_nonzero(~watched)),
    )


def _all_alike(precision: float, n: int) -> tuple[float, float]:
    """Return the exact 95 % bounds of a share of n that is none or all (Clopper and Pearson 1934)."""
    reach = 1.0 - 0.025 ** (1.0 / n)
    return (0.0, reach) if precision < 0.5 else (1.0 - reach, 1.0)


def _code(cause: str, causes: tuple[str, ...]) -> int:
    if cause not in causes:
        raise InputError(f"the list is for cause {cause!r}, which y does not hold; its causes are {', '.join(causes)}")
    return causes.index(cause) + 1
