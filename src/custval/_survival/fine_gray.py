"""What moves the share of customers who leave for one cause, whatever the other causes take away: Fine and Gray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from custval._core.errors import InputError
from custval._core.estimator import Estimator
from custval._core.threads import one_thread
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_length, check_scalar, check_whole, float_array
from custval._core.validation import sample_weight_array as weights_of
from custval._survival.band import IncidenceBand, check_band, incidence_band
from custval._survival.cox_data import learn_design, stayed_array
from custval._survival.discrete_reasons import Reasons, column_parts, top_reasons
from custval._survival.discrete_summary import coefficient_table
from custval._survival.fine_gray_learn import SubFit, learn, score_of
from custval._survival.fine_gray_rows import SubData, cause_code, sub_data
from custval._survival.target import Target, read_target, structured

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("FineGray",)

_NEEDS_OVERALL = (
    "a Fine-Gray model tells the incidence of its own cause only, not how many are still there; "
    "{asked} needs a model of leaving for any cause: fit with FineGray(overall=CoxPH()) or another hazard model"
)


class FineGray(Estimator):
    """What moves the share that leaves for one cause, the other causes taking their customers away as they do.

    ``F(t | x) = 1 - exp(-L(t) exp(x @ coef))``: a column with coefficient b raises the incidence at all times where
    b > 0. That is a statement about *how many* leave for the cause, not about the rate among those still there: for
    that take :class:`CauseSpecificHazard`. Fits to different causes are separate and need not add up to one.

    Columns that change while the customer stays (several rows each, told by ``customer=``) must be external, such
    as calendar or tariff; usage or complaints end with the customer, and an incidence given them has no meaning. They
    are named in a warning.

    Parameters
    ----------
    cause : int or str, default 1
        The cause: its code 1..K, or its name.
    overall : estimator, default None
        A hazard model of leaving for any cause, unfitted (as ``CoxPH()``). With it the model also answers
        ``predict_survival`` and questions with ``given``.
    l2 : float, default 0.0
        Penalty ``l2 / 2 * sum coef ** 2``, in raw units of X, not divided by n, >= 0.
    missing : {"error", "indicator"}, default "error"
        What to do with missing values in X.
    unseen : {"error", "other"}, default "error"
        What to do at prediction with a level not seen in fitting: refuse it, or take it as the reference level.
    max_iter : int, default 50
        Most Newton steps.
    tol : float, default 1e-12
        Stop when the log-likelihood has at most this left to gain.

    Attributes
    ----------
    coef_ : ndarray of shape (p,)
        Log ratios of the subdistribution hazard.
    std_error_ : ndarray of shape (p,)
        Their standard errors, which allow for the estimated chance of censoring (as cmprsk's); with late entry the
        robust ones of a fit with Geskus' weights.
    robust_std_error_ : ndarray of shape (p,)
        The same: these errors are robust.
    covariance_ : ndarray of shape (p, p)
        Of the coefficients.
    naive_covariance_ : ndarray of shape (p, p)
        Inverse information.
    log_likelihood_, log_likelihood_null_ : float
        Partial log-likelihood at the coefficients, and with all of them 0 (penalty not counted).
    baseline_times_, baseline_hazard_ : ndarray of shape (J,)
        Times of departures for the cause, and the cumulative subdistribution hazard of the average customer.
    knots_ : ndarray of int, shape (M,)
        Times at which the uncertainty of the baseline is kept.
    joint_covariance_ : ndarray of shape (p + M, p + M)
        Of the coefficients and the baseline at the knots.
    center_ : ndarray of shape (p,)
        The average customer.
    overall_ : estimator or None
        The fitted model of leaving for any cause.
    n_events_ : int
        Departures for the cause.
    causes_ : tuple of one str
        Name of the cause.
    time_unit_, last_time_ : str, float
        Unit and last of the times.
    feature_names_out_ : ndarray of str, shape (p,)
        Columns of the design matrix, in the order of ``coef_``.
    feature_names_in_ : ndarray of str
        Columns of the frame; only there when X was a frame.
    n_features_in_, n_iter_ : int
        Number of columns of X; Newton steps.
    encoder_ : DesignEncoder
        How frames become numbers.

    References
    ----------
    Fine and Gray (1999), Journal of the American Statistical Association 94, 496-509, equations 6 to 8.
    Geskus (2011), Biometrics 67, 39-49 (late entry).
    Kawaguchi et al. (2021), Journal of Computational and Graphical Statistics 30, 685-693 (linear time).

    Examples
    --------
    >>> from custval.survival import FineGray, survival_target
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0, 20.0, 40.0]}
    >>> y = survival_target([3, 2, 3, 1, 3, 2, 2, 3], ["price", "moved", None, "price", None, None, "moved", "price"])
    >>> model = FineGray(cause="price").fit(X, y)
    >>> model.coef_.round(3).tolist(), model.std_error_.round(3).tolist()
    ([0.087], [0.062])
    >>> model.predict_incidence({"fee": [20.0, 40.0]}, [3]).round(3).tolist()
    [[[0.177]], [[0.669]]]
    """

    __module__ = "custval.survival"
    _poor_score: ClassVar[bool] = True
    _fit_metadata: ClassVar[tuple[str, ...]] = ("sample_weight", "cluster", "customer")

    def __init__(
        self,
        *,
        cause: int | str = 1,
        overall: Any = None,
        l2: float = 0.0,
        missing: str = "error",
        unseen: str = "error",
        max_iter: int = 50,
        tol: float = 1e-12,
    ) -> None:
        self.cause = cause
        self.overall = overall
        self.l2 = l2
        self.missing = missing
        self.unseen = unseen
        self.max_iter = max_iter
        self.tol = tol

    @property
    def expected_failed_checks(self) -> dict[str, str]:
        """Return the checks of scikit-learn that do not hold here, with the reason."""
        if self.l2 > 0:
            return {}
        reason = "collinear columns are refused where l2 = 0"
        return {"check_sample_weight_equivalence_on_dense_data": reason}

    def fit(
        self,
        X: AnyFrame,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        cluster: Any = None,
        customer: Any = None,
    ) -> Self:
        """Learn coefficients and baseline.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            What is known of each customer; text and categories are coded (see ``feature_names_out_``).
        y : target of shape (n,)
            From :func:`survival_target`; late entry is allowed.
        sample_weight : array_like of shape (n,), optional
            Case weights, >= 0; whole ones equal copies.
        cluster : array_like of shape (n,), optional
            Account or household: rows of one cluster may depend on each other.
        customer : array_like of shape (n,), optional
            Whose row it is, where a customer has a row for each stretch of time.

        Returns
        -------
        FineGray
            The fitted model itself.

        Raises
        ------
        InputError
            When nobody left for the cause, columns are constant or collinear without a penalty, or spells of one
            customer overlap.
        """
        l2 = check_scalar(self.l2, "l2", low=0, high=np.inf, high_open=True)
        max_iter = check_whole(self.max_iter, "max_iter", low=1)
        tol = check_scalar(self.tol, "tol", low=0, low_open=True)
        encoder, design = learn_design(X, missing=self.missing, unseen=self.unseen)
        matrix = np.asarray(encoder.transform(design, owner="FineGray"))
        target = read_target(y)
        check_length(target.duration, len(matrix), name="y")
        if len(matrix) == 1:
            raise InputError("Found array with 1 sample (one customer); a model needs at least 2 to compare")
        code = cause_code(self.cause, target.causes)
        weight = weights_of(sample_weight, len(matrix))
        data = sub_data(matrix, target, weight, customer=customer, cluster=cluster, names=encoder.feature_names)
        _check_events(data, code, target.causes)
        with one_thread():
            fit = learn(data, code, encoder.feature_names, l2=l2, max_iter=max_iter, tol=tol)
        self.encoder_ = encoder
        self._store(fit, data, target, code)
        self._fit_overall(X, target, sample_weight)
        return self

    def predict_incidence(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return P(left for the cause within `times`).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed; needs a model of leaving for any cause (``overall``). None: 0.

        Returns
        -------
        ndarray of shape (n, 1, H)
            Probabilities; with `given`, ``(F(given + t) - F(given)) / S(given)``.
        """
        matrix = self._design(X)
        when, stayed = self._ahead(matrix, times, given)
        risk = self._risk(matrix)[:, None]
        if not stayed.any():
            return np.asarray(-np.expm1(-risk * self._level(when))[:, None, :])
        there = self._staying(X, stayed)[:, None]
        before = self._level(stayed)[:, None]
        told = np.exp(-risk * before) * -np.expm1(-risk * (self._level(stayed[:, None] + when) - before))
        share = np.divide(told, there, out=np.zeros_like(told), where=there > 0)
        return np.asarray(np.clip(share, 0.0, 1.0)[:, None, :])

    def predict_incidence_band(
        self, X: AnyFrame, times: ArrayLike | None = None, *, conf_level: float = 0.95, conf_type: str = "log-log"
    ) -> IncidenceBand:
        """Return the incidence with its standard error and bounds at each time.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from joining, >= 0; None: 1, 2, ... up to the last observed time.
        conf_level : float, default 0.95
            Coverage at each time, between 0 and 1.
        conf_type : {"log-log", "log", "plain"}, default "log-log"
            Scale on which the bounds are symmetric: that of ``log(-log(1 - F))``, of log F, or of F.

        Returns
        -------
        IncidenceBand
            Incidence, std_error, lower, upper, each (n, H).
        """
        level = check_band(conf_level, conf_type)
        matrix = self._design(X)
        when, _ = self._ahead(matrix, times, None)
        hazard = self._risk(matrix)[:, None] * self._level(when)
        spread = self._risk(matrix)[:, None] * self._spread(matrix - self.center_, when)
        told = -np.expm1(-hazard)
        error = np.exp(-hazard) * spread
        cause, unit = self.causes_[0], self.time_unit_
        return incidence_band(when, told, error, cause=cause, level=level, conf_type=conf_type, time_unit=unit)

    def predict_survival(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return P(still a customer `times` from now | stayed `given`), from the model of leaving for any cause.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n, H)
            Probabilities.

        Raises
        ------
        InputError
            Without ``overall``: the incidence of one cause does not tell who is still there.
        """
        return np.asarray(self._overall("predict_survival").predict_survival(X, times, given=given))

    def predict_cumulative_hazard(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return the cumulative hazard of leaving for any cause, from the model of that.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n, H)
            Cumulative hazards.

        Raises
        ------
        InputError
            Without ``overall``.
        """
        told = self._overall("predict_cumulative_hazard").predict_cumulative_hazard(X, times, given=given)
        return np.asarray(told)

    def expected_lifetime(self, X: AnyFrame, horizon: float, *, given: ArrayLike | None = None) -> FloatArray:
        """Return the expected time ahead, counted up to `horizon`, from the model of leaving for any cause.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        horizon : float
            Time ahead, > 0.
        given : float or array_like of shape (n,), optional
            Time already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n,)
            Restricted means.

        Raises
        ------
        InputError
            Without ``overall``.
        """
        return np.asarray(self._overall("expected_lifetime").expected_lifetime(X, horizon, given=given))

    def linear_predictor(self, X: AnyFrame) -> FloatArray:
        """Return the log of each customer's subdistribution hazard against the average customer's.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            ``(x - center_) @ coef_``.
        """
        return self._log_risk(self._design(X))

    def predict_risk(self, X: AnyFrame) -> FloatArray:
        """Return one number to rank customers by: larger means that more leave for the cause, at every time.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Ratios of subdistribution hazards, > 0.
        """
        return self._risk(self._design(X))

    def predict(self, X: AnyFrame) -> FloatArray:
        """Return :meth:`predict_risk`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Ratios of subdistribution hazards.
        """
        return self.predict_risk(X)

    def reasons(self, X: AnyFrame, top: int = 3) -> Reasons:
        """Return the columns that push each customer's incidence above that of the average customer, in words.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        top : int, default 3
            How many reasons, >= 1.

        Returns
        -------
        Reasons
            Words, columns and contributions to the log subdistribution hazard, each (n, top).
        """
        count = check_whole(top, "top", low=1)
        matrix = self._design(X)
        parts = column_parts(matrix, self.center_, self.coef_[None], np.ones((len(matrix), 1)))
        return top_reasons(parts, matrix, self.center_, self.encoder_, X, top=count)

    def summary(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients with their uncertainty.

        Parameters
        ----------
        conf_level : float, default 0.95
            Coverage of the interval, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            One row for each column: cause, feature, coef, std_error, subhazard_ratio with lower and upper, z, p_value.
        """
        self._check_fitted()
        level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
        names = self.feature_names_out_
        return coefficient_table(self.coef_, self.std_error_, self.causes_, names, level, ratio="subhazard_ratio")

    def score(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None) -> float:
        """Return the partial log-likelihood for each departure for the cause: higher is better.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        y : target of shape (n,)
            What happened to them.
        sample_weight : array_like of shape (n,), optional
            Case weights.

        Returns
        -------
        float
            Log-likelihood for each departure, against that of equal risks: 0 for a model that knows nothing.
        """
        matrix = self._design(X)
        target = read_target(y)
        check_length(target.duration, len(matrix), name="y")
        weight = weights_of(sample_weight, len(matrix))
        code = cause_code(self.causes_[0], target.causes)
        data = sub_data(matrix, target, weight, customer=None, cluster=None, names=())
        return score_of(self.coef_, data, code, self.center_) if (data.event == code).any() else 0.0

    def _store(self, fit: SubFit, data: SubData, target: Target, code: int) -> None:
        p = len(fit.coef)
        self.coef_, self.center_ = fit.coef, fit.center
        self.joint_covariance_, self.naive_covariance_ = fit.joint, fit.naive
        self.covariance_ = fit.joint[:p, :p]
        self.std_error_ = np.sqrt(np.clip(np.diag(self.covariance_), 0, None))
        self.robust_std_error_ = self.std_error_
        self.log_likelihood_, self.log_likelihood_null_ = fit.log_likelihood, fit.log_likelihood_null
        self.baseline_times_, self.baseline_hazard_, self.knots_ = fit.times, fit.hazard, fit.knots
        self.n_iter_ = fit.iterations
        self.n_events_ = int(np.count_nonzero(data.event == code))
        self.causes_, self.time_unit_ = (target.causes[code - 1],), target.time_unit
        self.last_time_ = float(data.duration.max())
        self.feature_names_out_ = np.array(self.encoder_.feature_names, dtype=object)
        self._remember_columns(self.encoder_.input_names, named=self.encoder_.named)

    def _fit_overall(self, X: AnyFrame, target: Target, sample_weight: Any) -> None:
        self.overall_ = None
        if self.overall is None:
            return
        if not hasattr(self.overall, "predict_survival") or not hasattr(self.overall, "get_params"):
            kind = type(self.overall).__name__
            raise InputError(f"overall must be an unfitted hazard model such as CoxPH(), not a {kind}")
        any_cause = (target.event > 0).astype(np.int64)
        y = structured(target.entry, target.duration, any_cause, causes=("left",), time_unit=target.time_unit)
        fresh = type(self.overall)(**self.overall.get_params(deep=False))
        self.overall_ = fresh.fit(X, y, sample_weight=sample_weight)

    def _overall(self, asked: str) -> Any:
        self._check_fitted()
        if self.overall_ is None:
            raise InputError(_NEEDS_OVERALL.format(asked=asked))
        return self.overall_

    def _staying(self, X: AnyFrame, stayed: FloatArray) -> FloatArray:
        """Return each customer's chance to have stayed so long, (n,)."""
        places, group = np.unique(stayed, return_inverse=True)
        told = np.asarray(self._overall("given").predict_survival(X, places))
        return np.asarray(told[np.arange(len(told)), np.broadcast_to(group, len(told))])

    def _design(self, X: AnyFrame) -> FloatArray:
        self._check_fitted()
        return self.encoder_.transform(X, owner=type(self).__name__)

    def _log_risk(self, matrix: FloatArray) -> FloatArray:
        # einsum, not BLAS: each row is then summed in the same order whatever rows stand beside it
        return np.asarray(np.einsum("np,p->n", matrix - self.center_, self.coef_))

    def _risk(self, matrix: FloatArray) -> FloatArray:
        return np.exp(np.clip(self._log_risk(matrix), -700, 700))

    def _level(self, when: FloatArray) -> FloatArray:
        """Return the cumulative subdistribution hazard of the average customer at times of any shape."""
        steps = np.append(0.0, self.baseline_hazard_)
        return np.asarray(steps[np.searchsorted(self.baseline_times_, when, side="right")])

    def _spread(self, z: FloatArray, when: FloatArray) -> FloatArray:
        """Return the standard error of the cumulative subdistribution hazard over the customer's risk, (n, H).

        Between knots the error of the baseline follows the baseline.
        """
        level, p = self._level(when), len(self.coef_)
        at = np.append(0.0, self.baseline_hazard_[self.knots_])
        M = len(self.knots_)
        turn = np.stack([np.interp(level, at, np.append(0.0, unit)) for unit in np.eye(M)], axis=1)
        joint = self.joint_covariance_
        own = np.einsum("hm,mk,hk->h", turn, joint[p:, p:], turn)
        mixed = turn @ joint[p:, :p]  # (H, p)
        square = np.einsum("np,pq,nq->n", z, joint[:p, :p], z)
        total = own + 2 * level * np.einsum("np,hp->nh", z, mixed) + level**2 * square[:, None]
        return np.asarray(np.sqrt(np.maximum(total, 0.0)))

    def _ahead(self, matrix: FloatArray, times: Any, given: Any) -> tuple[FloatArray, FloatArray]:
        """Return checked times (H,) and times already stayed (n,) or (1,)."""
        stayed = stayed_array(given, len(matrix))
        if times is None:
            times = np.arange(1, max(int(self.last_time_ - stayed.max(initial=0.0)), 1) + 1)
        when = float_array(np.atleast_1d(np.asarray(times)), "times", low=0.0)
        reach = float(when.max(initial=0.0) + stayed.max(initial=0.0))
        if reach > self.last_time_ * (1 + 1e-9):
            raise InputError(
                f"this reaches time {reach:g} of a customer's stay, but the last observed time is "
                f"{self.last_time_:g}; an incidence is not carried on past it: ask for less"
            )
        return when, stayed


def _check_events(data: SubData, code: int, causes: tuple[str, ...]) -> None:
    if not (data.event > 0).any():
        raise InputError(
            f"no customer left: all {len(data.event)} are censored, so there is nothing to learn about leaving; "
            "check how event is coded, or take a longer window"
        )
    if not (data.event == code).any():
        raise InputError(f"nobody left for cause {causes[code - 1]!r}, so its incidence cannot be told")
