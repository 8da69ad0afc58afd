"""What do several fits say together, when each was made on another imputation of what was missing? Rubin's rules.

With estimates q_i and variances u_i of m fits, the answer is their mean; its variance is that within a fit and that
between the fits, the latter enlarged because m is finite:

    T = mean(u) + (1 + 1/m) var(q)

References
----------
Rubin (1987), Multiple Imputation for Nonresponse in Surveys, Wiley, equations 3.1.2 to 3.1.10.
Barnard and Rubin (1999), Small-sample degrees of freedom with multiple imputation, Biometrika 86, 948-955.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import FloatArray, TextArray
from custval._core.validation import check_scalar

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("PooledCoefficients", "pool_rubin")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class PooledCoefficients(Result):
    """Coefficients over several imputations, with what the missing values cost.

    Attributes
    ----------
    part : numpy.ndarray of str, shape (P,)
        Cause of the coefficient, or the part of the model it stands in.
    feature : numpy.ndarray of str, shape (P,)
        Column of the design matrix, or name of the parameter.
    coef : numpy.ndarray of shape (P,)
        Mean over the models, on the scale of their ``coef_``.
    std_error : numpy.ndarray of shape (P,)
        Root of `total_variance`.
    lower, upper : numpy.ndarray of shape (P,)
        Bounds of `coef` by Student's t with `df`.
    p_value : numpy.ndarray of shape (P,)
        Probability of an estimate at least so far from 0, were it 0.
    within_variance, between_variance, total_variance : numpy.ndarray of shape (P,)
        Mean variance of a model, variance between the models, and both together.
    df : numpy.ndarray of shape (P,)
        Degrees of freedom (Barnard and Rubin 1999); infinite where nothing limits them.
    fraction_missing : numpy.ndarray of shape (P,)
        Share of the information on the coefficient that is missing, 0..1.
    models : int
        How many models were pooled.
    conf_level : float
        Coverage of the bounds.

    Examples
    --------
    >>> from custval.survival import CoxPH, pool_rubin, survival_target
    >>> y = survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0])
    >>> pooled = pool_rubin([CoxPH().fit([[2.0], [3.0], [x], [4.0], [3.0], [4.0]], y) for x in (1.5, 2.0, 2.5)])
    >>> pooled.feature.tolist(), pooled.coef.round(2).tolist(), pooled.fraction_missing.round(2).tolist()
    (['x0'], [0.63], [0.55])
    """

    part: TextArray
    feature: TextArray
    coef: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    p_value: FloatArray
    within_variance: FloatArray
    between_variance: FloatArray
    total_variance: FloatArray
    df: FloatArray
    fraction_missing: FloatArray
    models: int
    conf_level: float


@public("survival")
def pool_rubin(
    models: Sequence[Any], *, df_complete: float | None = None, conf_level: float = 0.95
) -> PooledCoefficients:
    """Return the coefficients of models fitted to several imputations of the same customers, as one answer.

    Parameters
    ----------
    models : sequence of m >= 2 fitted models
        Of one kind and with the same columns: :class:`CoxPH`, :class:`SharedFrailtyCox`, :class:`DiscreteHazard`,
        :class:`AFT`, :class:`MixtureCure` or :class:`PiecewiseExponential`, each fitted to another draw of what is
        missing. Robust standard errors are pooled where the models have them.
    df_complete : float, optional
        Degrees of freedom had nothing been missing, > 0: for survival models departures less coefficients. None: so
        counted where the models know their departures (``n_events_``), else without limit.
    conf_level : float, default 0.95
        Coverage of the bounds, between 0 and 1.

    Returns
    -------
    PooledCoefficients
        Means, standard errors, bounds and p-values, and the share of the information that is missing.

    Raises
    ------
    InputError
        For fewer than two models, models of different kinds, columns or causes, or models without standard errors.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys, equations 3.1.2 to 3.1.10.
    Barnard and Rubin (1999), Biometrika 86, 948-955, equation 3.

    Examples
    --------
    >>> from custval.survival import CoxPH, pool_rubin, survival_target
    >>> y = survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0])
    >>> pooled = pool_rubin([CoxPH().fit([[2.0], [3.0], [x], [4.0], [3.0], [4.0]], y) for x in (1.5, 2.0, 2.5)])
    >>> pooled.coef.round(3).tolist(), pooled.std_error.round(3).tolist(), pooled.df.round(2).tolist()
    ([0.625], [0.922], [1.05])
    """
    level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
    fitted = list(models)
    _refuse_mixed(fitted)
    tables = [_table(model) for model in fitted]
    part, feature = _shared_labels(tables)
    coef = np.array([table["coef"] for table in tables], dtype=np.float64)
    error = np.array([table["std_error"] for table in tables], dtype=np.float64)
    mean, within, between, total = combined(coef, error**2)
    df = degrees_of_freedom(between, total, len(fitted), _complete(df_complete, fitted, len(mean)))
    spread = np.sqrt(total)
    reach = t_quantile(df, 0.5 + level / 2) * spread
    return PooledCoefficients(
        part=frozen(part),
        feature=frozen(feature),
        coef=frozen(mean),
        std_error=frozen(spread),
        lower=frozen(mean - reach),
        upper=frozen(mean + reach),
        p_value=frozen(2 * t_tail(df, np.abs(mean) / spread)),
        within_variance=frozen(within),
        between_variance=frozen(between),
        total_variance=frozen(total),
        df=frozen(df),
        fraction_missing=frozen(missing_share(within, total, df)),
        models=len(fitted),
        conf_level=level,
    )


def combined(coef: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return mean, variance within, between and in total of m estimates (m, P) (Rubin 1987, 3.1.2 to 3.1.5)."""
    within, between = variance.mean(axis=0), coef.var(axis=0, ddof=1)
    return coef.mean(axis=0), within, between, within + (1 + 1 / len(coef)) * between


