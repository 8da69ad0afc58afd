"""How strong is a rule? Every measure as a function of four counts.

For a rule "who holds A also holds B": n customers, a holders of A, b holders of B, ab holders of both. Definitions
are those of the surveys by Tan, Kumar & Srivastava (2004) and Geng & Hamilton (2006); where a denominator vanishes the
limit is taken (conviction, odds ratio, relative risk and Sebag's measure reach inf), and where A or B is held by
everybody or the limit does not exist the value of independence is returned: nothing is nan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from custval._core.typing import FloatArray

__all__ = ("MEASURES", "Table")


@dataclass(frozen=True, slots=True)
class Table:
    """The 2 x 2 tables of many rules: customers in all, holders of A, of B, of both (floats, shape (rules,))."""

    n: float
    a: FloatArray
    b: FloatArray
    ab: FloatArray

    @property
    def a_only(self) -> FloatArray:
        """Holders of A without B."""
        return self.a - self.ab

    @property
    def b_only(self) -> FloatArray:
        """Holders of B without A."""
        return self.b - self.ab

    @property
    def neither(self) -> FloatArray:
        """Holders of neither."""
        return self.n - self.a - self.b + self.ab

    @property
    def p_b(self) -> FloatArray:
        """Share of all customers who hold B."""
        return self.b / self.n

    @property
    def expected(self) -> FloatArray:
        """Holders of both to be expected if A and B had nothing to do with each other."""
        return self.a * self.b / self.n


def _ratio(top: FloatArray, bottom: FloatArray, otherwise: float) -> FloatArray:
    """Divide; x/0 is an infinity and 0/0 is `otherwise`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.divide(top, bottom)
    return np.where((top == 0) & (bottom == 0), otherwise, value)


