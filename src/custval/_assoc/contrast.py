"""What holds in one segment and not in the others? Rules counted in each, with an exact test of the difference.

A rule differs between segments if, among the holders of its antecedent, those of one segment hold the consequent more
(or less) often than those of the rest: Fisher's exact test of that two by two table, two-sided (twice the smaller
tail), Bonferroni over the segments, then corrected over all rules that were looked at.

References: Bay & Pazzani (2001), Detecting group differences: mining contrast sets; Dong & Li (1999), Efficient mining
of emerging patterns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._assoc.baskets import Baskets, as_baskets
from custval._assoc.bits import CountArray
from custval._assoc.coding import code_labels
from custval._assoc.counting import counts_of_members
from custval._assoc.fisher import ADJUSTMENTS, adjusted_p, fisher_tails
from custval._assoc.frequent import frequent_itemsets
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._core.validation import check_choice, check_scalar, check_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("ContrastRules", "contrast_rules")


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class ContrastRules(Result):
    """Rules counted in every segment; with an empty antecedent, sets whose support differs.

    Attributes
    ----------
    segments : tuple
        Names of the S segments.
    n : ndarray of int64, shape (S,)
        Customers of each segment.
    antecedents, consequents : tuple of tuples
        Items of each rule.
    antecedent_count, consequent_count, count : ndarray of int64, shape (k, S)
        Holders of the antecedent, of the consequent and of both in each segment.
    p_by_segment : ndarray of float64, shape (k, S)
        Two-sided Fisher p-value of each segment against the rest.
    p_value, p_adjusted : ndarray of float64, shape (k,)
        Smallest p-value of a segment after Bonferroni over the segments; then corrected over all rules looked at.
    n_searched : int
        Rules looked at.

    Examples
    --------
    >>> from custval.assoc import contrast_rules
    >>> young = [{"music", "video"}] * 30 + [{"music"}] * 10 + [{"video"}] * 10
    >>> old = [{"music", "video"}] * 5 + [{"music"}] * 25 + [{"video"}] * 20
    >>> rules = contrast_rules({"young": young, "old": old}, min_support=0.05)
    >>> rules.antecedents[0], rules.consequents[0], rules.confidence[0].round(2).tolist()
    (('music',), ('video',), [0.75, 0.17])
    """

    segments: tuple[Any, ...]
    n: IntArray
    antecedents: tuple[tuple[Any, ...], ...]
    consequents: tuple[tuple[Any, ...], ...]
    antecedent_count: CountArray
    consequent_count: CountArray
    count: CountArray
    p_by_segment: FloatArray
    p_value: FloatArray
    p_adjusted: FloatArray
    n_searched: int

    def __len__(self) -> int:
        """Return the number of rules."""
        return len(self.p_value)

    @property
    def support(self) -> FloatArray:
        """Share of each segment's customers who hold both sides, shape (k, S)."""
        return frozen(self.count / self.n)

    @property
    def confidence(self) -> FloatArray:
        """Share of the antecedent's holders in each segment who hold the consequent, (k, S); 0 without holders."""
        return frozen(self.count / np.maximum(self.antecedent_count, 1))

    @property
    def lift(self) -> FloatArray:
        """Confidence over the consequent's share of the same segment, shape (k, S); 1 where nobody holds a side."""
        expected = self.antecedent_count * (self.consequent_count / self.n)
        return frozen(np.where(expected > 0, self.count / np.maximum(expected, 1e-300), 1.0))

    @property
    def difference(self) -> FloatArray:
        """Confidence in each segment less that in the rest, shape (k, S)."""
        rest = self.count.sum(axis=1, keepdims=True) - self.count
        holders = self.antecedent_count.sum(axis=1, keepdims=True) - self.antecedent_count
        return frozen(self.confidence - rest / np.maximum(holders, 1))

    def __getitem__(self, index: slice | IntArray | BoolArray) -> ContrastRules:
        """Return the chosen rules as a smaller result."""
        places = np.arange(len(self))[index].tolist()
        arrays = ("antecedent_count", "consequent_count", "count", "p_by_segment", "p_value", "p_adjusted")
        chosen: dict[str, Any] = {name: frozen(getattr(self, name)[places]) for name in arrays}
        sides: dict[str, Any] = {
            name: tuple(getattr(self, name)[i] for i in places) for name in ("antecedents", "consequents")
        }
        return replace(self, **chosen, **sides)

    def explain(self, index: int) -> str:
        """Return rule `index` as a sentence about the segment that differs most surely.

        Parameters
        ----------
        index : int
            Position of the rule.

        Returns
        -------
        str
            The share in that segment and in the rest, and how surely they differ.

        Examples
        --------
        >>> from custval.assoc import contrast_rules
        >>> rules = contrast_rules({"a": [{"x"}] * 30, "b": [{"y"}] * 30}, min_support=0.1, sets=True)
        >>> rules.explain(0).split(";")[0]
        'In a, 30 of 30 customers (100.0 %) hold x'
        """
        s = int(np.argmin(self.p_by_segment[index]))
        holders, both = self.antecedent_count[index], self.count[index]
        rest, rest_both = holders.sum() - holders[s], both.sum() - both[s]
        who = f"customers with {_listing(self.antecedents[index])}" if self.antecedents[index] else "customers"
        verb = "also hold" if self.antecedents[index] else "hold"
        return (
            f"In {self.segments[s]}, {both[s]:,} of {holders[s]:,} {who} ({100 * both[s] / max(holders[s], 1):.1f} %) "
            f"{verb} {_listing(self.consequents[index])}; elsewhere {rest_both:,} of {rest:,} "
            f"({100 * rest_both / max(rest, 1):.1f} %). By chance alone: p = {self.p_value[index]:.3g}, "
            f"{self.p_adjusted[index]:.3g} after {self.n_searched:,} rules."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each rule and segment.

        Returns
        -------
        pandas.DataFrame
            Columns antecedent, consequent, segment, n, antecedent_count, count, support, confidence, lift, difference,
            p_segment, p_value, p_adjusted.

        Examples
        --------
        >>> from custval.assoc import contrast_rules
        >>> rules = contrast_rules({"a": [{"x"}] * 30, "b": [{"y"}] * 30}, min_support=0.1, sets=True)
        >>> rules.to_frame()["segment"].tolist()
        ['a', 'b', 'a', 'b']
        """
        import pandas as pd

        size = len(self.segments)
        repeated = {
            "antecedent": [side for side in self.antecedents for _ in range(size)],
            "consequent": [side for side in self.consequents for _ in range(size)],
        }
        flat = {
            name: getattr(self, name).ravel()
            for name in ("antecedent_count", "count", "support", "confidence", "lift", "difference")
        }
        return pd.DataFrame(
            {
                **{name: pd.Series(held, dtype=object) for name, held in repeated.items()},
                "segment": list(self.segments) * len(self),
                "n": np.tile(self.n, len(self)),
                **flat,
                "p_segment": self.p_by_segment.ravel(),
                "p_value": np.repeat(self.p_value, size),
                "p_adjusted": np.repeat(self.p_adjusted, size),
            }
        )


@public("assoc")
def contrast_rules(
    segments: Mapping[Any, Any],
    *,
    min_support: float | None = None,
    min_count: float | None = None,
    max_length: int = 3,
    sets: bool = False,
    alpha: float = 0.05,
    method: str = "bh",
) -> ContrastRules:
    """Find the rules (or sets) that hold in one segment and not, or less, in the others.

    Parameters
    ----------
    segments : mapping of name to Baskets or what makes them
        The base split into two segments or more: quadrants, tiers, churners and stayers.
    min_support : float
        A set is looked at if this share of any one segment holds it, in (0, 1]. Give this or `min_count`.
    min_count : float
        The same in customers of that segment.
    max_length : int
        Most items in a rule, both sides together, >= 1 (>= 2 for rules).
    sets : bool
        Look at the support of sets instead of the confidence of rules: contrast sets, emerging patterns.
    alpha : float
        Level, in (0, 1]; 1 keeps everything.
    method : {"bh", "by", "holm", "bonferroni"}
        The correction over the rules looked at.

    Returns
    -------
    ContrastRules
        The rules that pass, smallest p-value first.

    Raises
    ------
    InputError
        Fewer than two segments, case weights that are not whole numbers, what ``frequent_itemsets`` refuses.

    References
    ----------
    Bay & Pazzani (2001), Detecting group differences: mining contrast sets.

    Examples
    --------
    >>> from custval.assoc import contrast_rules
    >>> leavers = [{"prepaid", "boost"}] * 25 + [{"prepaid"}] * 5
    >>> stayers = [{"prepaid", "boost"}] * 10 + [{"prepaid"}] * 30
    >>> rules = contrast_rules({"leavers": leavers, "stayers": stayers}, min_support=0.1)
    >>> print(rules.explain(0).split(";")[0])
    In leavers, 25 of 30 customers with prepaid (83.3 %) also hold boost
    """
    level = check_scalar(alpha, "alpha", low=0.0, high=1.0, low_open=True)
    longest = check_whole(max_length, "max_length", low=1 if sets else 2)
    check_choice(method, "method", ADJUSTMENTS[:-1])
    bases = _bases(segments)
    labels, members = _candidates(bases, min_support, min_count, longest)
    splits = list(_splits(members, sets=sets))
    if not splits:
        raise InputError("no set reaches the threshold in any segment; lower min_support")
    columns = [_counted(bases, labels, whole, right, sets=sets) for whole, right in splits]
    left, right, both = (np.concatenate([column[j] for column in columns]) for j in range(3))
    p_segment = _segment_p(left, both)
    tests = len(bases) if len(bases) > 2 else 1
    p = np.minimum(1.0, p_segment.min(axis=1) * tests)
    names = [_names(labels, whole, right_at, sets=sets) for whole, right_at in splits]
    found = ContrastRules(
        segments=tuple(segments),
        n=frozen(np.array([base.n for base in bases.values()], dtype=np.int64)),
        antecedents=tuple(side for one, _ in names for side in one),
        consequents=tuple(side for _, two in names for side in two),
        antecedent_count=frozen(left),
        consequent_count=frozen(right),
        count=frozen(both),
        p_by_segment=frozen(p_segment),
        p_value=frozen(p),
        p_adjusted=frozen(adjusted_p(p, method)),
        n_searched=len(p),
    )
    order = np.argsort(p, kind="stable")
    return found[order[found.p_adjusted[order] <= level]]


def _bases(segments: Mapping[Any, Any]) -> dict[Any, Baskets]:
    if not isinstance(segments, Mapping) or len(segments) < 2:
        raise InputError("segments must map two or more names to baskets, as in {'churners': ..., 'stayers': ...}")
    bases = {name: as_baskets(held) for name, held in segments.items()}
    for name, base in bases.items():
        if base.counts.dtype.kind != "i":
            raise InputError(f"the test counts customers, but segment {name!r} has weights that are not whole numbers")
    return bases


def _candidates(
    bases: dict[Any, Baskets], min_support: float | None, min_count: float | None, longest: int
) -> tuple[tuple[Any, ...], dict[int, IntArray]]:
    """Return the labels of all segments and, by length, the sets that are frequent in any one of them."""
    known = [label for base in bases.values() for label in base.items]
    _, labels = code_labels(known, np.zeros(len(known), dtype=np.int64))
    place = {label: position for position, label in enumerate(labels)}
    rows: dict[int, list[IntArray]] = {}
    for base in bases.values():
        if not base.item_counts.size or base.item_counts.max() < (min_count or min_support * base.n):  # type: ignore[operator]
            continue
        found = frequent_itemsets(base, min_support=min_support, min_count=min_count, max_length=longest)
        code = np.array([place[label] for label in base.items], dtype=np.int64)
        for length, where in found.tree.by_length(found.selected):
            members = np.sort(code[found.tree.members(found.selected[where], length)], axis=1)
            rows.setdefault(length, []).append(members)
    return labels, {length: np.unique(np.concatenate(parts), axis=0) for length, parts in sorted(rows.items())}


def _splits(members: dict[int, IntArray], *, sets: bool) -> list[tuple[IntArray, int]]:
    """Return the sets of each length with the place of the consequent (-1: the whole set)."""
    if sets:
        return [(rows, -1) for rows in members.values()]
    return [(rows, j) for length, rows in members.items() if length > 1 for j in range(length)]


def _counted(
    bases: dict[Any, Baskets], labels: tuple[Any, ...], whole: IntArray, place: int, *, sets: bool
) -> tuple[CountArray, CountArray, CountArray]:
    """Return the holders of antecedent, consequent and both in each segment, each (rules, S)."""
    parts = []
    for base in bases.values():
        both = counts_of_members(whole, labels, base)
        if sets:
            parts.append((np.full(len(whole), int(base.n)), both, both))
            continue
        left = counts_of_members(np.delete(whole, place, axis=1), labels, base)
        parts.append((left, counts_of_members(whole[:, place : place + 1], labels, base), both))
    columns = [np.column_stack([part[j] for part in parts]) for j in range(3)]
    return columns[0], columns[1], columns[2]


def _segment_p(holders: CountArray, both: CountArray) -> FloatArray:
    """Return the two-sided p-value of each segment against the rest among the antecedent's holders."""
    p = np.ones(both.shape)
    total, all_both = holders.sum(axis=1), both.sum(axis=1)
    for s in range(both.shape[1]):
        upper, _ = fisher_tails(total, holders[:, s], all_both, both[:, s])
        _, lower = fisher_tails(total, holders[:, s], all_both, both[:, s] + 1)
        p[:, s] = np.minimum(1.0, 2 * np.minimum(upper, lower))
    return p


def _names(
    labels: tuple[Any, ...], whole: IntArray, place: int, *, sets: bool
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    held = [tuple(labels[position] for position in row) for row in whole.tolist()]
    if sets:
        return [()] * len(held), held
    return [row[:place] + row[place + 1 :] for row in held], [(row[place],) for row in held]


def _listing(items: tuple[Any, ...]) -> str:
    return " and ".join(str(item) for item in items)
