"""A model for each region or plan that shares strength with the others: empirical Bayes on the log scale.

Each segment is fitted alone, theta_g with covariance V_g; segments are draws from N(mu, D), D diagonal. With mu and D
by maximum likelihood of theta_g ~ N(mu, V_g + D), the pooled segment is

    theta_g* = (V_g^-1 + D^-1)^-1 (V_g^-1 theta_g + D^-1 mu):

a large segment keeps its own numbers, a small one takes those of all.

References
----------
Efron, B. and Morris, C. (1975), Data analysis using Stein's estimator and its generalizations, JASA 70(350).
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._clv.likelihood_fit import maximise
from custval._clv.purchases import read_purchases
from custval._core.doors import public
from custval._core.errors import ConvergenceWarning, InputError
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_length, sample_weight_array

__all__ = ("PooledSegments", "pool_segments")

LITTLE = 1e-4  # least spread between segments that is told from none, in logarithms


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class PooledSegments(Result):
    """Segments that share strength.

    Attributes
    ----------
    segments : tuple
        Their labels.
    customers : ndarray of shape (G,)
        Customers in each.
    parameters : tuple of str
        Names of the P parameters.
    alone : ndarray of shape (G, P)
        Parameters of each segment fitted alone; those of all customers where a segment cannot be fitted.
    pooled : ndarray of shape (G, P)
        Parameters after sharing.
    std_error : ndarray of shape (G, P)
        Standard errors of the logarithms of `pooled`.
    spread : ndarray of shape (P,)
        Standard deviation of the logarithms between segments.
    models : dict of label to model
        A model of each segment, to ask.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import NBD, pool_segments
    >>> base = NBD.from_params(r=0.8, alpha=10.0).simulate([52.0] * 900, random_state=1)
    >>> region = np.repeat(["east", "west", "tiny"], [500, 360, 40])
    >>> made = pool_segments(NBD(), base, region)
    >>> made.segments
    ('east', 'tiny', 'west')
    """

    segments: tuple[Any, ...]
    customers: FloatArray
    parameters: tuple[str, ...]
    alone: FloatArray
    pooled: FloatArray
    std_error: FloatArray
    spread: FloatArray
    models: dict[Any, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return every field but the models in JSON types only."""
        from custval._core.results import jsonable

        return {name: jsonable(getattr(self, name)) for name in self.__slots__ if name != "models"}

    def to_frame(self) -> Any:
        """Return a row for each segment with its customers and pooled parameters."""
        import pandas as pd

        columns = {"segment": list(self.segments), "customers": self.customers}
        return pd.DataFrame(columns | {n: self.pooled[:, j] for j, n in enumerate(self.parameters)})


