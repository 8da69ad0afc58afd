"""How long will customers stay, and why do they leave?

What is known of each customer goes into a target: :func:`survival_target` (times and events), :func:`target_from_dates`
(dates); :func:`to_months` turns exact times into the whole months that monthly models take.

Curves describe, without a model and by group: :func:`kaplan_meier` (who stays beyond each time), :func:`nelson_aalen`
(the cumulative hazard of leaving) and :func:`aalen_johansen` (who has left, and for which cause).
:func:`life_table` draws them from a table of counts; :func:`restricted_mean` tells how many of the next months a
customer stays, :func:`logrank_test` whether groups leave at different rates, :func:`pairwise_logrank_test` which of
them do, and :func:`gray_test` whether the shares that leave for one cause differ. Departures known only between two
looks go into an :func:`interval_target`; :func:`turnbull` draws their curve.

Who leaves, when and why, for each customer: :class:`DiscreteHazard` (monthly, all causes at once), :class:`CoxPH`
(any time scale, one cause: what moves the hazard and by how much). :func:`ph_test`, :func:`cox_residuals` and
:func:`schoenfeld_residuals` ask whether such a model is right; :func:`cox_path` chooses among many columns;
:class:`SharedFrailtyCox` tells how much accounts differ beyond their columns.

:class:`DiscreteHazard` reads customers, counts (:func:`count_table`) or months: :func:`person_months` writes customers
out from dates and dated records (:class:`EventColumn`, :class:`MonthColumn`) without looking ahead, :func:`month_rows`
checks a table of your own, and :func:`leak_check` names columns that know the answer. A :class:`Clock` runs beside the
tenure: months to the end of the contract, calendar month. :func:`likelihood_ratio_test` compares two such models,
:func:`drift_report` tells whether one still holds.

What lies ahead of customers who are here today: :func:`outlook`. What if a price or a contract changes:
:func:`what_if`, :func:`what_if_value`, :func:`price_elasticity`; what each column does: :func:`marginal_effects`.

Several causes from models of one cause each, or the incidence of one cause directly: :class:`CauseSpecificHazard`,
:class:`FineGray`. Thresholds and interactions that nobody wrote down: :class:`BoostedHazard`.

Who is lost may be won back: :func:`multistate` tells where customers are by when and how likely each way is,
:func:`markov_test` whether the past matters. Events that come again: :func:`mean_cumulative_function` (how many by
when), :func:`recurrent_rows` (rows for models of the next one).

Whose contacts have left, month by month, without looking ahead: :func:`social_exposure`.

A fitted lifelines model becomes one of these, for value, alerts and metrics: :func:`from_lifelines`.

How long, by a law of the time of leaving whose speed the columns change: :class:`AFT`; with a loyal share that never
leaves: :class:`MixtureCure`; with a hazard that is constant between given times: :class:`PiecewiseExponential`.

Where columns had missing values that were drawn several times, :func:`pool_rubin` makes one answer of the several fits.

Who is about to leave, why, and how many of those listed really will: :func:`alert_list`; how many of
them really did: :func:`alert_outcome`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "AFT",
    "AlertList",
    "AlertOutcome",
    "BoostedHazard",
    "CauseSpecificHazard",
    "Clock",
    "ClockCurve",
    "ColumnTests",
    "CoxBaseline",
    "CoxPH",
    "CoxPath",
    "CoxTests",
    "Curves",
    "DiscreteHazard",
    "DriftReport",
    "Elasticity",
    "EventColumn",
    "EventRows",
    "FineGray",
    "GrayTest",
    "HazardCurve",
    "IncidenceBand",
    "IncidenceCurve",
    "IntervalCurve",
    "LeakReport",
    "LevelEffects",
    "LifelinesModel",
    "LogrankTest",
    "MarginalEffects",
    "MarkovTest",
    "MeanCumulativeFunction",
    "MixtureCure",
    "MonthBlock",
    "MonthColumn",
    "MonthRows",
    "MonthlyTarget",
    "NestedTest",
    "Outlook",
    "PHTest",
    "PairwiseTests",
    "PersonMonths",
    "PiecewiseExponential",
    "PooledCoefficients",
    "Quantile",
    "RateCalibration",
    "Reasons",
    "RestrictedMean",
    "SchoenfeldResiduals",
    "SharedFrailtyCox",
    "SocialExposure",
    "StateCurves",
    "SurvivalBand",
    "SurvivalCurve",
    "Today",
    "TransitionProbabilities",
    "ValueWhatIf",
    "WhatIf",
    "aalen_johansen",
    "alert_list",
    "alert_outcome",
    "count_table",
    "cox_path",
    "cox_residuals",
    "drift_report",
    "from_lifelines",
    "gray_test",
    "interval_target",
    "kaplan_meier",
    "leak_check",
    "life_table",
    "likelihood_ratio_test",
    "logrank_test",
    "marginal_effects",
    "markov_test",
    "mean_cumulative_function",
    "month_rows",
    "multistate",
    "nelson_aalen",
    "outlook",
    "pairwise_logrank_test",
    "person_months",
    "ph_test",
    "pool_rubin",
    "price_elasticity",
    "recurrent_rows",
    "restricted_mean",
    "schoenfeld_residuals",
    "social_exposure",
    "survival_target",
    "target_from_dates",
    "to_months",
    "turnbull",
    "what_if",
    "what_if_value",
)

if TYPE_CHECKING:
    from custval._joins.alert_outcome import AlertOutcome, alert_outcome
    from custval._joins.alerts import AlertList, alert_list
    from custval._joins.value_what_if import ValueWhatIf, what_if_value
    from custval._survival.aft import AFT
    from custval._survival.band import IncidenceBand, SurvivalBand
    from custval._survival.boosted import BoostedHazard
    from custval._survival.cause_specific import CauseSpecificHazard
    from custval._survival.clocks import Clock, ClockCurve
    from custval._survival.count_table import count_table
    from custval._survival.cox import CoxPH
    from custval._survival.cox_baseline import CoxBaseline
    from custval._survival.cox_checks import cox_residuals, ph_test, schoenfeld_residuals
    from custval._survival.cox_diagnostics import CoxTests, PHTest, SchoenfeldResiduals
    from custval._survival.cox_frailty import SharedFrailtyCox
    from custval._survival.cox_path import CoxPath, cox_path
    from custval._survival.cure import MixtureCure
    from custval._survival.curve_groups import Curves
    from custval._survival.curves import HazardCurve, IncidenceCurve, Quantile, SurvivalCurve
    from custval._survival.dates import target_from_dates
    from custval._survival.discrete import DiscreteHazard
    from custval._survival.discrete_reasons import Reasons
    from custval._survival.discrete_recalibration import RateCalibration
    from custval._survival.discrete_shrink import LevelEffects
    from custval._survival.discrete_tests import ColumnTests, NestedTest, likelihood_ratio_test
    from custval._survival.drift import DriftReport, drift_report
    from custval._survival.event_columns import EventColumn, MonthColumn
    from custval._survival.fine_gray import FineGray
    from custval._survival.from_lifelines import LifelinesModel, from_lifelines
    from custval._survival.gray import GrayTest, gray_test
    from custval._survival.interval_target import interval_target
    from custval._survival.leaks import LeakReport, leak_check
    from custval._survival.lifetable import life_table
    from custval._survival.logrank import LogrankTest, logrank_test
    from custval._survival.markov import MarkovTest, markov_test
    from custval._survival.monthly import MonthlyTarget, to_months
    from custval._survival.multistate import StateCurves, TransitionProbabilities, multistate
    from custval._survival.outlook import Outlook, outlook
    from custval._survival.pairwise import PairwiseTests, pairwise_logrank_test
    from custval._survival.person_months import month_rows, person_months
    from custval._survival.person_table import MonthBlock, MonthRows, PersonMonths, Today
    from custval._survival.piecewise import PiecewiseExponential
    from custval._survival.pooling import PooledCoefficients, pool_rubin
    from custval._survival.product_limit import aalen_johansen, kaplan_meier, nelson_aalen
    from custval._survival.recurrent import EventRows, MeanCumulativeFunction, mean_cumulative_function, recurrent_rows
    from custval._survival.restricted import RestrictedMean, restricted_mean
    from custval._survival.social import SocialExposure, social_exposure
    from custval._survival.target import survival_target
    from custval._survival.turnbull import IntervalCurve, turnbull
    from custval._survival.what_if import (
        Elasticity,
        MarginalEffects,
        WhatIf,
        marginal_effects,
        price_elasticity,
        what_if,
    )
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "AFT": "_survival.aft",
            "AlertList": "_joins.alerts",
            "AlertOutcome": "_joins.alert_outcome",
            "BoostedHazard": "_survival.boosted",
            "CauseSpecificHazard": "_survival.cause_specific",
            "Clock": "_survival.clocks",
            "ClockCurve": "_survival.clocks",
            "ColumnTests": "_survival.discrete_tests",
            "CoxBaseline": "_survival.cox_baseline",
            "CoxPH": "_survival.cox",
            "CoxPath": "_survival.cox_path",
            "CoxTests": "_survival.cox_diagnostics",
            "Curves": "_survival.curve_groups",
            "DiscreteHazard": "_survival.discrete",
            "DriftReport": "_survival.drift",
            "Elasticity": "_survival.what_if",
            "EventColumn": "_survival.event_columns",
            "EventRows": "_survival.recurrent",
            "FineGray": "_survival.fine_gray",
            "GrayTest": "_survival.gray",
            "HazardCurve": "_survival.curves",
            "IncidenceBand": "_survival.band",
            "IncidenceCurve": "_survival.curves",
            "IntervalCurve": "_survival.turnbull",
            "LeakReport": "_survival.leaks",
            "LevelEffects": "_survival.discrete_shrink",
            "LifelinesModel": "_survival.from_lifelines",
            "LogrankTest": "_survival.logrank",
            "MarginalEffects": "_survival.what_if",
            "MarkovTest": "_survival.markov",
            "MeanCumulativeFunction": "_survival.recurrent",
            "MixtureCure": "_survival.cure",
            "MonthBlock": "_survival.person_table",
            "MonthColumn": "_survival.event_columns",
            "MonthRows": "_survival.person_table",
            "MonthlyTarget": "_survival.monthly",
            "NestedTest": "_survival.discrete_tests",
            "Outlook": "_survival.outlook",
            "PHTest": "_survival.cox_diagnostics",
            "PairwiseTests": "_survival.pairwise",
            "PersonMonths": "_survival.person_table",
            "PiecewiseExponential": "_survival.piecewise",
            "PooledCoefficients": "_survival.pooling",
            "Quantile": "_survival.curves",
            "RateCalibration": "_survival.discrete_recalibration",
            "Reasons": "_survival.discrete_reasons",
            "RestrictedMean": "_survival.restricted",
            "SchoenfeldResiduals": "_survival.cox_diagnostics",
            "SharedFrailtyCox": "_survival.cox_frailty",
            "SocialExposure": "_survival.social",
            "StateCurves": "_survival.multistate",
            "SurvivalBand": "_survival.band",
            "SurvivalCurve": "_survival.curves",
            "Today": "_survival.person_table",
            "TransitionProbabilities": "_survival.multistate",
            "ValueWhatIf": "_joins.value_what_if",
            "WhatIf": "_survival.what_if",
            "aalen_johansen": "_survival.product_limit",
            "alert_list": "_joins.alerts",
            "alert_outcome": "_joins.alert_outcome",
            "count_table": "_survival.count_table",
            "cox_path": "_survival.cox_path",
            "cox_residuals": "_survival.cox_checks",
            "drift_report": "_survival.drift",
            "from_lifelines": "_survival.from_lifelines",
            "gray_test": "_survival.gray",
            "interval_target": "_survival.interval_target",
            "kaplan_meier": "_survival.product_limit",
            "leak_check": "_survival.leaks",
            "life_table": "_survival.lifetable",
            "likelihood_ratio_test": "_survival.discrete_tests",
            "logrank_test": "_survival.logrank",
            "marginal_effects": "_survival.what_if",
            "markov_test": "_survival.markov",
            "mean_cumulative_function": "_survival.recurrent",
            "month_rows": "_survival.person_months",
            "multistate": "_survival.multistate",
            "nelson_aalen": "_survival.product_limit",
            "outlook": "_survival.outlook",
            "pairwise_logrank_test": "_survival.pairwise",
            "person_months": "_survival.person_months",
            "ph_test": "_survival.cox_checks",
            "pool_rubin": "_survival.pooling",
            "price_elasticity": "_survival.what_if",
            "recurrent_rows": "_survival.recurrent",
            "restricted_mean": "_survival.restricted",
            "schoenfeld_residuals": "_survival.cox_checks",
            "social_exposure": "_survival.social",
            "survival_target": "_survival.target",
            "target_from_dates": "_survival.dates",
            "to_months": "_survival.monthly",
            "turnbull": "_survival.turnbull",
            "what_if": "_survival.what_if",
            "what_if_value": "_joins.value_what_if",
        },
    )
