"""Is the model right? Residuals and the test of proportional hazards, from the model and the data it was fitted to.

A fitted model keeps no training data, so the data are given again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray
from custval._core.validation import check_choice
from custval._survival.cox_data import checked_data, strata_labels
from custval._survival.cox_diagnostics import (
    TRANSFORMS,
    Clock,
    PHTest,
    SchoenfeldResiduals,
    chi_square_tail,
    clock,
    score_statistics,
)
from custval._survival.cox_fit import CoxData, data_rows
from custval._survival.cox_likelihood import RiskSums, risk_sums
from custval._survival.cox_residuals import deviance, martingale, schoenfeld, score_residuals
from custval._survival.cox_rows import CoxRows
from custval._survival.target import read_target

if TYPE_CHECKING:
    from custval._survival.cox import CoxPH

__all__ = ("cox_residuals", "ph_test", "schoenfeld_residuals")

_KINDS = ("martingale", "deviance", "score", "dfbeta")


@public("survival")
def cox_residuals(
    model: CoxPH,
    X: AnyFrame,
    y: Any,
    *,
    kind: str = "martingale",
    sample_weight: ArrayLike | None = None,
    strata: Any = None,
) -> FloatArray:
    """Return what is left over of each row once the model has said what to expect of it.

    Parameters
    ----------
    model : CoxPH
        A fitted model.
    X : frame or array of shape (n, columns)
        The data it was fitted to.
    y : target of shape (n,)
        Likewise.
    kind : {"martingale", "deviance", "score", "dfbeta"}, default "martingale"
        Departures less expected departures; the same made symmetric; what the row adds to the slope of the
        log-likelihood; by how much the coefficients change, to first order, when the row (with its weight) is left out.
    sample_weight : array_like of shape (n,), optional
        As in the fit.
    strata : array_like or frame of n rows, optional
        As in the fit; columns that the fit named are found in X.

    Returns
    -------
    ndarray of shape (n,), or (n, p) for "score" and "dfbeta"
        In the order of the rows; 0 for rows of weight 0.

    Examples
    --------
    >>> from custval.survival import CoxPH, cox_residuals, survival_target
    >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
    >>> cox_residuals(CoxPH().fit(X, y), X, y).round(3).tolist()
    [0.64, 0.64, -0.64, -0.64]
    """
    check_choice(kind, "kind", _KINDS)
    data, rows, sums, place = _looked(model, X, y, sample_weight, strata)
    if kind in ("martingale", "deviance"):
        left = np.zeros(len(data.duration))
        left[rows.order] = martingale(sums, rows)
        own = deviance(left, data.event.astype(np.float64)) if kind == "deviance" else left
    else:
        own = np.zeros(data.X.shape)
        own[rows.order] = score_residuals(sums, rows)
        if kind == "dfbeta":
            own = (own * data.weight[:, None]) @ _model_covariance(model)
    made = np.zeros((place.n, *own.shape[1:]))
    made[place.kept] = own
    return made


@public("survival")
def schoenfeld_residuals(
    model: CoxPH,
    X: AnyFrame,
    y: Any,
    *,
    scaled: bool = False,
    sample_weight: ArrayLike | None = None,
    strata: Any = None,
) -> SchoenfeldResiduals:
    """Return, for each departure, its columns less those expected among the customers at risk then.

    Parameters
    ----------
    model : CoxPH
        A fitted model.
    X : frame or array of shape (n, columns)
        The data it was fitted to.
    y : target of shape (n,)
        Likewise.
    scaled : bool, default False
        Turn differences into effects: ``coef_ + d * difference @ covariance`` for d departures; drawn against time they
        show how the effect moves.
    sample_weight : array_like of shape (n,), optional
        As in the fit.
    strata : array_like or frame of n rows, optional
        As in the fit; columns that the fit named are found in X.

    Returns
    -------
    SchoenfeldResiduals
        Rows, times and residuals of the departures.

    Examples
    --------
    >>> from custval.survival import CoxPH, schoenfeld_residuals, survival_target
    >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
    >>> schoenfeld_residuals(CoxPH().fit(X, y), X, y).residual.ravel().round(3).tolist()
    [-0.281, 0.562, -0.281]
    """
    data, rows, sums, place = _looked(model, X, y, sample_weight, strata)
    left, who = schoenfeld(sums, rows)
    made = np.ascontiguousarray(left.T)
    if scaled:
        made = model.coef_ + len(made) * (made @ _model_covariance(model))
    kept = rows.order[who]
    return SchoenfeldResiduals(place.kept[kept], data.duration[kept], made, model.feature_names_out_, bool(scaled))


@public("survival")
def ph_test(
    model: CoxPH,
    X: AnyFrame,
    y: Any,
    *,
    transform: Clock = "km",
    by_coefficient: bool = False,
    sample_weight: ArrayLike | None = None,
    strata: Any = None,
) -> PHTest:
    """Test whether effects stay the same as time goes by (proportional hazards).

    Parameters
    ----------
    model : CoxPH
        A fitted model without l1.
    X : frame or array of shape (n, columns)
        The data it was fitted to.
    y : target of shape (n,)
        Likewise.
    transform : {"km", "identity", "rank", "log"} or callable, default "km"
        The clock by which effects might move: one less Kaplan-Meier (robust to late outliers), time, its rank, its log,
        or a function from times (J,) to numbers (J,).
    by_coefficient : bool, default False
        Test each coefficient alone; else the indicators of one column together.
    sample_weight : array_like of shape (n,), optional
        As in the fit.
    strata : array_like or frame of n rows, optional
        As in the fit; columns that the fit named are found in X.

    Returns
    -------
    PHTest
        Score statistics (exact, with the ties of the model), for each column and for all.

    References
    ----------
    Grambsch and Therneau (1994), Biometrika 81, 515-526; score test as in R's survival >= 3.0.

    Examples
    --------
    >>> from custval.survival import CoxPH, ph_test, survival_target
    >>> X, y = [[0.0], [1.0], [0.0], [1.0], [0.0]], survival_target([1, 2, 3, 4, 5])
    >>> ph_test(CoxPH().fit(X, y), X, y).p_value.round(2).tolist()
    [0.4]
    """
    if not callable(transform):
        check_choice(transform, "transform", TRANSFORMS)
    _check_cox(model)
    if model.covariance_ is None:
        raise InputError("the test needs a fit at the top of its likelihood; fit with l1 = 0")
    data, rows, sums, _ = _looked(model, X, y, sample_weight, strata)
    names, terms = _terms(model, by_coefficient=by_coefficient)
    at = clock(transform, rows, data.duration, data.entry, data.event)
    each, whole = score_statistics(sums, rows, at, terms, float(model.l2))
    df = np.array([len(term) for term in terms], dtype=np.int64)
    p = len(model.coef_)
    return PHTest(
        name=names,
        statistic=each,
        df=df,
        p_value=chi_square_tail(each, df),
        global_statistic=whole,
        global_df=p,
        global_p_value=float(chi_square_tail(whole, p)),
        transform=transform if isinstance(transform, str) else getattr(transform, "__name__", "own"),
    )


def _terms(model: CoxPH, *, by_coefficient: bool) -> tuple[Any, list[IntArray]]:
    p = len(model.coef_)
    if by_coefficient:
        return model.feature_names_out_, [np.array([j]) for j in range(p)]
    sources = np.array(model.encoder_.sources, dtype=object)
    names = list(dict.fromkeys(sources))
    return np.array(names, dtype=object), [np.flatnonzero(sources == name) for name in names]


class _Place(NamedTuple):
    """How many rows there were, and which of them have weight."""

    n: int
    kept: IntArray


def _looked(
    model: CoxPH, X: AnyFrame, y: Any, sample_weight: ArrayLike | None, strata: Any
) -> tuple[CoxData, CoxRows, RiskSums, _Place]:
    """Return the rows with weight, sorted, the sums over risk sets at the model's coefficients, and where they were."""
    _check_cox(model)
    labels = strata_labels(X, strata, model.strata_columns_)
    encoder = model.encoder_
    target = read_target(y)
    data, _, _ = checked_data(X, target, encoder, sample_weight=sample_weight, strata=labels, cluster=None)
    if not data.event.any():
        raise InputError("no customer left in these data, so nothing can be compared with the model")
    rows = data_rows(data, model.ties)
    n = len(target)
    kept = np.arange(n) if len(data.duration) == n else np.flatnonzero(np.asarray(sample_weight) > 0)
    return data, rows, risk_sums(model.coef_, rows, model.ties), _Place(n, kept)


def _check_cox(model: Any) -> None:
    """Refuse what is not a fitted CoxPH: only there do these residuals say what they say here."""
    from custval._survival.cox import CoxPH

    if not isinstance(model, CoxPH):
        raise InputError(f"model must be a fitted CoxPH, not {type(model).__name__}; fit CoxPH to the same data")
    model._check_fitted()


def _model_covariance(model: CoxPH) -> FloatArray:
    """Return the inverse information, also where the model's own covariance is robust."""
    if model.covariance_ is None:
        raise InputError("this needs a covariance, which a fit with l1 > 0 does not have; fit with l1 = 0")
    return np.asarray(model.naive_covariance_)
