"""The log-rank family: against R, against a sum written out, against permutations, and at its nominal level."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from custval.survival import logrank_test, survival_target

WEIGHTINGS = ("logrank", "gehan", "tarone-ware", "peto", "fleming-harrington")


def test_by_sex_equals_r(reference, shared):
    known = next(item for item in reference("survival") if item["id"] == "logrank_lung")
    frame = pd.read_csv(shared / "reference" / "survival" / "lung.csv")
    y = survival_target(frame["time"], frame["status"])
    test = logrank_test(y, frame["sex"])
    assert test.statistic == pytest.approx(known["expected"]["chisq"], rel=known["rtol"])
    assert test.p_value == pytest.approx(chi2.sf(test.statistic, 1), rel=1e-12)
    assert test.n.tolist() == [138, 90]
    # R survival: survdiff(Surv(time, status) ~ sex, lung, rho = 1) prints Chisq= 12.7, observed 70.4 and 28.7
    peto = logrank_test(y, frame["sex"], weighting="peto")
    assert round(peto.statistic, 1) == 12.7
    assert peto.observed.round(1).tolist() == [70.4, 28.7]


def sample(n=60, groups=3, seed=2):
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, 3, n)
    y = survival_target(entry + rng.integers(1, 9, n), rng.integers(0, 2, n), entry=entry)
    return y, rng.integers(0, groups, n), rng.integers(0, 2, n)


def written_out(y, group, strata, weighting):
    labels = np.unique(group)
    score, spread = np.zeros(len(labels)), np.zeros((len(labels), len(labels)))
    for layer in np.unique(strata):
        here, g = y[strata == layer], group[strata == layer]
        survival = 1.0
        for t in np.unique(here["duration"][here["event"] > 0]):
            present = (here["entry"] < t) & (t <= here["duration"])
            left = present & (here["duration"] == t) & (here["event"] > 0)
            r, d = present.sum(), left.sum()
            w = {"logrank": 1, "gehan": r, "tarone-ware": r**0.5, "peto": survival}.get(
                weighting, survival**0.5 * (1 - survival) ** 2
            )
            share = np.array([present[g == label].sum() for label in labels]) / r
            score += w * (np.array([left[g == label].sum() for label in labels]) - d * share)
            if r > 1:
                spread += w**2 * d * (r - d) / (r - 1) * (np.diag(share) - np.outer(share, share))
            survival *= 1 - d / r
    return score @ np.linalg.pinv(spread) @ score


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("groups", [2, 3])
def test_equals_the_sum_written_out(weighting, groups):
    y, group, strata = sample(groups=groups)
    powers = {"rho": 0.5, "gamma": 2.0}
    for layers in (None, strata):
        test = logrank_test(y, group, strata=layers, weighting=weighting, **powers)
        want = written_out(y, group, np.zeros(len(y)) if layers is None else layers, weighting)
        assert test.statistic == pytest.approx(want, rel=1e-9)
        assert test.df == groups - 1
        assert test.observed.sum() == pytest.approx(test.expected.sum())


def test_fleming_harrington_holds_its_relatives():
    y, group, _ = sample()
    log, peto = (logrank_test(y, group, weighting=name).statistic for name in ("logrank", "peto"))
    assert logrank_test(y, group, weighting="fleming-harrington", rho=0).statistic == pytest.approx(log)
    assert logrank_test(y, group, weighting="fleming-harrington").statistic == pytest.approx(peto)


def test_whole_weights_are_copies():
    y, group, strata = sample()
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    weighted = logrank_test(y, group, strata=strata, sample_weight=weight)
    rows = np.repeat(np.arange(len(y)), weight)
    copied = logrank_test(y[rows], group[rows], strata=strata[rows])
    assert weighted.statistic == pytest.approx(copied.statistic, rel=1e-12)
    assert weighted.n.tolist() == copied.n.tolist()


def test_one_stratum_is_none_and_order_does_not_matter():
    y, group, _ = sample()
    plain = logrank_test(y, group)
    assert logrank_test(y, group, strata=np.ones(len(y))).statistic == plain.statistic
    back = logrank_test(y[::-1], group[::-1])
    assert back.statistic == pytest.approx(plain.statistic, rel=1e-12)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_level_under_equal_rates(weighting):
    """600 samples of two groups that leave alike: rejections at .05 inside the 99.9 % band."""
    rng, rejected = np.random.default_rng(12), 0
    for _ in range(600):
        time, end = rng.exponential(10, 120), rng.uniform(3, 20, 120)
        y = survival_target(np.ceil(np.minimum(time, end)), time <= end)
        rejected += logrank_test(y, rng.integers(0, 2, 120), weighting=weighting, gamma=1.0).p_value < 0.05
    assert 14 <= rejected <= 50


Y = survival_target([1, 2, 3, 4], [1, 1, 0, 1])
BAD = [
    (lambda: logrank_test(Y, ["a"] * 4), "groups must hold at least two labels, not 1"),
    (lambda: logrank_test(Y, ["a", "b"]), "groups has 2 rows but y has 4"),
    (lambda: logrank_test(Y, [1, 2, 1, 2], sample_weight=[1, 1.5, 1, 1]), "sample_weight must be whole"),
    (lambda: logrank_test(Y, [1, 2, 1, 2], weighting="wilcoxon"), "weighting must be one of 'logrank', 'gehan'"),
    (lambda: logrank_test(Y, [1, 2, 1, 2], weighting="fleming-harrington", rho=-1), "rho must be >= 0"),
    (lambda: logrank_test(survival_target([1, 2], [0, 0]), [1, 2]), "nothing can be compared"),
    (lambda: logrank_test(Y, [1, 2, 1, 2], strata=[1, 2, 1, 2]), "nothing can be compared"),
    (lambda: logrank_test(Y, [1, 2, 1, 2], strata=[1, 2]), "strata has 2 rows"),
]


@pytest.mark.parametrize(("call", "words"), BAD, ids=[words for _, words in BAD])
def test_what_cannot_be_tested_is_refused(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert words in str(error.value)
