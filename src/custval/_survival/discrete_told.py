"""What a fitted monthly hazard says of its columns: reasons, ratios, curves of its clocks, tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, TextArray
from custval._core.validation import check_choice, check_scalar, check_whole
from custval._survival.clocks import ClockCurve
from custval._survival.discrete_ahead import HazardAhead
from custval._survival.discrete_likelihood import hazard, rates
from custval._survival.discrete_reasons import Reasons, column_parts, top_reasons
from custval._survival.discrete_recalibration import RateCalibration, calibrated_rates, months_seen
from custval._survival.discrete_shrink import LevelEffects
from custval._survival.discrete_summary import coefficient_table, curve_of_clock
from custval._survival.discrete_tests import ColumnTests, column_tests

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("HazardTold",)


class HazardTold(HazardAhead):
    """What a fitted monthly hazard says of its columns."""

    l1: float
    l2: float
    covariance_: FloatArray | None
    std_error_: FloatArray | None
    robust_std_error_: FloatArray | None
    feature_names_out_: TextArray

    def reasons(self, X: AnyFrame, top: int = 3) -> Reasons:
        """Return the columns that push each customer's risk above that of the average customer, in words.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        top : int, default 3
            How many reasons, >= 1.

        Returns
        -------
        Reasons
            Words, columns and contributions to the log rate, each (n, top).

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
        >>> y = survival_target([1, 2, 2, 1, 3], [1, 0, 1, 1, 0])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.reasons({"contract": ["yearly"], "fee": [40]}).words[0].tolist()
        ['fee = 40 (high)', 'contract = yearly']
        """
        self._check_fitted()
        count = check_whole(top, "top", low=1)
        matrix = self._design(X)
        who, path = self._standing(X, None), self._path()
        effects = [clock.effect[:, place[:, 0]] for clock, place in zip(path.clocks, who.places(path, 1), strict=True)]
        share = self._cause_share(who.log_rate + sum(effects, np.zeros_like(who.log_rate)))
        parts = column_parts(matrix, self.center_, np.atleast_2d(self.coef_), share)
        moving = [(share * effect.T).sum(axis=1) for effect in effects]
        clocks = dict(zip((clock.column for clock in self.clocks_), zip(moving, who.clocks, strict=True), strict=True))
        return top_reasons(parts, matrix, self.center_, self.encoder_, X, top=count, clocks=clocks)

    def summary(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients with their uncertainty.

        Parameters
        ----------
        conf_level : float, default 0.95
            Coverage of the interval, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            One row for each cause and column: cause, feature, coef, std_error (robust where there is one), odds_ratio
            (logit) or hazard_ratio (cloglog) with lower and upper, z, p_value.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
        >>> y = survival_target([1, 2, 2, 1, 3], [1, 0, 1, 1, 0])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.summary()[["feature", "coef", "odds_ratio"]].round(2).to_dict("list")
        {'feature': ['contract=yearly', 'fee'], 'coef': [0.39, 0.08], 'odds_ratio': [1.48, 1.09]}
        """
        self._check_fitted()
        level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
        error = self._needed_error("a summary with errors")
        ratio = "odds_ratio" if self.link == "logit" else "hazard_ratio"
        return coefficient_table(self.coef_, error, self.causes_, self.feature_names_out_, level, ratio=ratio)

    def clock_curve(self, column: str, *, conf_level: float = 0.95) -> ClockCurve:
        """Return how the log rate of leaving moves with the value of a clock.

        Parameters
        ----------
        column : str
            Name of the clock.
        conf_level : float, default 0.95
            Coverage of the bounds at each value, between 0 and 1.

        Returns
        -------
        ClockCurve
            Log rates against the average customer-month by cause and value, with pointwise bounds.

        Examples
        --------
        >>> from custval.survival import Clock, DiscreteHazard, survival_target
        >>> X = {"months_to_end": [2, 3, 2, 3, 2, 3, 1, 4], "fee": [20, 30, 40, 20, 30, 20, 40, 30]}
        >>> y = survival_target([2, 3, 2, 3, 1, 2, 3, 4], [1, 1, 1, 0, 0, 1, 0, 0])
        >>> end = Clock("months_to_end", step=-1, curve="linear", low=0)
        >>> model = DiscreteHazard(baseline="constant", clocks=(end,)).fit(X, y)
        >>> model.clock_curve("months_to_end").effect.round(1).tolist()
        [[2.2, 1.0, -0.2, -1.4, -2.6]]
        """
        self._check_fitted()
        level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
        names = [clock.column for clock in self.clocks_]
        if not names:
            raise InputError("this model has no clocks; fit it with clocks=(Clock(...),)")
        check_choice(column, "column", names)
        place = names.index(column)
        clocks, sizes = self._clocks(), [columns.shape[1] for columns in self._basis_ahead()]
        covariance = self._needed_covariance("a curve with errors")
        return curve_of_clock(
            place,
            clocks,
            self.clock_effects_,
            covariance,
            baselines=sizes,
            columns=len(self.center_),
            causes=self.causes_,
            level=level,
        )

    def level_effects(self, column: str) -> LevelEffects:
        """Return the shrunken effects of the levels of a column.

        Parameters
        ----------
        column : str
            One of `shrink`.

        Returns
        -------
        LevelEffects
            Effects on the log rate by cause with their errors, and how much levels differ.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X = {"fee": [20, 30, 20, 40, 30, 40, 35, 25], "dealer": ["a", "a", "b", "b", "a", "b", "b", "a"]}
        >>> y = survival_target([3, 3, 1, 1, 2, 1, 2, 3], [0, 0, 1, 1, 1, 1, 1, 0])
        >>> model = DiscreteHazard(baseline="constant", shrink=("dealer",)).fit(X, y)
        >>> model.level_effects("dealer").level.tolist()
        ['a', 'b']
        """
        self._check_fitted()
        if not self.shrunk_columns_:
            raise InputError("this model shrinks no column; fit it with shrink=('dealer',) or the like")
        check_choice(column, "column", self.shrunk_columns_)
        s = self.shrunk_columns_.index(column)
        return LevelEffects(
            column=column,
            causes=self.causes_,
            level=self.shrunk_levels_[s],
            effect=self.shrunk_effects_[s],
            std_error=self.shrunk_std_error_[s],
            variance=self.shrunk_variance_[s],
        )

    def tests(self) -> ColumnTests:
        """Return whether each column matters: Wald tests by column and clock, over all causes and levels together.

        Returns
        -------
        ColumnTests
            One row for each column of X and each clock, and a last one for all of them together.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
        >>> y = survival_target([1, 2, 2, 1, 3], [1, 0, 1, 1, 0])
        >>> DiscreteHazard(baseline="constant").fit(X, y).tests().p_value.round(2).tolist()
        [0.81, 0.38, 0.68]
        """
        self._check_fitted()
        if self.l1 > 0 or self.l2 > 0:
            raise InputError("these tests hold for fits without a penalty; fit with l1 = 0 and l2 = 0")
        clocks, sizes = self._clocks(), [columns.shape[1] for columns in self._basis_ahead()]
        return column_tests(self._theta(), self._needed_covariance("a test"), self.encoder_.sources, clocks, sizes)

    def recalibrate(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None, slopes: bool = True) -> Self:
        """Return the model with its log rates moved to fit newer customers: intercept and slope for each cause.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Newer customers, as they were when their rows begin.
        y : target of shape (n,)
            What happened to them: ``entry`` and ``duration`` of the new months only.
        sample_weight : array_like of shape (n,), optional
            Case weights.
        slopes : bool, default True
            Whether to learn slopes; otherwise only the level of each cause moves.

        Returns
        -------
        DiscreteHazard
            A new model; ``calibration_`` (:class:`RateCalibration`) says how it was moved, with standard errors. The
            errors of its coefficients do not count those of the slopes.

        Raises
        ------
        InputError
            When nobody left for a cause, when a cause is unknown, or months have hazard 0 in which customers left.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> newer = survival_target([2, 2, 2, 2], [0, 1, 0, 1])
        >>> model.recalibrate(X, newer, slopes=False).calibration_.intercept.round(2).tolist()
        [-1.22]
        """
        self._check_fitted()
        who, end, event, weight = self._followed(X, y, sample_weight)
        found = calibrated_rates(
            months_seen(self._path(), who, end, event, weight), self.causes_, self.link, slopes=bool(slopes)
        )
        made = type(self).from_state(self.get_state())
        made._move(found)
        return made

    def _move(self, found: RateCalibration) -> None:
        """Move the log rates as `found` says: everything that is linear in them is scaled, the level shifted."""
        slope, shift = found.slope[:, None], found.intercept[:, None]
        self.coef_ = self.coef_ * (slope[0] if self.coef_.ndim == 1 else slope)
        self.level_ = shift + slope * self.level_
        self.clock_effects_ = tuple(slope * effect for effect in self.clock_effects_)
        self.shrunk_effects_ = tuple(slope * effect for effect in self.shrunk_effects_)
        self.baseline_ = hazard(
            rates(self.level_[:, None, :-1], np.zeros((len(slope), 1, 1))), self.stays_[:-1], self.link
        )[0][:, 0]
        if self.covariance_ is not None:
            sizes = [columns.shape[1] + len(self.center_) for columns in self._basis_ahead()]
            moving = np.zeros(len(sizes), dtype=np.int64)
            for columns in self.clock_columns_:
                moving += [own.shape[1] for own in columns]
            scale = np.repeat(found.slope, np.array(sizes) + moving)
            self.covariance_ = self.covariance_ * np.outer(scale, scale)
        for name in ("std_error_", "robust_std_error_"):
            error = getattr(self, name)
            if error is not None:
                setattr(self, name, error * np.abs(slope[0] if error.ndim == 1 else slope))
        self.calibration_ = found

    def _theta(self) -> FloatArray:
        """Return coefficients of clocks and columns in the order of ``covariance_``; baselines are left at 0."""
        parts: list[FloatArray] = []
        for k, (baseline, coef) in enumerate(zip(self._basis_ahead(), np.atleast_2d(self.coef_), strict=True)):
            parts.append(np.zeros(baseline.shape[1]))
            for clock, effect in zip(self._clocks(), self.clock_effects_, strict=True):
                parts.append(np.linalg.lstsq(clock.columns[k], effect[k], rcond=None)[0])
            parts.append(coef)
        return np.concatenate(parts)

    def _needed_covariance(self, what: str) -> FloatArray:
        if self.covariance_ is None:
            raise InputError(f"{what} needs standard errors, which a fit with l1 > 0 does not have; fit with l1 = 0")
        return np.asarray(self.covariance_)

    def _needed_error(self, what: str) -> FloatArray:
        self._needed_covariance(what)
        return np.asarray(self.std_error_ if self.robust_std_error_ is None else self.robust_std_error_)
