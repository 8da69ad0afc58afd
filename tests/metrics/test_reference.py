"""Numbers of R's survival package and of scikit-survival for the same seventy customers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from custval.metrics import brier_score, concordance, cumulative_dynamic_auc, integrated_brier_score
from custval.survival import survival_target

FOLDER = Path(__file__).parents[1] / "reference" / "metrics"
FROM_R = json.loads((FOLDER / "concordance.json").read_text(encoding="utf-8"))
FROM_PEER = json.loads((FOLDER / "scores.json").read_text(encoding="utf-8"))
TIMES = np.array([5.0, 15.0, 25.0])

ROW = np.arange(70)
DURATION = ((ROW * 37) % 71 + 1) * 0.5 + ((ROW * 13) % 7) * 0.013
EVENT = (ROW * 29) % 10 < 6
RISK = ((ROW * 17) % 23) / 4.0 - DURATION / 8
WEIGHT = 1.0 + ROW % 3
ENTRY = np.round(DURATION * ((ROW * 7) % 5) / 12, 6)
PLAIN, WHOLE = (DURATION, EVENT), (np.ceil(DURATION), EVENT)


@pytest.mark.parametrize(
    ("name", "y", "risk", "settings"),
    [
        ("harrell", PLAIN, RISK, {}),
        ("harrell_weighted", PLAIN, RISK, {"sample_weight": WEIGHT}),
        ("harrell_entry", survival_target(DURATION, EVENT, entry=ENTRY), RISK, {}),
        ("harrell_ties", WHOLE, np.round(RISK), {"sample_weight": WEIGHT}),
        ("uno", PLAIN, RISK, {"weighting": "uno"}),
        ("uno_tau", PLAIN, RISK, {"weighting": "uno", "tau": 20.0}),
        ("uno_ties", WHOLE, np.round(RISK), {"weighting": "uno"}),
    ],
)
def test_concordance_and_its_error_are_those_of_r(name, y, risk, settings):
    got = concordance(y, risk, **settings)
    assert [got.value, got.std_error] == pytest.approx(FROM_R[name], rel=1e-12)


def test_areas_and_brier_scores_of_distinct_times_are_those_of_the_peer():
    survival = np.exp(-TIMES / 25 * np.exp(0.3 * RISK)[:, None])
    area = cumulative_dynamic_auc(PLAIN, RISK, TIMES)
    got = {
        "auc": area.auc.tolist(),
        "mean_auc": area.mean,
        "brier": brier_score(PLAIN, survival, TIMES).score.tolist(),
        "integrated_brier": integrated_brier_score(PLAIN, survival, TIMES).value,
    }
    for name, value in FROM_PEER["distinct"].items():
        assert got[name] == pytest.approx(value, rel=1e-12)


def test_where_times_are_few_the_peer_weighs_departures_too_much():
    duration = 5 * np.ceil(DURATION / 5)
    survival = np.exp(-TIMES / 25 * np.exp(0.3 * RISK)[:, None])
    ours = brier_score((duration, EVENT), survival, TIMES).score
    assert (np.array(FROM_PEER["coarse"]["brier"])[1:] > 1.01 * ours[1:]).all()
    # apart in time, departures first, the same customers have the weights of G(T-) with either formula
    apart = duration - 1e-3 + np.where(EVENT, 0.0, 5e-4) + ROW * 1e-6
    assert brier_score((apart, EVENT), survival, TIMES).score == pytest.approx(ours, rel=1e-12)
