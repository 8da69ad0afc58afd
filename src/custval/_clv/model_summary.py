"""How sure a fitted purchase model is: errors on the log scale, weak parameters named, answers with intervals."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from custval._clv.likelihood_fit import FAR, Found
from custval._core.doors import public
from custval._core.errors import ConvergenceWarning, InputError, warn
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_scalar

__all__ = ("Estimate", "answer_gradient", "delta_estimate", "fit_report", "moved_model", "warn_of")

WEAK = 1.0  # standard error of a logarithm: a factor of e^2 each way at 95 %
STEP = 1e-4


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class Estimate(Result):
    """Numbers with their uncertainty.

    Attributes
    ----------
    value, std_error, lower, upper : ndarray of shape (n,)
        The answer, its standard error and the bounds of its interval.
    conf_level : float
        Level of the interval.

    Examples
    --------
    >>> from custval.clv import NBD
    >>> base = NBD.from_params(r=0.8, alpha=10.0).simulate([52.0] * 400, random_state=1)
    >>> found = NBD().fit(base).interval(lambda m: m.expected_purchases_new(52.0))
    >>> bool(found.lower[0] < found.value[0] < found.upper[0])
    True
    """

    value: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    conf_level: float


def delta_estimate(model: Any, ask: Callable[[Any], ArrayLike], conf_level: float) -> Estimate:
    """Return an answer >= 0 with its interval by the delta method on the log scale."""
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    if model.covariance_ is None:
        raise InputError(
            "this model has no covariance (made from known numbers, or not identified), so no interval; "
            "fit it, fix the weak parameters, or use bootstrap_interval"
        )
    value, gradient = answer_gradient(model, ask)
    error = np.sqrt(np.maximum(np.einsum("np,pq,nq->n", gradient, model.covariance_, gradient), 0.0))
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    factor = np.exp(z * error / np.where(value > 0, value, 1.0))
    return Estimate(frozen(value), frozen(error), frozen(value / factor), frozen(value * factor), level)


def answer_gradient(model: Any, ask: Callable[[Any], ArrayLike]) -> tuple[FloatArray, FloatArray]:
    """Return an answer (n,) and its gradient (n, P) in the order of ``covariance_names_``."""
    value = np.atleast_1d(np.asarray(ask(model), dtype=np.float64)).ravel()
    rows = np.empty((len(value), len(model.covariance_names_)))
    for j, name in enumerate(model.covariance_names_):
        there = [np.ravel(np.asarray(ask(moved_model(model, {name: side * STEP})))) for side in (-1.0, 1.0)]
        rows[:, j] = (there[1] - there[0]) / (2.0 * STEP)
    return value, rows


def moved_model(model: Any, moves: dict[str, float]) -> Any:
    """Return the model with the logarithm of parameters, or coefficients (``process:feature``), moved."""
    other = copy.copy(model)
    other.params_, other.coef_ = dict(model.params_), {name: part.copy() for name, part in model.coef_.items()}
    for name, by in moves.items():
        if name in other.params_:
            other.params_[name] = float(other.params_[name] * np.exp(by))
        else:
            process, _, feature = name.partition(":")
            other.coef_[process][model.encoder_.feature_names.index(feature)] += by
    return other


def warn_of(model: Any, found: Found) -> None:
    """Store covariance and errors; name what did not converge or is weakly identified."""
    names = model.covariance_names_
    model.covariance_, model.std_error_, model.weakly_identified_ = None, None, ()
    if not len(names):
        return
    run_off = [name for name, place in zip(names, found.point, strict=True) if abs(place) > FAR - 2.0]
    known = np.isfinite(found.information).all() and np.linalg.eigvalsh(found.information)[0] > 0.0
    if known:
        inverse = np.linalg.inv(found.information)
        model.covariance_ = (inverse + inverse.T) / 2.0
        error = np.sqrt(np.diag(model.covariance_))
        model.std_error_ = {
            name: float(one * model.params_.get(name, 1.0)) for name, one in zip(names, error, strict=True)
        }
        model.weakly_identified_ = tuple(
            name for name, one in zip(names, error, strict=True) if one > WEAK and name in model.params_
        )
    if run_off or not known or not found.converged:
        model.covariance_, model.std_error_ = None, None
        blamed = run_off or _flattest(names, found)
        model.weakly_identified_ = tuple(blamed)
        at = ", ".join(f"{name} = {model.params_[name]:.3g}" for name in blamed if name in model.params_)
        warn(
            f"the likelihood has no clear maximum in {', '.join(blamed)}{f' ({at})' if at else ''}: these customers do "
            f"not tell it; fix it (fixed={{{blamed[0]!r}: ...}}), take a simpler model, watch for longer, or give l2 "
            "where covariates are many",
            ConvergenceWarning,
        )


def _flattest(names: tuple[str, ...], found: Found) -> list[str]:
    """Return the parameters along which the likelihood is flattest."""
    if not np.isfinite(found.information).all():
        return [names[0]]
    direction = np.linalg.eigh(found.information)[1][:, 0]
    return [name for name, part in zip(names, direction, strict=True) if abs(part) > 0.5] or [names[0]]


def fit_report(model: Any) -> str:
    """Return parameters with errors, the likelihood and warnings as lines of text."""
    n = model.n_customers_
    lines = [
        f"{type(model).__name__} in {model.time_unit_}s" + (f", {n:,.0f} customers" if n else ", known parameters")
    ]
    errors = model.std_error_ or {}
    coefs = (
        {}
        if model.encoder_ is None
        else {
            f"{process}:{feature}": float(value)
            for process, values in model.coef_.items()
            for feature, value in zip(model.encoder_.feature_names, values, strict=True)
        }
    )
    for name, value in {**model.params_, **coefs}.items():
        error = errors.get(name)
        weak = "  weakly identified" if name in model.weakly_identified_ else ""
        lines.append(f"  {name}: {value:.4g}" + (f" (se {error:.2g})" if error is not None else "") + weak)
    if model.log_likelihood_ is not None:
        lines.append(f"  log-likelihood {model.log_likelihood_:.1f}, AIC {model.aic_:.1f}, BIC {model.bic_:.1f}")
    return "\n".join(lines)
