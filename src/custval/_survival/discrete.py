"""Who leaves, when and why, month by month: the monthly hazard of leaving for all causes at once.

The probability that a customer who is here at the start of month t leaves in it for cause k follows a multinomial
logit (or complementary log-log) of a baseline in t and the customer's columns. It is fitted from customer rows, from
person-months, or from a table of counts, to the same numbers, and it never builds a person-month table: see
:mod:`custval._survival.discrete_likelihood`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from custval._core.encoding import DesignEncoder
from custval._core.errors import InputError
from custval._core.frames import is_frame, to_columns
from custval._core.threads import one_thread
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, TextArray
from custval._core.validation import check_choice, check_length, check_scalar, check_whole, sample_weight_array
from custval._survival.baseline import BASELINES
from custval._survival.clocks import Clock, check_clocks
from custval._survival.discrete_fit import DiscreteFit, FitOptions, fit_spells
from custval._survival.discrete_likelihood import LINKS, hazard, rates
from custval._survival.discrete_months import months_source
from custval._survival.discrete_rows import (
    count_spells,
    customer_spells,
    read_counts,
    warn_rounded,
    with_clocks,
    with_cluster,
)
from custval._survival.discrete_shrink import Shrunk, check_shrink, fit_shrunk, shrunk_levels
from custval._survival.discrete_tally import Source
from custval._survival.discrete_told import HazardTold
from custval._survival.monthly import to_months
from custval._survival.person_table import PersonMonths
from custval._survival.target import read_target

__all__ = ("DiscreteHazard",)


class DiscreteHazard(HazardTold):
    """Monthly hazard of leaving for all causes at once: who leaves, when, why, and how sure are we.

    ``e_k = exp(baseline_k(month) + x @ coef_k)``; a customer who is here at the start of the month leaves in it for
    cause k with probability ``e_k / (1 + sum_j e_j)`` (logit) or ``(1 - exp(-sum_j e_j)) e_k / sum_j e_j`` (cloglog).

    Parameters
    ----------
    link : {"logit", "cloglog"}, default "logit"
        ``exp(coef)`` is an odds ratio against staying, or a hazard ratio in continuous time.
    baseline : {"free", "spline", "linear", "constant"}, default "free"
        How the hazard moves with tenure: one level for each month with departures (months without one have hazard 0),
        a natural cubic spline in log(1 + month) (best for small data and for forecasts), a line in it, or a constant.
    baseline_df : int, default 4
        Degrees of freedom of the spline besides its constant, >= 1; a cause with fewer than 5 departures for each
        takes fewer.
    clocks : sequence of Clock, default ()
        Columns that move by themselves: months to the end of the contract, calendar month. See :class:`Clock`.
    shrink : sequence of str, default ()
        Columns of very many levels (device, dealer, plan), or the account that shares its frailty over lines and
        months: the effects of their levels are drawn towards their mean by empirical Bayes; a level not seen in
        fitting has the mean. See :meth:`level_effects`.
    l1 : float, default 0.0
        Penalty ``l1 * sum |coef|``: columns that do not pay are left out (coefficient 0); no standard errors then.
    l2 : float, default 0.0
        Penalty ``l2 / 2 * sum coef ** 2``, in raw units of X, not divided by n, >= 0. Baselines and
        clocks are not penalised. With both the penalty is the elastic net.
    standardize_penalty : bool, default False
        Penalise the coefficients per standard deviation of their columns instead of per unit.
    tail : {"error", "hold"}, default "error"
        Past the last observed month: refuse, or hold the level of the baseline (of the last month for smooth
        baselines, the mean over the last 12 months by customers at risk for a free one).
    missing : {"error", "indicator"}, default "error"
        What to do with missing values in X.
    unseen : {"error", "other"}, default "error"
        What to do at prediction with a level not seen in fitting: refuse it, or take it as the reference level.
    max_iter : int, default 50
        Most Newton steps.
    tol : float, default 1e-9
        Stop when the log-likelihood has at most this left to gain.

    Attributes
    ----------
    coef_ : ndarray of shape (p,), or (K, p) for several causes
        Coefficients in raw units of X.
    std_error_ : ndarray of the same shape, or None
        Their standard errors from the information (with ``l2`` > 0 that of the penalised likelihood); None with ``l1``.
    robust_std_error_ : ndarray of the same shape, or None
        Sandwich standard errors; there with ``cluster`` or weights that are not whole numbers.
    covariance_ : ndarray of shape (P, P), or None
        Of all parameters: for each cause in turn its baseline, its clocks, its coefficients. Robust where that
        is there; None with ``l1``.
    log_likelihood_, log_likelihood_null_ : float
        Of the model, and of the baseline in tenure alone (penalty not counted).
    baseline_ : ndarray of shape (K, T)
        Hazard by cause of the average customer-month in months 1..T.
    feature_names_out_ : ndarray of str, shape (p,)
        Columns of the design matrix, in the order of ``coef_``.
    feature_names_in_ : ndarray of str
        Columns of the frame; only there when X was a frame.
    n_features_in_ : int
        Number of columns of X.
    causes_ : tuple of K str
        Names of the causes.
    time_unit_ : str
        Unit of the target's times.
    last_month_ : int
        T, the last observed month.
    n_iter_, n_events_ : int
        Newton steps; departures (those of whole weights, and of counts, as often as they count).
    n_parameters_ : int
        P, of all causes together.
    clocks_ : tuple of Clock
        The clocks; :meth:`clock_curve` shows what they do.
    encoder_ : DesignEncoder
        How frames become numbers.

    References
    ----------
    Allison (1982), Discrete-time methods for the analysis of event histories, Sociological Methodology 13, 61-98.
    Tutz and Schmid (2016), Modeling Discrete Time-to-Event Data, Springer, chapters 3 and 8.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, survival_target
    >>> fees = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}
    >>> y = survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0])
    >>> model = DiscreteHazard(baseline="constant").fit(fees, y)
    >>> model.coef_.round(3)
    array([0.045])
    >>> model.predict_survival({"fee": [25.0]}, [1, 2, 3]).round(3)
    array([[0.812, 0.659, 0.535]])
    """

    __module__ = "custval.survival"
    _poor_score: ClassVar[bool] = True
    _fit_metadata: ClassVar[tuple[str, ...]] = ("sample_weight", "cluster")

    def __init__(
        self,
        *,
        link: str = "logit",
        baseline: str = "free",
        baseline_df: int = 4,
        clocks: Sequence[Clock] = (),
        shrink: Sequence[str] = (),
        l1: float = 0.0,
        l2: float = 0.0,
        standardize_penalty: bool = False,
        tail: str = "error",
        missing: str = "error",
        unseen: str = "error",
        max_iter: int = 50,
        tol: float = 1e-9,
    ) -> None:
        self.link = link
        self.baseline = baseline
        self.baseline_df = baseline_df
        self.clocks = clocks
        self.shrink = shrink
        self.l1 = l1
        self.l2 = l2
        self.standardize_penalty = standardize_penalty
        self.tail = tail
        self.missing = missing
        self.unseen = unseen
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None, cluster: Any = None) -> Self:
        """Learn baselines and coefficients of all causes from customer rows.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            What is known of each customer when the row begins (at entry); text and categories are coded (see
            ``feature_names_out_``).
        y : target of shape (n,)
            From :func:`survival_target`, or plain durations that all ended. Whole months; others are rounded
            (departures up, last looks down, entries up) and counted in one warning.
        sample_weight : array_like of shape (n,), optional
            Case weights, >= 0.
        cluster : array_like of shape (n,), optional
            Account or household: rows of one cluster may depend on each other, which the robust errors allow for.

        Returns
        -------
        DiscreteHazard
            The fitted model itself.

        Raises
        ------
        InputError
            When nobody left, a cause never occurs, or columns are constant or collinear without a penalty.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
        >>> y = survival_target([1, 2, 2, 1, 3], [1, 0, 1, 1, 0])
        >>> DiscreteHazard(baseline="constant").fit(X, y).feature_names_out_.tolist()
        ['contract=yearly', 'fee']
        """
        options = self._options()
        encoder = self._new_encoder(X, options)
        matrix = encoder.transform(X)
        target = read_target(y)
        n = len(matrix)
        check_length(target.duration, n, name="y")
        if n == 1:
            raise InputError("Found array with 1 sample (one customer); a hazard needs at least 2 to compare")
        weight = sample_weight_array(sample_weight, n)
        monthly = to_months(y)
        keep = monthly.kept & (weight > 0)
        warn_rounded(target.duration, target.entry, target.event, monthly.kept)
        spells = customer_spells(matrix[keep], monthly.target[keep[monthly.kept]], weight[keep], encoder, target.causes)
        spells = with_cluster(spells, cluster, keep)
        spells = with_clocks(spells, X, options.clocks, keep)
        levels, codes = shrunk_levels(X, options.shrink)
        source = Source.of(replace(spells, groups=codes[:, keep]) if levels else spells)
        return self._learn(source, options, encoder, target.time_unit, robust=cluster is not None, levels=levels)

    def fit_counts(self, table: AnyFrame, *, time_unit: str = "month") -> Self:
        """Learn the same from a table of counts, as any engine's GROUP BY makes it.

        Parameters
        ----------
        table : frame
            One row for each cell and month: ``tenure`` (the month t = 1, 2, ...: the interval (t-1, t]), the columns of
            the cell, ``at_risk`` (customers there at the start of the month) and ``exits_<cause>`` for each cause.
        time_unit : str, default "month"
            Unit of the tenure.

        Returns
        -------
        DiscreteHazard
            The fitted model itself, with the numbers that :meth:`fit` gives for the customers behind the counts.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard
        >>> table = {"tenure": [1, 1, 2, 2], "paperless": [0, 1, 0, 1], "at_risk": [90, 80, 81, 64],
        ...          "exits_voluntary": [9, 16, 9, 16]}
        >>> DiscreteHazard().fit_counts(table).coef_.round(3)
        array([0.895])
        """
        options = self._options()
        counts = read_counts(table)
        encoder = self._new_encoder(counts["cells"], options)
        levels, codes = shrunk_levels(counts["cells"], options.shrink)
        matrix = encoder.transform(counts["cells"])
        spells = count_spells(matrix, counts, encoder, options.clocks, codes if levels else None)
        return self._learn(Source.of(spells), options, encoder, time_unit, robust=False, levels=levels)

    def fit_months(self, months: PersonMonths, *, cluster: bool = False, block_rows: int = 500_000) -> Self:
        """Learn the same from person-months, block by block: columns may vary by month.

        At prediction every column but the clocks keeps the value that X gives it (the last one known), unless a
        `scenario` says otherwise. A model of ``months.landmarks()`` needs no rule for their future.

        Parameters
        ----------
        months : PersonMonths
            From :func:`person_months`.
        cluster : bool, default False
            Whether the errors allow for months of one customer that depend on each other.
        block_rows : int, default 500_000
            Months in a block, about: what is in memory at a time, where not all of them fit.

        Returns
        -------
        DiscreteHazard
            The fitted model itself.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, person_months
        >>> people = {"customer_id": [7, 8, 9], "start": ["2024-01-01"] * 3, "fee": [20, 30, 40],
        ...           "end": ["2024-03-20", "2024-02-15", None]}
        >>> months = person_months(people, observed_until="2024-06-01", columns=["fee"])
        >>> DiscreteHazard(baseline="constant").fit_months(months).coef_.round(3)
        array([-0.112])
        """
        options = self._options()
        if not months.column_names:
            raise InputError(
                "the person-months have no columns, so nothing tells customers apart; name some in columns"
            )
        encoder = self._new_encoder(months.schema(), options)
        size = check_whole(block_rows, "block_rows", low=1)
        levels, codes = shrunk_levels(months.schema(), options.shrink)
        groups = codes if levels else None
        source = months_source(months, encoder, options.clocks, groups, cluster=cluster, block_rows=size)
        return self._learn(source, options, encoder, "month", robust=cluster, levels=levels)

    def _options(self) -> FitOptions:
        check_choice(self.link, "link", LINKS)
        check_choice(self.baseline, "baseline", BASELINES)
        check_choice(self.tail, "tail", ("error", "hold"))
        return FitOptions(
            link=self.link,
            baseline=self.baseline,
            baseline_df=check_whole(self.baseline_df, "baseline_df", low=1),
            clocks=check_clocks(self.clocks),
            shrink=check_shrink(self.shrink, self.l1),
            l1=check_scalar(self.l1, "l1", low=0, high=np.inf, high_open=True),
            l2=check_scalar(self.l2, "l2", low=0, high=np.inf, high_open=True),
            standardize_penalty=bool(self.standardize_penalty),
            max_iter=check_whole(self.max_iter, "max_iter", low=1),
            tol=check_scalar(self.tol, "tol", low=0, low_open=True),
        )

    def _new_encoder(self, X: AnyFrame, options: FitOptions) -> DesignEncoder:
        """Return the learned coding of all columns but the clocks and those to shrink."""
        moving = {clock.column for clock in options.clocks} | set(options.shrink)
        if not moving or not is_frame(X):
            return DesignEncoder(missing=self.missing, unseen=self.unseen).fit(X)
        still = {name: values for name, values in to_columns(X).items() if name not in moving}
        if still:
            return DesignEncoder(missing=self.missing, unseen=self.unseen).fit(still)
        nothing = {"missing": self.missing, "unseen": self.unseen, "named": True, "columns": []}
        return DesignEncoder.from_state(nothing)

    def _learn(
        self,
        source: Source,
        options: FitOptions,
        encoder: DesignEncoder,
        time_unit: str,
        *,
        robust: bool,
        levels: tuple[TextArray, ...] = (),
    ) -> Self:
        found: Shrunk | None = None
        with one_thread():
            if levels:
                fit, found = fit_shrunk(source, options, [len(own) for own in levels])
                fit = replace(fit, covariance=found.covariance)
            else:
                fit = fit_spells(source, options, robust=robust or None)
        self._store(fit, source, options)
        self.shrunk_columns_, self.shrunk_levels_ = options.shrink, levels
        self.shrunk_effects_ = () if found is None else found.effects
        self.shrunk_std_error_ = () if found is None else found.std_error
        self.shrunk_variance_ = np.zeros((0, len(source.causes))) if found is None else found.variance
        self.encoder_, self.time_unit_ = encoder, time_unit
        names = [*encoder.input_names, *(clock.column for clock in options.clocks), *options.shrink]
        self._remember_columns(names, named=encoder.named)
        return self

    def _store(self, fit: DiscreteFit, source: Source, options: FitOptions) -> None:
        causes = len(fit.coef)
        self.coef_ = fit.coef[0] if causes == 1 else fit.coef
        self.covariance_ = fit.covariance if fit.robust is None else fit.robust
        self.center_, self.level_, self.stays_ = fit.center, fit.level, fit.stays
        self.exposure_, self.tail_weight_, self.basis_ = fit.exposure, fit.tail, fit.basis
        self.clocks_, self.clock_effects_ = options.clocks, fit.clock_effects
        self.clock_low_ = np.array([clock.low for clock in fit.clocks], dtype=np.int64)
        self.clock_columns_ = tuple(clock.columns for clock in fit.clocks)
        self.std_error_, self.robust_std_error_ = self._errors(fit.covariance), self._errors(fit.robust)
        self.log_likelihood_, self.log_likelihood_null_ = fit.log_likelihood, fit.log_likelihood_null
        self.n_iter_, self.n_events_, self.n_parameters_ = fit.iterations, fit.departures, len(fit.information)
        self.feature_names_out_ = np.array(source.features, dtype=object)
        self.causes_ = source.causes
        self.last_month_ = len(fit.exposure)
        at_average = rates(fit.level[:, None, :-1], np.zeros((causes, 1, 1)))
        self.baseline_ = hazard(at_average, fit.stays[:-1], self.link)[0][:, 0]

    def _errors(self, covariance: FloatArray | None) -> FloatArray | None:
        """Return the standard errors of the coefficients, in the shape of ``coef_``."""
        if covariance is None:
            return None
        root, p = np.sqrt(np.clip(np.diag(covariance), 0, None)), len(self.center_)
        moving = np.sum([[own.shape[1] for own in columns] for columns in self.clock_columns_] or 0, axis=0)
        ends = np.cumsum(np.array([columns.shape[1] + p for columns in self._basis_ahead()]) + moving)
        made = np.stack([root[end - p : end] for end in ends])
        return made[0] if len(made) == 1 else made
