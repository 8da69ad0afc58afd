"""What is a customer without a contract worth, in the same column as those under contract?

The value function of contracts is asked with S(t), the chance to be still there at the end of month t, and with the
margin of month t of those who are: spend x margin rate x purchases expected in month t / S(t). Their product is what
the month is expected to bring, so prepaid and postpaid customers add up. The interval holds the uncertainty of the
model of purchases and of that of spend, which are fitted apart: their covariance is a block each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np

from custval._clv.model_summary import moved_model
from custval._clv.purchases import read_purchases
from custval._clv.source import UNITS_PER_MONTH
from custval._clv.value import LifetimeValue, lifetime_value
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import is_frame, to_columns
from custval._core.results import frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_choice, check_scalar, check_whole, float_array

__all__ = ("combine_values", "prepaid_value")

STEP = 1e-4


@public("clv")
def prepaid_value(
    model: Any,
    X: AnyFrame,
    *,
    spend: Any,
    horizon: int,
    monthly_discount: float,
    margin_rate: float = 1.0,
    cost_per_purchase: float = 0.0,
    covariates: AnyFrame | None = None,
    cross_sell: ArrayLike = 0.0,
    referral_value: ArrayLike = 0.0,
    currency: str | None = None,
    conf_level: float = 0.95,
) -> LifetimeValue:
    """Return what each customer without a contract is worth over the coming months, by the value function of contracts.

    Parameters
    ----------
    model : fitted model of buying until leaving
        In days, weeks, months, quarters or years.
    X : frame, array of shape (n, 3) or PurchaseSummary
        Customers; with a model of spend a frame with its columns too (``mean_spend``, or ``mean_log_spend``).
    spend : GammaGamma, LogNormalSpend, float or array of shape (n,)
        A model of what a purchase brings, or the amounts themselves.
    horizon : int
        Months ahead, >= 1.
    monthly_discount : float
        Effective rate per month, > -1.
    margin_rate : float
        Margin per unit of spend, > 0.
    cost_per_purchase : float
        Money that each purchase costs, such as the dealer's commission, >= 0.
    covariates : frame or array of n rows, optional
        As in ``fit`` of `model`.
    cross_sell, referral_value : float or array of shape (n,)
        Present value of what the customer brings besides.
    currency : str, optional
        Name of the money unit.
    conf_level : float
        Level of the intervals, within (0, 1).

    Returns
    -------
    LifetimeValue
        As of :func:`lifetime_value`, purchases counted at the end of their month.

    Raises
    ------
    InputError
        If the unit is not one of those above, or an argument is illegal.

    Examples
    --------
    >>> from custval.clv import BGNBD, GammaGamma, prepaid_value
    >>> model = BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426, time_unit="week")
    >>> base = {"frequency": [2, 0], "recency": [30.4, 0.0], "age": [38.9, 38.9], "mean_spend": [22.4, 0.0]}
    >>> spend = GammaGamma.from_params(p=6.25, q=3.74, gamma=15.44)
    >>> prepaid_value(model, base, spend=spend, horizon=12, monthly_discount=0.01).value.round(1)
    array([36.3,  8.4])
    """
    model._check_fitted()
    check_choice(model.time_unit_, "the model's time_unit", UNITS_PER_MONTH)
    months = check_whole(horizon, "horizon", low=1)
    rate = check_scalar(margin_rate, "margin_rate", low=0.0, low_open=True)
    cost = check_scalar(cost_per_purchase, "cost_per_purchase", low=0.0)
    source = _Prepaid(model, _SpendOf(spend), rate, cost, covariates is not None)
    customers = _customers(model, X, source.spend, covariates)
    bought, there = source.bought(customers, months), source.there(customers, months)
    per_purchase = source.per_purchase(customers)[:, None]
    # who is surely gone buys nothing: 0 / 0 is 0
    margin = np.where(there > 0, per_purchase * bought / np.maximum(there, 1e-300), 0.0)
    return lifetime_value(
        source,
        customers,
        margin=margin,
        horizon=months,
        monthly_discount=monthly_discount,
        cross_sell=cross_sell,
        referral_value=referral_value,
        currency=currency,
        conf_level=conf_level,
    )


@public("clv")
def combine_values(parts: Mapping[str, LifetimeValue]) -> LifetimeValue:
    """Return one value column for customers whose parts were valued by different models.

    Parameters
    ----------
    parts : dict of str to LifetimeValue
        Values over the same horizon in the same currency, such as ``{"postpaid": ..., "prepaid": ...}``; the customers
        of the result stand in this order.

    Returns
    -------
    LifetimeValue
        All customers, with the total and its interval; models fitted apart are independent, so variances add. Causes
        are named ``part:cause`` where the parts do not share them.

    Raises
    ------
    InputError
        If horizon, timing, level or currency differ.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import BGNBD, GeometricRetention, combine_values, lifetime_value, prepaid_value
    >>> contract = GeometricRetention().fit([1000, 800, 640, 512])
    >>> model = BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> settings = {"horizon": 12, "monthly_discount": 0.01}
    >>> both = combine_values({
    ...     "postpaid": lifetime_value(contract, np.zeros((2, 1)), margin=10.0, **settings),
    ...     "prepaid": prepaid_value(model, [[2, 30.4, 38.9]], spend=20.0, **settings),
    ... })
    >>> both.value.round(1)
    array([35.8, 35.8, 29.4])
    """
    values = list(parts.values())
    if not values:
        raise InputError("parts must hold at least one value")
    for name in ("horizon", "timing", "conf_level", "currency"):
        found = {getattr(value, name) for value in values}
        if len(found) > 1:
            raise InputError(f"the parts have different {name}s ({', '.join(map(str, found))}); value them alike")
    sizes = [len(value.value) for value in values]
    names = list(dict.fromkeys(name for value in values for name in value.components))
    components = {
        name: frozen(np.concatenate([np.asarray(v.components.get(name, np.zeros(len(v.value)))) for v in values]))
        for name in names
    }
    shared = len({value.causes for value in values}) == 1
    causes = values[0].causes if shared else tuple(f"{k}:{c}" for k, v in parts.items() for c in v.causes)
    lost = [value.by_cause for value in values]
    rates = np.concatenate([np.broadcast_to(v.monthly_discount, n) for v, n in zip(values, sizes, strict=True)])
    return dataclasses.replace(
        values[0],
        value=frozen(np.concatenate([value.value for value in values])),
        components=components,
        **_errors(values),
        by_cause=frozen(np.sum(lost, axis=0) if shared else np.concatenate(lost)),
        causes=causes,
        monthly_discount=float(rates[0]) if np.ptp(rates) == 0 else frozen(rates),
        negative_margins=sum(value.negative_margins for value in values),
        groups=None,
        total_gradient=None,
    )


def _errors(values: list[LifetimeValue]) -> dict[str, Any]:
    total = float(sum(value.total for value in values))
    each = ("std_error", "lower", "upper")
    if any(value.std_error is None or value.total_std_error is None for value in values):
        none = dict.fromkeys((*each, "total_std_error", "total_lower", "total_upper"))
        return {"total": total, **none}
    error = float(np.sqrt(sum((value.total_std_error or 0.0) ** 2 for value in values)))
    z = NormalDist().inv_cdf(0.5 + values[0].conf_level / 2.0)
    bounds = {name: frozen(np.concatenate([getattr(value, name) for value in values])) for name in each}
    whole = {"total_std_error": error, "total_lower": total - z * error, "total_upper": total + z * error}
    return {"total": total, **bounds, **whole}


class _SpendOf:
    """What a purchase of each customer brings: by a model, or as given."""

    def __init__(self, spend: Any) -> None:
        self.model = spend if hasattr(spend, "expected_spend") else None
        self.given = None if self.model is not None else spend

    @property
    def columns(self) -> tuple[str, ...]:
        return () if self.model is None else tuple(self.model._columns[1:2])

    def of(self, customers: Mapping[str, Any], model: Any = None) -> FloatArray:
        asked = model or self.model
        if asked is None:
            return np.asarray(customers["spend"])
        names = asked._columns[:2]
        return np.asarray(asked.expected_spend({name: customers[name] for name in names}))


class _Prepaid:
    """A model of purchases with one of spend, as the value function asks a hazard: in months from now."""

    time_unit_ = "month"

    def __init__(self, model: Any, spend: _SpendOf, rate: float, cost: float, has_covariates: bool) -> None:
        self.model, self.spend, self.rate, self.cost, self.has_covariates = model, spend, rate, cost, has_covariates
        self.unit = UNITS_PER_MONTH[model.time_unit_]
        parts = [one.covariance_ for one in (model, spend.model) if one is not None]
        self.covariance_ = None if any(part is None for part in parts) else _blocks(parts)

    def per_purchase(self, customers: Mapping[str, Any], spend: Any = None) -> FloatArray:
        return np.asarray(self.rate * self.spend.of(customers, spend) - self.cost)

    def bought(self, customers: Mapping[str, Any], months: int, model: Any = None) -> FloatArray:
        """Return the purchases expected in each of the coming months, (n, H)."""
        asked = model or self.model
        known = [
            asked.expected_purchases(customers, self._ahead(t), **self._with(customers)) for t in range(1, months + 1)
        ]
        return np.maximum(np.diff(np.stack(known, axis=1), axis=1, prepend=0.0), 0.0)

    def there(self, customers: Mapping[str, Any], months: int) -> FloatArray:
        """Return the chance to be still there at the end of each month, (n, H), never rising."""
        known = [
            self.model.probability_alive(customers, ahead=self._ahead(t), **self._with(customers))
            for t in range(1, months + 1)
        ]
        return np.minimum.accumulate(np.clip(np.stack(known, axis=1), 0.0, 1.0), axis=1)

    def predict_survival(self, X: Any, times: Any, *, given: Any = None) -> FloatArray:
        if given is not None:
            raise InputError("age is in X: leave given= out for customers without a contract")
        return self.there(X, len(times))

    def pullback(
        self, X: Any, survival_weight: FloatArray, exit_weight: Any = None, *, given: Any = None
    ) -> FloatArray:
        """Return the gradient (n, P) of the discounted money: by differences in each parameter of both models."""
        del exit_weight, given
        months = survival_weight.shape[1]
        bought, per_purchase = self.bought(X, months), self.per_purchase(X)
        # weights hold margin over S: back to the discount of each month
        money = survival_weight * self.there(X, months)
        now = per_purchase[:, None] * bought
        discount = np.where(now != 0, money / np.where(now != 0, now, 1.0), 0.0)
        columns = []
        for name in self.model.covariance_names_:
            low, high = (self.bought(X, months, moved_model(self.model, {name: side * STEP})) for side in (-1, 1))
            columns.append(per_purchase * ((high - low) * discount).sum(axis=1) / (2.0 * STEP))
        if self.spend.model is not None:
            weight = (bought * discount).sum(axis=1)
            for name in self.spend.model.covariance_names_:
                low, high = (
                    self.per_purchase(X, _moved_spend(self.spend.model, name, side * STEP)) for side in (-1, 1)
                )
                columns.append(weight * (high - low) / (2.0 * STEP))
        return np.stack(columns, axis=1)

    def _ahead(self, month: int) -> float:
        ahead = month * self.unit
        # chances to buy are whole: a month of months is one
        return float(round(ahead)) if self.model._discrete else ahead

    def _with(self, customers: Mapping[str, Any]) -> dict[str, Any]:
        if not self.has_covariates:
            return {}
        return {"covariates": {k[10:]: v for k, v in customers.items() if k.startswith("covariate:")}}


def _moved_spend(model: Any, name: str, by: float) -> Any:
    """Return the model of spend with a parameter moved: in logarithms, but mu as it is."""
    if name != "mu":
        return moved_model(model, {name: by})
    other = moved_model(model, {})
    other.params_["mu"] += by
    return other


def _blocks(parts: list[FloatArray]) -> FloatArray:
    size = sum(len(part) for part in parts)
    whole, at = np.zeros((size, size)), 0
    for part in parts:
        whole[at : at + len(part), at : at + len(part)] = part
        at += len(part)
    return whole


def _customers(model: Any, X: AnyFrame, spend: _SpendOf, covariates: AnyFrame | None) -> dict[str, Any]:
    """Return the columns that both models need as arrays, so that blocks of rows can be taken."""
    table = X.table if hasattr(X, "table") and hasattr(X, "time_unit") else X
    gaps = model._needs_gaps() and is_frame(table) and "log_gaps" in to_columns(table)
    seen = read_purchases(X, time_unit=model.time_unit_, discrete=model._discrete, gaps=gaps)
    made: dict[str, Any] = {"frequency": seen.x, "recency": seen.t_x, "age": seen.T}
    if spend.columns:
        if not is_frame(table):
            raise InputError(f"X must be a frame with {spend.columns[0]!r} beside frequency, recency and age")
        columns = to_columns(table)
        if spend.columns[0] not in columns:
            raise InputError(f"X has no column {spend.columns[0]!r}, which the model of spend needs")
        made[spend.columns[0]] = float_array(columns[spend.columns[0]], spend.columns[0])
    elif spend.model is None:
        made["spend"] = np.broadcast_to(np.asarray(spend.given, dtype=np.float64), seen.x.shape)
        float_array(made["spend"], "spend", low=0.0)
    if covariates is not None:
        design = model.encoder_.input_names
        named = is_frame(covariates)
        columns = to_columns(covariates) if named else dict(zip(design, np.asarray(covariates).T, strict=True))
        made |= {f"covariate:{name}": columns[name] for name in design if name in columns}
    return made
