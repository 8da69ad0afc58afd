"""How long will each customer stay, by a law of the time of leaving whose speed their columns change.

``log T = intercept + x @ coef + scale W``: a column with coefficient b multiplies every time of a customer's stay by
exp(b) (accelerated failure time). The law of W gives the model its name; all of them can be told from exact, censored
and interval-censored times, and from customers who came under observation late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from custval._core.errors import InputError
from custval._core.optimize import standard_errors
from custval._core.threads import one_thread
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray
from custval._core.validation import check_choice, check_scalar, check_whole, nearest
from custval._survival.error_laws import LAWS, Law
from custval._survival.interval_target import Spans
from custval._survival.jets import LocationScale, row_jet
from custval._survival.parametric import ParametricModel
from custval._survival.parametric_fit import ParametricFit, Part, Rows, fit_rows
from custval._survival.parametric_summary import Block, parameter_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("AFT", "latency_starts", "named_columns")

DISTRIBUTIONS = tuple(LAWS)


class AFT(ParametricModel):
    """Time of leaving by a parametric law: ``log T = intercept + x @ coef + scale W``, as in R's ``survreg``.

    Parameters
    ----------
    distribution : {"weibull", "exponential", "lognormal", "loglogistic", "gengamma"}, default "weibull"
        Law of T. Weibull: hazard t^(1/scale - 1), rising for scale < 1; exponential: Weibull with scale 1, a constant
        hazard; lognormal and loglogistic: a hazard that rises and then falls (loglogistic with scale >= 1 only falls);
        gengamma: the generalized gamma with shape Q (Prentice 1974), which holds Weibull (Q = 1), lognormal (Q = 0) and
        gamma (Q = scale).
    scale_columns : sequence of str or int, optional
        Columns of X that change the log of the scale as well: names for frames, positions for arrays.
    l2 : float, default 0.0
        Penalty ``l2 / 2 * sum coef ** 2`` on the coefficients of both parts, in raw units of X, not divided by n, >= 0.
    missing : {"error", "indicator"}, default "error"
        What to do with missing values in X.
    unseen : {"error", "other"}, default "error"
        What to do at prediction with a level not seen in fitting: refuse it, or take it as the reference level.
    max_iter : int, default 100
        Most Newton steps.
    tol : float, default 1e-9
        Stop when the log-likelihood has at most this left to gain.

    Attributes
    ----------
    coef_ : ndarray of shape (p,)
        Coefficients of log T; exp(coef) is the ratio by which times grow.
    std_error_ : ndarray of shape (p,)
        Their standard errors from the information (with ``l2`` > 0 that of the penalised likelihood).
    robust_std_error_ : ndarray of shape (p,), or None
        Sandwich standard errors; there with ``cluster`` or weights that are not whole numbers.
    intercept_, intercept_std_error_ : float
        log T at x = 0 apart from the error, and its standard error (robust where there is one).
    scale_ : float
        Scale (of the average customer, with ``scale_columns``); 1 for the exponential.
    log_scale_std_error_ : float or None
        Standard error of its log; None for the exponential.
    scale_coef_, scale_std_error_ : ndarray of shape (r,)
        Coefficients of the log of the scale, and their standard errors.
    shape_, shape_std_error_ : float or None
        Q of the generalized gamma; None for the other laws.
    covariance_ : ndarray of shape (P, P)
        Of the location of the average customer, ``coef_``, the log scale of the average customer, ``scale_coef_`` and
        the shape, as far as the law has them. Robust where that is there.
    log_likelihood_, log_likelihood_null_ : float
        Of the model, and of the law without columns (penalty not counted), in the unit of the times.
    center_ : ndarray of shape (p,)
        The average customer.
    feature_names_out_, scale_feature_names_out_ : ndarray of str
        Columns in the order of ``coef_`` and of ``scale_coef_``.
    feature_names_in_ : ndarray of str
        Columns of the frame; only there when X was a frame.
    n_features_in_, n_iter_, n_events_ : int
        Number of columns of X; Newton steps; rows that ended with a departure.
    causes_, time_unit_, last_time_ : tuple of one str, str, float
        Name of the departure, unit and last of the times.
    encoder_ : DesignEncoder
        How frames become numbers.

    References
    ----------
    Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data, 2nd edition, chapters 2 and 3.
    Prentice (1974), A log gamma model and its maximum likelihood estimation, Biometrika 61, 539-544.

    Examples
    --------
    >>> from custval.survival import AFT, survival_target
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}
    >>> y = survival_target([9, 5, 8, 2, 12, 4], [0, 1, 1, 1, 0, 1])
    >>> model = AFT().fit(X, y)
    >>> model.coef_.round(3).tolist(), round(model.scale_, 3)
    ([-0.082], 0.508)
    >>> model.predict_survival({"fee": [25.0]}, [6, 12]).round(3).tolist()
    [[0.806, 0.43]]
    >>> half, mean = model.predict_quantile({"fee": [25.0]}), model.expected_lifetime({"fee": [25.0]})
    >>> half.round(2).tolist(), mean.round(2).tolist()
    ([10.86], [11.59])
    """

    __module__ = "custval.survival"

    def __init__(
        self,
        *,
        distribution: str = "weibull",
        scale_columns: Sequence[str] | Sequence[int] | None = None,
        l2: float = 0.0,
        missing: str = "error",
        unseen: str = "error",
        max_iter: int = 100,
        tol: float = 1e-9,
    ) -> None:
        self.distribution = distribution
        self.scale_columns = scale_columns
        self.l2 = l2
        self.missing = missing
        self.unseen = unseen
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None, cluster: Any = None) -> Self:
        """Learn the coefficients, the scale and the shape by maximum likelihood.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            What is known of each customer; text and categories are coded (see ``feature_names_out_``).
        y : target of shape (n,)
            From :func:`survival_target` (one cause) or :func:`interval_target`, or plain durations that all ended.
        sample_weight : array_like of shape (n,), optional
            Case weights, >= 0.
        cluster : array_like of shape (n,), optional
            Account or household: rows of one cluster may depend on each other, which the robust errors allow for.

        Returns
        -------
        AFT
            The fitted model itself.

        Raises
        ------
        InputError
            When nobody left, the target has several causes, or columns are constant or collinear without a penalty.

        Examples
        --------
        >>> import numpy as np
        >>> from custval.survival import AFT, interval_target
        >>> y = interval_target([3, 5, 0, 8, 1, 7], [4, 6, 2, np.inf, 3, 9])
        >>> AFT(distribution="lognormal").fit([[1.0], [2.0], [0.0], [3.0], [2.5], [1.5]], y).coef_.round(2).tolist()
        [0.61]
        """
        law = self._law()
        l2 = check_scalar(self.l2, "l2", low=0, high=np.inf, high_open=True)
        max_iter, tol = check_whole(self.max_iter, "max_iter", low=1), check_scalar(self.tol, "tol", low=0)
        read = self._read(X, y, sample_weight, cluster)
        names = read.encoder.feature_names
        columns = np.arange(len(names))
        spread = named_columns(self.scale_columns, read.encoder, "scale_columns")
        parts = _parts(law, names, columns, spread)
        with one_thread():
            fit = fit_rows(
                Rows(read.matrix, read.spans, read.weight, read.cluster),
                LocationScale(law),
                parts,
                lambda spans, weight: latency_starts(law, spans, weight),
                location=0,
                l2=l2,
                max_iter=max_iter,
                tol=tol,
                robust=read.robust,
            )
        self._keep_names(read)
        self._store(fit, law, spread)
        return self

    def summary(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the parameters with their uncertainty.

        Parameters
        ----------
        conf_level : float, default 0.95
            Coverage of the interval, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            One row for each parameter: part (time, log scale, shape), feature, coef, std_error (robust where there is
            one), estimate (exp(coef): the ratio of times, or of scales; the shape itself) with lower and upper, z,
            p_value.

        Examples
        --------
        >>> from custval.survival import AFT, survival_target
        >>> y = survival_target([9, 5, 8, 2, 12, 4], [0, 1, 1, 1, 0, 1])
        >>> model = AFT().fit({"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}, y)
        >>> model.summary()[["part", "feature", "coef", "estimate"]].round(2).to_dict("list")["estimate"]
        [102.19, 0.92, 0.51]
        """
        self._check_fitted()
        level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
        error = self.std_error_ if self.robust_std_error_ is None else self.robust_std_error_
        first = Block(
            "time",
            ["intercept", *self.feature_names_out_],
            np.append(self.intercept_, self.coef_),
            np.append(self.intercept_std_error_, error),
            is_ratio=True,
        )
        blocks = [first]
        if self.log_scale_std_error_ is not None:
            spread = np.append(self.log_scale_std_error_, self.scale_std_error_)
            value = np.append(np.log(self.scale_), self.scale_coef_)
            names = ["average customer", *self.scale_feature_names_out_]
            blocks.append(Block("log scale", names, value, spread, is_ratio=True))
        if self.shape_ is not None and self.shape_std_error_ is not None:
            value, spread = np.array([self.shape_]), np.array([self.shape_std_error_])
            blocks.append(Block("shape", ["Q"], value, spread, is_ratio=False))
        return parameter_table(blocks, level)

    def _law(self) -> Law:
        check_choice(self.distribution, "distribution", DISTRIBUTIONS)
        return LAWS[self.distribution]

    def _store(self, fit: ParametricFit, law: Law, spread: IntArray) -> None:
        self.covariance_ = fit.covariance if fit.robust is None else fit.robust
        self.center_, self.level_, self.coef_ = fit.center, fit.level, fit.coef[0]
        p = len(self.coef_)
        model, robust = standard_errors(fit.covariance), None if fit.robust is None else standard_errors(fit.robust)
        used = model if robust is None else robust
        self.std_error_ = model[1 : p + 1]
        self.robust_std_error_ = None if robust is None else robust[1 : p + 1]
        at_zero = np.append(1.0, -self.center_)
        self.intercept_ = float(fit.level[0] - self.center_ @ self.coef_)
        block = self.covariance_[: p + 1, : p + 1]
        with np.errstate(over="ignore"):  # where the maximum lies at infinity, as the diagnosis has said
            self.intercept_std_error_ = float(np.sqrt(max(at_zero @ block @ at_zero, 0.0)))
        self.scale_ = float(np.exp(fit.level[1])) if law.has_scale else 1.0
        self.scale_index_ = spread
        self.scale_coef_ = fit.coef[1] if law.has_scale else np.zeros(0)
        self.scale_feature_names_out_ = self.feature_names_out_[spread]
        self.log_scale_std_error_ = float(used[p + 1]) if law.has_scale else None
        self.scale_std_error_ = used[p + 2 : p + 2 + len(spread)] if law.has_scale else np.zeros(0)
        self.shape_ = float(fit.level[2]) if law.has_shape else None
        self.shape_std_error_ = float(used[-1]) if law.has_shape else None
        self.log_likelihood_, self.log_likelihood_null_ = fit.log_likelihood, fit.log_likelihood_null
        self.n_iter_ = fit.iterations

    def _family(self) -> LocationScale:
        return LocationScale(self._law())

    def _predictors(self) -> list[tuple[float, FloatArray, IntArray]]:
        none = np.zeros(0, dtype=np.int64)
        made = [(float(self.level_[0]), self.coef_, np.arange(len(self.coef_)))]
        if len(self.level_) > 1:
            made.append((float(self.level_[1]), self.scale_coef_, self.scale_index_))
        if len(self.level_) > 2:
            made.append((float(self.level_[2]), np.zeros(0), none))
        return made

    def _mean_for_ever(self, theta: FloatArray, stayed: FloatArray) -> FloatArray:
        family = self._family()
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            start = np.log(stayed)
            now = np.exp(family.log_survival(start, theta))
            ahead = family.mean_beyond(start, theta) / now
        return np.where(now > 0, np.maximum(ahead, 0.0), 0.0)

    def _log_chance(self, theta: FloatArray, spans: Spans) -> FloatArray:
        return row_jet(self._family(), theta, spans).value


