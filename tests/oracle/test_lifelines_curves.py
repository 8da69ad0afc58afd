"""Curves against lifelines: equal where it is exact, and exact where it is not.

lifelines needs pandas < 3, so these tests run in an environment of their own: ``nox -s oracle``.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

if os.environ.get("CUSTVAL_ORACLE") != "1":
    pytest.skip("the oracle session runs this, with lifelines in an environment of its own", allow_module_level=True)

from lifelines import AalenJohansenFitter, KaplanMeierFitter, NelsonAalenFitter
from lifelines.datasets import load_leukemia, load_lung, load_rossi, load_waltons
from lifelines.statistics import logrank_test as their_logrank

from custval.survival import aalen_johansen, kaplan_meier, logrank_test, nelson_aalen, survival_target

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("default")]

DATA = {
    "waltons": lambda: load_waltons()[["T", "E"]].to_numpy().T,
    "rossi": lambda: load_rossi()[["week", "arrest"]].to_numpy().T,
    "leukemia": lambda: load_leukemia()[["t", "status"]].to_numpy().T,
    "lung": lambda: load_lung()[["time", "status"]].dropna().to_numpy().T,
}


@pytest.fixture(params=DATA)
def times(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    duration, event = DATA[request.param]()
    return duration.astype(float), event.astype(int)


def test_kaplan_meier_and_its_greenwood_error(times: tuple[np.ndarray, np.ndarray]) -> None:
    duration, event = times
    ours = kaplan_meier(survival_target(duration, event))
    theirs = KaplanMeierFitter().fit(duration, event)
    expected = theirs.survival_function_at_times(ours.times).to_numpy()
    np.testing.assert_allclose(ours.survival, expected, rtol=1e-12, atol=1e-14)
    log_log = kaplan_meier(survival_target(duration, event), conf_type="log-log")
    band = theirs.confidence_interval_survival_function_
    inside = (log_log.survival > 0) & (log_log.survival < 1)
    lower = band.iloc[:, 0].reindex(log_log.times).to_numpy()
    np.testing.assert_allclose(log_log.lower[inside], lower[inside], rtol=1e-8)


def test_nelson_aalen(times: tuple[np.ndarray, np.ndarray]) -> None:
    duration, event = times
    ours = nelson_aalen(survival_target(duration, event))
    theirs = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(duration, event)
    expected = theirs.cumulative_hazard_at_times(ours.times).to_numpy()
    np.testing.assert_allclose(np.ravel(ours.hazard), expected, rtol=1e-12)


def test_entry_and_weights(times: tuple[np.ndarray, np.ndarray]) -> None:
    duration, event = times
    rng = np.random.default_rng(0)
    entry = np.floor(duration * rng.uniform(0.0, 0.6, len(duration)))
    weight = rng.integers(1, 4, len(duration)).astype(float)
    ours = kaplan_meier(survival_target(duration, event, entry=entry), sample_weight=weight)
    theirs = KaplanMeierFitter().fit(duration, event, entry=entry, weights=weight)
    expected = theirs.survival_function_at_times(ours.times).to_numpy()
    np.testing.assert_allclose(ours.survival, expected, rtol=1e-10, atol=1e-12)


def test_logrank(times: tuple[np.ndarray, np.ndarray]) -> None:
    duration, event = times
    groups = np.arange(len(duration)) % 2
    ours = logrank_test(survival_target(duration, event), groups)
    one = groups == 1
    theirs = their_logrank(duration[one], duration[~one], event[one], event[~one])
    assert ours.statistic == pytest.approx(theirs.test_statistic, rel=1e-9)
    assert ours.p_value == pytest.approx(theirs.p_value, rel=1e-9)


def test_incidences_without_ties_are_the_same() -> None:
    rng = np.random.default_rng(1)
    duration = rng.permutation(np.arange(1.0, 301.0))
    event = rng.integers(0, 3, 300)
    ours = aalen_johansen(survival_target(duration, event))
    for cause in (1, 2):
        theirs = AalenJohansenFitter(calculate_variance=False).fit(duration, event, event_of_interest=cause)
        expected = theirs.cumulative_density_.iloc[:, 0].reindex(ours.times).to_numpy()
        np.testing.assert_allclose(ours.incidence[cause - 1], expected, rtol=1e-10)


def test_under_ties_ours_is_exact_and_theirs_moves_with_the_seed() -> None:
    rng = np.random.default_rng(2)
    duration, event = rng.integers(1, 7, 60).astype(float), rng.integers(0, 3, 60)
    ours = aalen_johansen(survival_target(duration, event))
    exact, staying = [], 1.0
    for t in ours.times:
        at_risk = (duration >= t).sum()
        leaving = [((duration == t) & (event == cause)).sum() / at_risk for cause in (1, 2)]
        exact.append([staying * share for share in leaving])
        staying *= 1.0 - sum(leaving)
    np.testing.assert_allclose(ours.incidence, np.cumsum(exact, axis=0).T, rtol=1e-12)
    np.testing.assert_allclose(ours.incidence.sum(axis=0) + ours.survival, 1.0, rtol=1e-12)
    last = []
    for seed in range(3):
        fitter = AalenJohansenFitter(seed=seed, calculate_variance=False).fit(duration, event, event_of_interest=1)
        last.append(float(fitter.cumulative_density_.iloc[-1, 0]))
    assert len(set(last)) > 1, "the peer's fault is mended: compare with it directly"
