"""What a fitted monthly hazard says of its columns: reasons, ratios, curves of its clocks, tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import AnyFrame, FloatArray, TextArray
from custval._core.validation import check_choice, check_scalar, check_whole
from custval._survival.clocks import ClockCurve
from custval._survival.discrete_ahead import HazardAhead
from custval._survival.discrete_reasons import Reasons, column_parts, top_reasons
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
