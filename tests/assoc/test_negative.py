"""Rules about what is absent, against counting by hand and SciPy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from custval import InputError
from custval.assoc import negative_rules

RNG = np.random.default_rng(4)
MATRIX = RNG.random((300, 6)) < 0.4
MATRIX[:, 1] &= ~MATRIX[:, 0] | (RNG.random(300) < 0.2)


def test_every_pair_is_counted_and_tested_exactly():
    from scipy.stats import false_discovery_control, hypergeom

    rules = negative_rules(MATRIX, min_count=20, max_antecedent=2, alpha=1.0)
    n, expected = len(MATRIX), {}
    for size in (1, 2):
        for held in combinations(range(6), size):
            holders = MATRIX[:, list(held)].all(axis=1)
            if holders.sum() < 20:
                continue
            for item in set(range(6)) - set(held):
                both = (holders & MATRIX[:, item]).sum()
                p = hypergeom.cdf(both, n, MATRIX[:, item].sum(), holders.sum())
                expected[held, item] = (holders.sum() - both, holders.sum(), n - MATRIX[:, item].sum(), p)
    found = dict(
        zip(
            zip(rules.antecedents, rules.absent, strict=True),
            zip(rules.count, rules.antecedent_count, rules.absent_count, rules.p_value, strict=True),
            strict=True,
        )
    )
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert tuple(found[key]) == pytest.approx(row, rel=1e-10)
    assert rules.n_searched == len(expected)
    adjusted = false_discovery_control([row[3] for row in found.values()])
    assert rules.p_adjusted.tolist() == pytest.approx(adjusted.tolist(), rel=1e-10)
    assert np.all(np.diff(rules.p_value) >= 0)


def test_the_planted_pair_is_found_and_said_in_words():
    rules = negative_rules(MATRIX, min_count=20, alpha=0.001)
    assert {(rules.antecedents[i], rules.absent[i]) for i in range(len(rules))} == {((0,), 1), ((1,), 0)}
    assert "are without" in rules.explain(0)
    assert rules.confidence[0] == rules.count[0] / rules.antecedent_count[0]
    assert rules.lift[0] == pytest.approx(rules.confidence[0] * 300 / rules.absent_count[0])
    assert rules.to_frame()["count"].tolist() == rules.count.tolist()
    assert len(negative_rules(MATRIX, min_count=20, min_confidence=0.99)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_count": 2, "alpha": 0}, "alpha must be > 0"),
        ({"min_count": 2, "max_antecedent": 0}, "max_antecedent must be >= 1"),
        ({}, "give one of min_support"),
    ],
)
def test_bad_input_is_refused_in_words(options, message):
    with pytest.raises(InputError, match=message):
        negative_rules(MATRIX, **options)


def test_fractional_weights_are_refused():
    from custval.assoc import Baskets

    with pytest.raises(InputError, match="counts customers"):
        negative_rules(Baskets.from_lists([{1}, {2}], sample_weight=[0.5, 1]), min_count=1)
