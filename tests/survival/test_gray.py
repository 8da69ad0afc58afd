"""Gray's test: against cmprsk, at its nominal level, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2
from tests.survival.aft_cases import numbers

from custval import InputError
from custval.survival import gray_test, logrank_test, survival_target


def customers():
    """Return time, cause and groups of tests/reference/survival/gray.R."""
    i = np.arange(120)
    three = (i * 17) % 5 % 3
    time = 1 + (i * 37) % 19 + np.where(three == 1, 2, 0)
    y = survival_target(time, (i * 13) % 7 % 3, causes=["a", "b"])
    distinct = survival_target(time + i / 1000, (i * 13) % 7 % 3, causes=["a", "b"])
    return {"y": y, "distinct": distinct, "two": (i * 11) % 2, "three": three, "strata": (i * 3) % 4 // 2}


@pytest.mark.parametrize("name", ["two", "three", "two_strata", "three_strata", "three_rho", "distinct"])
@pytest.mark.parametrize("cause", [1, 2])
def test_equals_cmprsk(name, cause):
    data, known = customers(), numbers("gray")[name]
    y = data["distinct"] if name == "distinct" else data["y"]
    groups = data["two"] if name.startswith("two") else data["three"]
    strata = data["strata"] if name.endswith("strata") else None
    test = gray_test(y, groups, cause=cause, strata=strata, rho=1.0 if name == "three_rho" else 0.0)
    assert test.statistic == pytest.approx(known["statistic"][cause - 1], rel=1e-10)
    assert test.p_value == pytest.approx(known["p_value"][cause - 1], rel=1e-10)
    assert test.df == known["df"][cause - 1]
    assert test.observed.sum() == pytest.approx(test.expected.sum())
    assert gray_test(y, groups, cause="ab"[cause - 1], strata=strata).cause == "ab"[cause - 1]


def test_without_other_causes_nor_censoring_it_is_near_the_logrank_test():
    rng = np.random.default_rng(6)
    groups = np.repeat([0, 1], 150)
    y = survival_target(rng.exponential(1 + 0.1 * groups))
    assert gray_test(y, groups).observed - gray_test(y, groups).expected == pytest.approx(
        logrank_test(y, groups).observed - logrank_test(y, groups).expected
    )
    assert gray_test(y, groups).statistic == pytest.approx(logrank_test(y, groups).statistic, rel=0.1)


def test_level_is_nominal():
    rng = np.random.default_rng(1)
    rejected = 0
    for _ in range(400):
        n = 120
        time, cause = rng.exponential(6, n), rng.integers(1, 3, n)
        end = rng.uniform(2, 12, n)
        y = survival_target(np.ceil(np.minimum(time, end)), np.where(time <= end, cause, 0), causes=["a", "b"])
        rejected += gray_test(y, rng.integers(0, 3, n)).p_value < 0.05
    # two-sided 99.9 % binomial band around 5 % of 400
    assert 8 <= rejected <= 36


def late_customers(seed, other=(0.05, 0.05), more=0.0):
    """Return a target with late entry, groups whose incidences of "a" differ by `more`, and the pace of "b" in each."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 2, 450)
    first = rng.random(450) < 0.5 * (1 + more * groups)
    time = np.where(first, rng.exponential(12, 450), rng.exponential(1, 450) / np.array(other)[groups])
    entry = rng.choice([0, 0, 3, 6.0], 450)
    end, seen = entry + rng.exponential(15, 450), time > entry
    cause = np.where(time <= end, np.where(first, 1, 2), 0)
    y = survival_target(np.minimum(time, end)[seen], cause[seen], entry=entry[seen], causes=["a", "b"])
    return y, groups[seen]


@pytest.mark.parametrize("other", [(0.05, 0.05), (0.03, 0.12)])
def test_the_level_holds_with_late_entry_and_other_causes_that_differ(other):
    rejected = sum(gray_test(*late_customers(seed, other)).p_value < 0.05 for seed in range(400))
    # two-sided 99.9 % binomial band around 5 % of 400
    assert 8 <= rejected <= 36


def test_a_difference_is_found_with_late_entry():
    assert np.mean([gray_test(*late_customers(seed, more=0.5)).p_value < 0.05 for seed in range(60)]) > 0.6


def test_entry_zero_is_no_entry_and_one_cause_with_entry_is_the_logrank_test():
    data = customers()
    same = survival_target(data["y"]["duration"], data["y"]["event"], entry=np.zeros(120), causes=["a", "b"])
    assert gray_test(same, data["two"]).to_dict() == gray_test(data["y"], data["two"]).to_dict()
    y, groups = late_customers(1)
    alone = survival_target(y["duration"], y["event"] > 0, entry=y["entry"])
    ours, ranks = gray_test(alone, groups), logrank_test(alone, groups)
    assert ours.statistic == pytest.approx(ranks.statistic, rel=0.15)


def test_bad_input_is_named():
    data = customers()
    y, groups = data["y"], data["two"]
    with pytest.raises(InputError, match=r"there is no cause 'c'.* the causes are a, b"):
        gray_test(y, groups, cause="c")
    with pytest.raises(InputError, match="cause must be >= 1 and <= 2"):
        gray_test(y, groups, cause=3)
    with pytest.raises(InputError, match="at least two labels"):
        gray_test(y, np.zeros(120))
    late = survival_target([3, 4, 9, 9, 8], [1, 1, 1, 1, 1], entry=[0, 0, 5, 0, 0])
    with pytest.raises(InputError, match=r"all of group 'a' who were there have left by 4, before others of it enter"):
        gray_test(late, ["a", "a", "a", "b", "b"])
    with pytest.raises(InputError, match="nobody left for 'left'"):
        gray_test(survival_target([3, 4], [0, 0]), [0, 1])
    assert gray_test(y, groups).p_value == pytest.approx(chi2.sf(gray_test(y, groups).statistic, 1))
