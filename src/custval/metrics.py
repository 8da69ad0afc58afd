"""Is the forecast any good: does it rank, are its probabilities true, does acting on it pay?

- Do the riskiest leave first? `concordance` (times, by Harrell or Uno), `cumulative_dynamic_auc` (by each time), `auc`
  and `lift_curve` (left or stayed).
- Are the probabilities right? `brier_score` at given times, `integrated_brier_score` over time; `calibration` at a
  horizon, by group, in a line (slope, intercept) and in a curve (ICI); `d_calibration` of whole curves.
- Would it have worked, month after month, on what was known then? `backtest`.
- Does a contact change anything? `qini` and `auuc` of an uplift score.
- Which settings forecast best? `concordance_scorer`, `dynamic_auc_scorer` and `integrated_brier_scorer` for
  scikit-learn's searches.

Customers still there count correctly in all of them; those who came under observation late are scored from a landmark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "Backtest",
    "BrierScore",
    "Calibration",
    "CalibrationCurve",
    "Concordance",
    "DCalibration",
    "DynamicAUC",
    "Estimate",
    "LiftCurve",
    "Scorer",
    "UpliftArea",
    "auc",
    "auuc",
    "backtest",
    "brier_score",
    "calibration",
    "concordance",
    "concordance_scorer",
    "cumulative_dynamic_auc",
    "d_calibration",
    "dynamic_auc_scorer",
    "integrated_brier_score",
    "integrated_brier_scorer",
    "lift_curve",
    "qini",
)

if TYPE_CHECKING:
    from custval._joins.backtest import Backtest, backtest
    from custval._metrics.brier import BrierScore, brier_score, integrated_brier_score
    from custval._metrics.calibration import Calibration, calibration
    from custval._metrics.concordance import Concordance, concordance
    from custval._metrics.d_calibration import DCalibration, d_calibration
    from custval._metrics.dynamic_auc import DynamicAUC, cumulative_dynamic_auc
    from custval._metrics.estimate import Estimate
    from custval._metrics.lift import LiftCurve, auc, lift_curve
    from custval._metrics.recalibration import CalibrationCurve
    from custval._metrics.scorers import Scorer, concordance_scorer, dynamic_auc_scorer, integrated_brier_scorer
    from custval._metrics.uplift import UpliftArea, auuc, qini
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "Backtest": "_joins.backtest",
            "BrierScore": "_metrics.brier",
            "Calibration": "_metrics.calibration",
            "CalibrationCurve": "_metrics.recalibration",
            "Concordance": "_metrics.concordance",
            "DCalibration": "_metrics.d_calibration",
            "DynamicAUC": "_metrics.dynamic_auc",
            "Estimate": "_metrics.estimate",
            "LiftCurve": "_metrics.lift",
            "Scorer": "_metrics.scorers",
            "UpliftArea": "_metrics.uplift",
            "auc": "_metrics.lift",
            "auuc": "_metrics.uplift",
            "backtest": "_joins.backtest",
            "brier_score": "_metrics.brier",
            "calibration": "_metrics.calibration",
            "concordance": "_metrics.concordance",
            "concordance_scorer": "_metrics.scorers",
            "cumulative_dynamic_auc": "_metrics.dynamic_auc",
            "d_calibration": "_metrics.d_calibration",
            "dynamic_auc_scorer": "_metrics.scorers",
            "integrated_brier_score": "_metrics.brier",
            "integrated_brier_scorer": "_metrics.scorers",
            "lift_curve": "_metrics.lift",
            "qini": "_metrics.uplift",
        },
    )