def _x_log_ratio(x: FloatArray, top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Return x log(top / bottom), which is 0 at x = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = x * np.log(top / bottom)
    return np.where(x == 0, 0.0, value)


def _support(t: Table) -> FloatArray:
    return t.ab / t.n


def _confidence(t: Table) -> FloatArray:
    return _ratio(t.ab, t.a, 0.0)


def _lift(t: Table) -> FloatArray:
    return _ratio(t.ab * t.n, t.a * t.b, 1.0)


def _added_value(t: Table) -> FloatArray:
    return _confidence(t) - t.p_b


def _leverage(t: Table) -> FloatArray:
    return (t.ab - t.expected) / t.n


def _conviction(t: Table) -> FloatArray:
    return _ratio(t.a * (t.n - t.b), t.n * t.a_only, 1.0)


def _cosine(t: Table) -> FloatArray:
    return _ratio(t.ab, np.sqrt(t.a * t.b), 0.0)


def _jaccard(t: Table) -> FloatArray:
    return _ratio(t.ab, t.a + t.b - t.ab, 0.0)


def _kulczynski(t: Table) -> FloatArray:
    return (_confidence(t) + _ratio(t.ab, t.b, 0.0)) / 2


def _max_confidence(t: Table) -> FloatArray:
    return np.maximum(_confidence(t), _ratio(t.ab, t.b, 0.0))


def _all_confidence(t: Table) -> FloatArray:
    return np.minimum(_confidence(t), _ratio(t.ab, t.b, 0.0))


def _imbalance(t: Table) -> FloatArray:
    return _ratio(np.abs(t.a - t.b), t.a + t.b - t.ab, 0.0)


def _certainty(t: Table) -> FloatArray:
    gain = _added_value(t)
    return _ratio(gain, np.where(gain > 0, 1 - t.p_b, t.p_b), 0.0)


def _odds_ratio(t: Table) -> FloatArray:
    return _ratio(t.ab * t.neither, t.a_only * t.b_only, 1.0)


def _phi(t: Table) -> FloatArray:
    # the root of each factor apart: their product overflows no double, but loses digits
    return _ratio(t.ab * t.n - t.a * t.b, np.sqrt(t.a * t.b) * np.sqrt((t.n - t.a) * (t.n - t.b)), 0.0)


def _chi_squared(t: Table) -> FloatArray:
    return t.n * _phi(t) ** 2


def _j_measure(t: Table) -> FloatArray:
    confidence = _confidence(t)
    miss = _x_log_ratio(t.a_only / t.n, 1 - confidence, 1 - t.p_b)
    return _x_log_ratio(t.ab / t.n, confidence, t.p_b) + miss


def _without(t: Table) -> FloatArray:
    """Share of holders of B among those without A; the overall share where nobody is without."""
    return np.where(t.n == t.a, t.p_b, _ratio(t.b_only, t.n - t.a, 0.0))


def _gini(t: Table) -> FloatArray:
    confidence, without = _confidence(t), _without(t)
    inside = t.a / t.n * (confidence**2 + (1 - confidence) ** 2)
    outside = (1 - t.a / t.n) * (without**2 + (1 - without) ** 2)
    return inside + outside - t.p_b**2 - (1 - t.p_b) ** 2


def _kappa(t: Table) -> FloatArray:
    chance = t.a * t.b + (t.n - t.a) * (t.n - t.b)
    return _ratio((t.ab + t.neither) * t.n - chance, t.n**2 - chance, 0.0)


def _laplace(t: Table) -> FloatArray:
    return (t.ab + 1) / (t.a + 2)


def _difference(t: Table) -> FloatArray:
    return np.where(t.n == t.a, 0.0, _confidence(t) - _without(t))


def _relative_risk(t: Table) -> FloatArray:
    return _ratio(_confidence(t), _without(t), 1.0)


def _sebag(t: Table) -> FloatArray:
    return _ratio(t.ab, t.a_only, 0.0)


def _varying_liaison(t: Table) -> FloatArray:
    return _lift(t) - 1


def _rule_power_factor(t: Table) -> FloatArray:
    return _support(t) * _confidence(t)


def _counterexample(t: Table) -> FloatArray:
    return _ratio(t.ab - t.a_only, t.ab, 0.0)


def _confirmed_confidence(t: Table) -> FloatArray:
    return 2 * _confidence(t) - 1


def _lerman(t: Table) -> FloatArray:
    return _ratio(t.ab - t.expected, np.sqrt(t.expected), 0.0)


def _implication_index(t: Table) -> FloatArray:
    expected = t.a * (t.n - t.b) / t.n
    return _ratio(t.a_only - expected, np.sqrt(expected), 0.0)


def _counter_support(t: Table) -> FloatArray:
    return t.a_only / t.n


def _yule_q(t: Table) -> FloatArray:
    agree, differ = t.ab * t.neither, t.a_only * t.b_only
    return _ratio(agree - differ, agree + differ, 0.0)


def _yule_y(t: Table) -> FloatArray:
    agree, differ = np.sqrt(t.ab * t.neither), np.sqrt(t.a_only * t.b_only)
    return _ratio(agree - differ, agree + differ, 0.0)


def _goodman_kruskal(t: Table) -> FloatArray:
    best = np.maximum(t.b, t.n - t.b)
    known = np.maximum(t.ab, t.a_only) + np.maximum(t.b_only, t.neither)
    return _ratio(known - best, t.n - best, 0.0)


def _entropy(part: FloatArray, n: float) -> FloatArray:
    share = part / n
    one = np.ones_like(share)
    return -_x_log_ratio(share, share, one) - _x_log_ratio(1 - share, 1 - share, one)


def _mutual_information(t: Table) -> FloatArray:
    cells = (
        (t.ab, t.a, t.b),
        (t.a_only, t.a, t.n - t.b),
        (t.b_only, t.n - t.a, t.b),
        (t.neither, t.n - t.a, t.n - t.b),
    )
    shared = sum((_x_log_ratio(c / t.n, c * t.n, r * s) for c, r, s in cells), start=np.zeros_like(t.ab))
    return _ratio(shared, np.minimum(_entropy(t.a, t.n), _entropy(t.b, t.n)), 0.0)


def _importance(t: Table) -> FloatArray:
    return np.log10(_laplace(t) * (t.n - t.a + 2) / (t.b_only + 1))


def _zhang(t: Table) -> FloatArray:
    top = t.ab * t.n - t.a * t.b
    return _ratio(top, np.maximum(t.ab * (t.n - t.a), t.a * t.b_only), 0.0)


def _least_contradiction(t: Table) -> FloatArray:
    return _ratio(t.ab - t.a_only, t.b, 0.0)


def _collective_strength(t: Table) -> FloatArray:
    agree, chance = (t.ab + t.neither) / t.n, (t.a * t.b + (t.n - t.a) * (t.n - t.b)) / t.n**2
    return _ratio(agree * (1 - chance), chance * (1 - agree), 1.0)


def _causal_confidence(t: Table) -> FloatArray:
    missing = np.where(t.n == t.b, 1.0, _ratio(t.neither, t.n - t.b, 0.0))
    return (_confidence(t) + missing) / 2


def _causal_support(t: Table) -> FloatArray:
    return (t.ab + t.neither) / t.n


def _coverage(t: Table) -> FloatArray:
    return t.a / t.n


def _consequent_support(t: Table) -> FloatArray:
    return t.p_b


def _count(t: Table) -> FloatArray:
    return t.ab


MEASURES: Mapping[str, Callable[[Table], FloatArray]] = MappingProxyType(
    {
        "count": _count,
        "support": _support,
        "confidence": _confidence,
        "lift": _lift,
        "leverage": _leverage,
        "conviction": _conviction,
        "coverage": _coverage,
        "consequent_support": _consequent_support,
        "added_value": _added_value,
        "all_confidence": _all_confidence,
        "causal_confidence": _causal_confidence,
        "causal_support": _causal_support,
        "certainty": _certainty,
        "chi_squared": _chi_squared,
        "collective_strength": _collective_strength,
        "confirmed_confidence": _confirmed_confidence,
        "cosine": _cosine,
        "counter_support": _counter_support,
        "counterexample": _counterexample,
        "difference_of_confidence": _difference,
        "gini": _gini,
        "imbalance": _imbalance,
        "implication_index": _implication_index,
        "importance": _importance,
        "j_measure": _j_measure,
        "jaccard": _jaccard,
        "kappa": _kappa,
        "kulczynski": _kulczynski,
        "lambda": _goodman_kruskal,
        "laplace": _laplace,
        "least_contradiction": _least_contradiction,
        "lerman": _lerman,
        "max_confidence": _max_confidence,
        "mutual_information": _mutual_information,
        "odds_ratio": _odds_ratio,
        "phi": _phi,
        "relative_risk": _relative_risk,
        "rule_power_factor": _rule_power_factor,
        "sebag": _sebag,
        "varying_liaison": _varying_liaison,
        "yule_q": _yule_q,
        "yule_y": _yule_y,
        "zhang": _zhang,
    }
)