def named_columns(wanted: Any, encoder: Any, name: str) -> IntArray:
    """Return the positions in the design of the columns of X that `wanted` names (or numbers); None: none."""
    if wanted is None:
        return np.zeros(0, dtype=np.int64)
    if isinstance(wanted, (str, bytes)) or not hasattr(wanted, "__iter__"):
        raise InputError(f"{name} must be a list of columns, not {wanted!r}; write [{wanted!r}]")
    known = list(encoder.input_names)
    found: list[int] = []
    for column in wanted:
        label = known[int(column)] if not isinstance(column, str) and 0 <= int(column) < len(known) else str(column)
        if label not in known:
            raise InputError(f"{name} names {column!r}, which is not a column of X{nearest(label, known)}")
        found += [j for j, source in enumerate(encoder.sources) if source == label]
    return np.unique(np.array(found, dtype=np.int64))


def latency_starts(law: Law, spans: Spans, weight: FloatArray) -> list[FloatArray]:
    """Return levels to start from, given times centred in log: exponential-like, and narrower."""
    exposure = float(weight @ (np.where(spans.left, spans.upper, spans.lower) - spans.entry))
    mu = np.log(exposure / float(weight[spans.left].sum()))
    if not law.has_scale:
        return [np.array([mu])]
    shapes = [0.2, 1.0] if law.has_shape else [None]
    return [
        np.array([at, scale] if shape is None else [at, scale, shape])
        for at, scale in ((mu, 0.0), (0.0, -1.0), (mu, 1.0))
        for shape in shapes
    ]


def _parts(law: Law, names: list[str], columns: IntArray, spread: IntArray) -> list[Part]:
    parts = [Part("intercept", columns, tuple(names))]
    if not law.has_scale and spread.size:
        raise InputError("scale_columns needs a law with a scale; the exponential has none: use distribution='weibull'")
    if law.has_scale:
        parts.append(Part("scale", spread, tuple(f"{names[j]} (on the scale)" for j in spread)))
    if law.has_shape:
        parts.append(Part("shape", np.zeros(0, dtype=np.int64), ()))
    return parts