@public("clv")
def pool_segments(
    model: Any, X: AnyFrame, segment: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> PooledSegments:
    """Return a model for each segment of customers, small segments leaning on the others.

    Parameters
    ----------
    model : model of buying until leaving
        Its class and settings are used; it need not be fitted.
    X : frame, array of shape (n, 3) or PurchaseSummary
        Customers of all segments.
    segment : array of shape (n,)
        Label of each customer, such as region or plan; at least two labels.
    sample_weight : array of shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    PooledSegments
        Parameters alone and pooled, the spread between segments, and models to ask.

    Raises
    ------
    InputError
        If there are fewer than two segments.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import NBD, pool_segments
    >>> base = NBD.from_params(r=0.8, alpha=10.0).simulate([52.0] * 900, random_state=1)
    >>> made = pool_segments(NBD(), base, np.arange(900) % 3)
    >>> made.models[0].time_unit_
    'week'
    """
    seen = read_purchases(X, time_unit=model.time_unit, discrete=model._discrete, gaps=model._needs_gaps())
    labels = np.asarray(segment)
    check_length(labels, len(seen.x), name="segment")
    weight = sample_weight_array(sample_weight, len(seen.x))
    names = np.unique(labels)
    if len(names) < 2:
        raise InputError("segment has one label only; pooling needs two segments or more")
    rows = {"frequency": seen.x, "recency": seen.t_x, "age": seen.T}
    if seen.log_gaps is not None:
        rows["log_gaps"] = seen.log_gaps
    whole = _fitted(model, rows, weight)
    centre = np.log([whole.params_[name] for name in whole.covariance_names_])
    points, covariances = [], []
    for name in names:
        where = labels == name
        alone = _segment(model, {k: v[where] for k, v in rows.items()}, weight[where])
        points.append(centre if alone is None else np.log([alone.params_[n] for n in alone.covariance_names_]))
        # a segment that cannot be fitted knows nothing: a variance of e^10 in logarithms
        covariances.append(np.eye(len(centre)) * 100.0 if alone is None else alone.covariance_)
    theta, inside = np.array(points), np.array(covariances)
    mean, between = _prior(theta, inside, centre)
    pooled, error = _shrunk(theta, inside, mean, between)
    models = {name: _with(whole, row) for name, row in zip(names.tolist(), pooled, strict=True)}
    return PooledSegments(
        segments=tuple(names.tolist()),
        customers=frozen(np.array([float(weight[labels == name].sum()) for name in names])),
        parameters=whole.covariance_names_,
        alone=frozen(np.exp(theta)),
        pooled=frozen(np.exp(pooled)),
        std_error=frozen(error),
        spread=frozen(np.sqrt(between)),
        models=models,
    )


def _fitted(model: Any, rows: dict[str, FloatArray], weight: FloatArray) -> Any:
    settings = {**model.get_params(), **({"k": model.k_} if hasattr(model, "k_") else {})}
    return type(model)(**settings).fit(rows, sample_weight=weight)


def _segment(model: Any, rows: dict[str, FloatArray], weight: FloatArray) -> Any:
    """Return the segment's own fit, or None where it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # that is what pooling is for
        try:
            alone = _fitted(model, rows, weight)
        except InputError:
            return None
    return None if alone.covariance_ is None else alone


def _prior(theta: FloatArray, inside: FloatArray, centre: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and variances between segments by maximum likelihood of theta_g ~ N(mu, V_g + D)."""
    P = len(centre)

    def slopes(point: FloatArray) -> tuple[float, FloatArray]:
        spread = np.exp(2.0 * point[P:]) + LITTLE**2
        value, gradient = 0.0, np.zeros(2 * P)
        for row, known in zip(theta, inside, strict=True):
            inverse = np.linalg.inv(known + np.diag(spread))
            off = inverse @ (row - point[:P])
            value += 0.5 * float(np.linalg.slogdet(inverse)[1]) - 0.5 * float((row - point[:P]) @ off)
            gradient[:P] += off
            gradient[P:] += 0.5 * (off**2 - np.diag(inverse)) * 2.0 * np.exp(2.0 * point[P:])
        # a whisper that keeps spreads of nothing from running off
        return value - 1e-3 * float((point[P:] + 2.0) @ (point[P:] + 2.0)), gradient - np.concatenate(
            [np.zeros(P), 2e-3 * (point[P:] + 2.0)]
        )

    start = np.concatenate([centre, np.full(P, np.log(0.2))])
    found = maximise(slopes, start, scale=float(len(theta)))
    return found.point[:P], np.exp(2.0 * found.point[P:]) + LITTLE**2


def _shrunk(
    theta: FloatArray, inside: FloatArray, mean: FloatArray, between: FloatArray
) -> tuple[FloatArray, FloatArray]:
    pooled, error = np.empty_like(theta), np.empty_like(theta)
    for g, (row, known) in enumerate(zip(theta, inside, strict=True)):
        share = np.diag(between) @ np.linalg.inv(known + np.diag(between))
        pooled[g] = mean + share @ (row - mean)
        error[g] = np.sqrt(np.maximum(np.diag(share @ known), 0.0))
    return pooled, error


def _with(model: Any, logs: FloatArray) -> Any:
    made = copy.copy(model)
    made.params_ = {**model.params_, **dict(zip(model.covariance_names_, map(float, np.exp(logs)), strict=True))}
    made.covariance_, made.std_error_, made.log_likelihood_ = None, None, None
    return made
