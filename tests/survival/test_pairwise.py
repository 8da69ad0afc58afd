"""Pairwise log-rank tests: each pair is the test of two groups; Holm's values are those of its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custval import InputError
from custval._survival.pairwise import holm
from custval.survival import logrank_test, pairwise_logrank_test, survival_target


def data():
    rng = np.random.default_rng(3)
    groups = np.array(["dsl", "fibre", "mobile", "tv"])[rng.integers(0, 4, 200)]
    y = survival_target(1 + rng.poisson(4 + 2 * (groups == "tv")), rng.integers(0, 2, 200), entry=rng.random(200) / 2)
    return y, groups, rng.integers(0, 2, 200), rng.integers(1, 3, 200)


def test_each_pair_is_the_test_of_two_groups():
    y, groups, strata, weight = data()
    tests = pairwise_logrank_test(y, groups, strata=strata, weighting="peto", sample_weight=weight)
    assert len(tests.first) == 6
    for k, pair in enumerate(zip(tests.first, tests.second, strict=True)):
        rows = np.isin(groups, pair)
        one = logrank_test(y[rows], groups[rows], strata=strata[rows], weighting="peto", sample_weight=weight[rows])
        assert (tests.statistic[k], tests.p_value[k]) == pytest.approx((one.statistic, one.p_value))
    assert tests.adjusted_p_value == pytest.approx(holm(tests.p_value))
    plain = pairwise_logrank_test(y, groups, adjust="none")
    assert (plain.adjusted_p_value == plain.p_value).all()
    bonferroni = pairwise_logrank_test(y, groups, adjust="bonferroni")
    assert bonferroni.adjusted_p_value == pytest.approx(np.minimum(6 * plain.p_value, 1))
    assert tests.to_frame().shape == (6, 5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_as_its_definition_does(p):
    p = np.array(p)
    adjusted = holm(p)
    order = np.argsort(p, kind="stable")
    for level in (0.01, 0.05, 0.3):
        rejected = np.zeros(len(p), dtype=bool)
        for rank, j in enumerate(order):
            if p[j] * (len(p) - rank) > level:
                break
            rejected[j] = True
        assert (rejected == (adjusted <= level)).all()
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") in R 4.2.2
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_a_pair_that_cannot_be_compared_is_named():
    y = survival_target([3, 4, 5, 6, 7, 8], [0, 0, 0, 0, 1, 1])
    with pytest.raises(InputError, match="groups 'a' and 'b' cannot be compared: no departure happened"):
        pairwise_logrank_test(y, ["a", "a", "b", "b", "c", "c"])
    with pytest.raises(InputError, match="at least two labels"):
        pairwise_logrank_test(y, ["a"] * 6)
    with pytest.raises(InputError, match="adjust must be one of"):
        pairwise_logrank_test(y, [1, 1, 1, 2, 2, 2], adjust="fdr")