def degrees_of_freedom(between: FloatArray, total: FloatArray, m: int, complete: float) -> FloatArray:
    """Return the degrees of freedom (Barnard and Rubin 1999); `complete` are those had nothing been missing."""
    share = (1 + 1 / m) * between / total
    # the sum of reciprocals, so that neither part divides by nothing where the fits agree or nothing limits them
    reciprocal = share**2 / (m - 1)
    if np.isfinite(complete):
        reciprocal += (complete + 3) / ((complete + 1) * complete * (1 - share))
    return np.divide(1.0, reciprocal, out=np.full_like(total, np.inf), where=reciprocal > 0)


def missing_share(within: FloatArray, total: FloatArray, df: FloatArray) -> FloatArray:
    """Return the fraction of missing information (Rubin 1987, 3.1.10)."""
    increase = total / within - 1
    return np.asarray((increase + 2 / (df + 3)) / (increase + 1))


def t_tail(df: FloatArray, x: FloatArray) -> FloatArray:
    """Return P(t > x) of Student's t, the normal where `df` is infinite."""
    from scipy.special import ndtr, stdtr

    finite = np.isfinite(df)
    return np.asarray(np.where(finite, stdtr(np.where(finite, df, 1.0), -x), ndtr(-x)))


def t_quantile(df: FloatArray, share: float) -> FloatArray:
    """Return the quantile of Student's t, the normal's where `df` is infinite."""
    from scipy.special import ndtri, stdtrit

    finite = np.isfinite(df)
    return np.asarray(np.where(finite, stdtrit(np.where(finite, df, 1.0), share), ndtri(share)))


def _refuse_mixed(fitted: list[Any]) -> None:
    if len(fitted) < 2:
        raise InputError(
            f"pooling needs at least 2 fitted models, not {len(fitted)}; fit one to each imputation of what is missing"
        )
    kinds = [type(model).__name__ for model in fitted]
    other = next((i for i, kind in enumerate(kinds) if kind != kinds[0]), None)
    if other is not None:
        raise InputError(f"models must be of one kind, but model 0 is {kinds[0]} and model {other} is {kinds[other]}")
    if not hasattr(fitted[0], "summary"):
        raise InputError(f"{kinds[0]} has no summary() with coefficients and standard errors, so it cannot be pooled")


def _table(model: Any) -> pd.DataFrame:
    table: pd.DataFrame = model.summary()
    name = type(model).__name__
    if "std_error" not in table:
        why = " with an l1 penalty" if getattr(model, "l1", 0) else ""
        raise InputError(
            f"{name}{why} has no standard errors, which pooling needs; choose columns with l1 first, then fit the "
            "chosen ones without it"
        )
    error = table["std_error"].to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(error) & (error > 0)))
    if bad.size:
        raise InputError(
            f"the standard error of {table['feature'].iloc[bad[0]]!r} is {error[bad[0]]:g}, so there is nothing to "
            f"weigh; {bad.size} of {len(error)} coefficients of a {name} cannot be pooled"
        )
    return table


def _shared_labels(tables: list[pd.DataFrame]) -> tuple[TextArray, TextArray]:
    """Return part and feature of each parameter, or refuse models that do not have the same ones."""
    part = "part" if "part" in tables[0] else "cause"
    named = [list(zip(table[part], table["feature"], strict=True)) for table in tables]
    for i, names in enumerate(named):
        if names != named[0]:
            first = next((name for name in [*named[0], *names] if (name in named[0]) != (name in names)), None)
            what = f"{first[1]!r} ({first[0]}) is in one of them only" if first else "their order differs"
            raise InputError(
                f"models must have the same coefficients, but model {i} differs from model 0: {what}; fit all of them "
                "to the same columns, levels and causes"
            )
    parts, features = zip(*named[0], strict=True)
    return np.array(parts, dtype=object), np.array(features, dtype=object)


def _complete(asked: float | None, fitted: list[Any], parameters: int) -> float:
    if asked is not None:
        return check_scalar(asked, "df_complete", low=0, low_open=True)
    events = getattr(fitted[0], "n_events_", None)
    return np.inf if events is None else max(float(events) - parameters, 1.0)
