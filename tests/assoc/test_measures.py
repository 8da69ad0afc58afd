"""Each measure from its textbook probability, and no nan anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from custval._assoc.measures import MEASURES, Table


def table(n, a, b, ab):
    return Table(float(n), *(np.array([v], dtype=float) for v in (a, b, ab)))


def textbook(n, a, b, ab):
    """Write the measures in probabilities, as the surveys print them."""
    A, B, AB = a / n, b / n, ab / n
    A_, AnB, BnA = 1 - A, A - AB, B - AB
    none = 1 - A - B + AB
    c = AB / A
    return {
        "support": AB,
        "confidence": c,
        "lift": AB / (A * B),
        "leverage": AB - A * B,
        "conviction": A * (1 - B) / AnB,
        "cosine": AB / np.sqrt(A * B),
        "jaccard": AB / (A + B - AB),
        "kulczynski": (AB / A + AB / B) / 2,
        "all_confidence": AB / max(A, B),
        "max_confidence": AB / min(A, B),
        "certainty": (c - B) / (1 - B) if c > B else (c - B) / B,
        "odds_ratio": AB * none / (AnB * BnA),
        "phi": (AB - A * B) / np.sqrt(A * B * A_ * (1 - B)),
        "chi_squared": n * (AB - A * B) ** 2 / (A * B * A_ * (1 - B)),
        "kappa": (AB + none - A * B - A_ * (1 - B)) / (1 - A * B - A_ * (1 - B)),
        "j_measure": AB * np.log(c / B) + AnB * np.log((1 - c) / (1 - B)),
        "zhang": (AB - A * B) / max(AB * (1 - A), A * (B - AB)),
        "relative_risk": c / (BnA / A_),
        "sebag": AB / AnB,
        "yule_q": (AB * none - AnB * BnA) / (AB * none + AnB * BnA),
        "collective_strength": (AB + none) / (A * B + A_ * (1 - B)) * (1 - A * B - A_ * (1 - B)) / (1 - AB - none),
        "least_contradiction": (AB - AnB) / B,
        "imbalance": abs(A - B) / (A + B - AB),
        "counter_support": AnB,
    }


@pytest.mark.parametrize("counts", [(100, 30, 40, 20), (100, 30, 40, 5), (1_000_000, 2000, 900, 850)])
def test_measures_against_their_printed_forms(counts):
    for name, expected in textbook(*counts).items():
        assert MEASURES[name](table(*counts))[0] == pytest.approx(expected, rel=1e-9), name


@pytest.mark.parametrize("name", MEASURES)
def test_no_table_gives_nan_and_no_warning(name):
    for n in (1, 4):
        for a in range(1, n + 1):
            for b in range(1, n + 1):
                for ab in range(max(0, a + b - n), min(a, b) + 1):
                    assert not np.isnan(MEASURES[name](table(n, a, b, ab))[0]), (n, a, b, ab)


def test_values_at_the_edge():
    sure, trivial = table(10, 4, 5, 4), table(10, 4, 10, 4)
    for name in ("conviction", "sebag", "odds_ratio"):
        assert MEASURES[name](sure)[0] == np.inf
    for name in ("lift", "conviction", "odds_ratio", "relative_risk", "collective_strength"):
        assert MEASURES[name](trivial)[0] == 1.0
    for name in ("phi", "kappa", "zhang", "leverage", "mutual_information", "yule_q"):
        assert MEASURES[name](trivial)[0] == 0.0


def test_there_are_at_least_thirty():
    assert len(MEASURES) >= 30
