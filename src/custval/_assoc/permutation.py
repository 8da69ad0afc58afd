"""Could the best of all these rules be chance? The permutation null, for all rules at once.

Each consequent is dealt out anew among the customers while everything else stays, which keeps every margin and all
that the antecedents have in common. With identical baskets merged a shuffle of customers is one draw from the
multivariate hypergeometric distribution. A rule counts as real if its p-value is below what the *smallest* p-value of
all rules reaches by chance: this pays for the search without assuming that rules are unrelated.

References: Westfall & Young (1993), Resampling-based multiple testing, step-down minP, algorithm 2.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._assoc.baskets import Baskets, as_baskets
from custval._assoc.fisher import fisher_tails
from custval._assoc.rules import RuleSet
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.progress import track
from custval._core.randomness import generator
from custval._core.results import Result, frozen
from custval._core.typing import FloatArray, IntArray, RandomState
from custval._core.validation import check_whole

__all__ = ("PermutationTest", "permutation_test")

_BLOCK = 50
_MOST_CELLS = 50_000_000


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class PermutationTest(Result):
    """P-values of rules against the permutation null.

    Attributes
    ----------
    p_value : ndarray of float64, shape (k,)
        Fisher's p-value of each rule.
    p_adjusted : ndarray of float64, shape (k,)
        Chance that the best of all rules does as well in permuted data (step-down), at least 1 / (permutations + 1).
    null_min_p : ndarray of float64, shape (permutations,)
        Smallest p-value of each permutation, rising.
    threshold : float
        P-value below which a rule passes at 5 %, for any rule of the search.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets, permutation_test
    >>> held = [{"mobile", "tv"}] * 30 + [{"mobile"}] * 10 + [{"cloud"}] * 20
    >>> rules = association_rules(frequent_itemsets(held, min_count=2))
    >>> test = permutation_test(rules, held, permutations=199, random_state=0)
    >>> test.p_adjusted.tolist()
    [0.005, 0.005]
    """

    p_value: FloatArray
    p_adjusted: FloatArray
    null_min_p: FloatArray
    threshold: float


@public("assoc")
def permutation_test(
    rules: RuleSet,
    baskets: Any,
    *,
    permutations: int = 999,
    random_state: RandomState = None,
    progress: bool = False,
) -> PermutationTest:
    """Say how often the best of these rules would look as good if consequents were dealt out at random.

    Parameters
    ----------
    rules : RuleSet
        The rules tried: choose them by support or length, not by their p-values.
    baskets : Baskets or what makes them
        The base on which they were counted.
    permutations : int
        Permutations, >= 1; the smallest p-value possible is 1 / (permutations + 1).
    random_state : int, Generator or None
        Seed.
    progress : bool
        Show a bar.

    Returns
    -------
    PermutationTest
        Adjusted p-values: the chance of any false rule stays below the level.

    Raises
    ------
    InputError
        Case weights that are not whole numbers, a base of another size, or too many rules for the memory.

    References
    ----------
    Westfall & Young (1993), Resampling-based multiple testing.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets, permutation_test
    >>> held = [{"tv", "voice"}, {"tv"}, {"voice"}, set()] * 20
    >>> rules = association_rules(frequent_itemsets(held, min_count=5))
    >>> bool(permutation_test(rules, held, permutations=99, random_state=1).p_adjusted.min() > 0.1)
    True
    """
    times = check_whole(permutations, "permutations", low=1)
    data = as_baskets(baskets)
    p = rules.p_value
    if data.n != rules.n:
        raise InputError(f"baskets hold {data.n:g} customers but the rules were counted on {rules.n:g}")
    if len(rules) * len(data) > 20 * _MOST_CELLS:
        raise InputError(
            f"{len(rules)} rules on {len(data)} distinct baskets are too many to permute; keep fewer with where(...)"
        )
    rng = generator(random_state)
    order = np.argsort(p, kind="stable")
    groups = _by_consequent(rules, data)
    null = np.empty((times, len(rules)))
    for start in track(range(0, times, _BLOCK), progress=progress, label="permutations"):
        size = min(_BLOCK, times - start)
        null[start : start + size] = _permuted(rng, rules, data, groups, size)
    # step-down: a rule competes with those that are no better than itself
    rising = np.minimum.accumulate(null[:, order][:, ::-1], axis=1)[:, ::-1]
    reached = (1 + (rising <= p[order] * (1 + 1e-12)).sum(axis=0)) / (times + 1)
    adjusted = np.empty(len(rules))
    adjusted[order] = np.maximum.accumulate(reached)
    lowest = np.sort(null.min(axis=1, initial=1.0))
    threshold = float(lowest[max(0, int(0.05 * (times + 1)) - 1)])
    return PermutationTest(p, frozen(adjusted), frozen(lowest), threshold)


def _by_consequent(rules: RuleSet, data: Baskets) -> list[tuple[IntArray, FloatArray]]:
    """Return for each consequent its rules and who of the distinct baskets holds their antecedents, (rules, u)."""
    held = _held(data, rules)
    nodes = rules.candidates.consequent[rules.selected]
    return [(np.flatnonzero(nodes == node), held[nodes == node]) for node in np.unique(nodes).tolist()]


def _held(data: Baskets, rules: RuleSet) -> FloatArray:
    matrix = np.zeros((len(data), len(data.items)), dtype=bool)
    matrix[np.repeat(np.arange(len(data)), np.diff(data.offsets)), data.members] = True
    place = {label: position for position, label in enumerate(data.items)}
    rows = [matrix[:, [place[item] for item in side]].all(axis=1) for side in rules.antecedents]
    return np.array(rows, dtype=np.float64).reshape(len(rules), len(data))


def _permuted(
    rng: np.random.Generator, rules: RuleSet, data: Baskets, groups: list[tuple[IntArray, FloatArray]], size: int
) -> FloatArray:
    """Return the p-values of all rules in `size` permutations, shape (size, rules)."""
    p = np.empty((size, len(rules)))
    one, two, n = rules.antecedent_count, rules.consequent_count, int(rules.n)
    for where, held in groups:
        dealt = rng.multivariate_hypergeometric(data.counts, int(two[where[0]]), size=size, method="marginals")
        both = np.rint(dealt.astype(np.float64) @ held.T).astype(np.int64)
        left, right = (np.broadcast_to(side[where], both.shape).ravel() for side in (one, two))
        p[:, where] = fisher_tails(n, left, right, both.ravel())[0].reshape(both.shape)
    return p
