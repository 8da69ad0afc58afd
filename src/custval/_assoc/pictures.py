"""Rules as data for pictures: a graph of items and rules, and a matrix of grouped antecedents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._assoc.rules import RuleSet
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import FloatArray, IntArray
from custval._core.validation import check_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("GroupedMatrix", "RuleGraph", "grouped_matrix", "rule_graph")


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class RuleGraph(Result):
    """Rules as a graph: items and rules are nodes, an edge leads from each item of an antecedent to the rule, and on.

    Attributes
    ----------
    items : tuple
        Items that some rule names: nodes 0..m-1.
    support, lift : ndarray of float64, shape (rules,)
        Of each rule: nodes m..m+rules-1.
    source, target : ndarray of int64, shape (edges,)
        Nodes at the ends of each edge.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets, rule_graph
    >>> rules = association_rules(frequent_itemsets([{"sim", "tv"}, {"sim"}], min_count=1))
    >>> graph = rule_graph(rules)
    >>> graph.items, graph.source.tolist(), graph.target.tolist()
    (('sim', 'tv'), [1, 0, 2, 3], [2, 3, 0, 1])
    """

    items: tuple[Any, ...]
    support: FloatArray
    lift: FloatArray
    source: IntArray
    target: IntArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each edge.

        Returns
        -------
        pandas.DataFrame
            Columns source, target: items by name, rules as "rule 0", "rule 1", ...

        Examples
        --------
        >>> from custval.assoc import association_rules, frequent_itemsets, rule_graph
        >>> rules = association_rules(frequent_itemsets([{"sim", "tv"}, {"sim"}], min_count=1))
        >>> rule_graph(rules).to_frame().values.tolist()[0]
        ['tv', 'rule 0']
        """
        import pandas as pd

        names = [*map(str, self.items), *(f"rule {j}" for j in range(len(self.lift)))]
        return pd.DataFrame({"source": [names[j] for j in self.source], "target": [names[j] for j in self.target]})


@public("assoc")
def rule_graph(rules: RuleSet) -> RuleGraph:
    """Return rules as a graph, for a drawing or a graph library.

    Parameters
    ----------
    rules : RuleSet
        The rules; some dozens make a readable picture.

    Returns
    -------
    RuleGraph
        Nodes and edges.

    References
    ----------
    Hahsler (2017), arulesViz: interactive visualization of association rules with R.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets, rule_graph
    >>> rules = association_rules(frequent_itemsets([{"sim", "tv"}, {"sim"}], min_count=1))
    >>> len(rule_graph(rules).source)
    4
    """
    sides = [*rules.antecedents, *rules.consequents]
    items = tuple(label for label in rules.items if any(label in side for side in sides))
    place = {label: position for position, label in enumerate(items)}
    first = [(place[label], len(items) + j) for j, side in enumerate(rules.antecedents) for label in side]
    second = [(len(items) + j, place[label]) for j, side in enumerate(rules.consequents) for label in side]
    edges = np.array([*first, *second], dtype=np.int64).reshape(-1, 2)
    return RuleGraph(items, rules.support, rules.lift, frozen(edges[:, 0]), frozen(edges[:, 1]))


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class GroupedMatrix(Result):
    """Rules with alike antecedents grouped: one column for each group, one row for each consequent.

    Attributes
    ----------
    consequents : tuple of tuples
        Rows, highest mean lift first.
    groups : tuple of tuples of tuples
        The antecedents of each column, most striking column first.
    lift, support : ndarray of float64, shape (consequents, groups)
        Mean lift and largest support of the rules of a cell; 1 and 0 where there is no rule.
    count : ndarray of int64, shape (consequents, groups)
        Rules in a cell.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets, grouped_matrix
    >>> held = [{"sport", "box"}] * 5 + [{"kids", "watch"}] * 5
    >>> matrix = grouped_matrix(association_rules(frequent_itemsets(held, min_count=2)), groups=2)
    >>> matrix.count.sum(), matrix.lift.shape
    (np.int64(4), (4, 2))
    """

    consequents: tuple[tuple[Any, ...], ...]
    groups: tuple[tuple[tuple[Any, ...], ...], ...]
    lift: FloatArray
    support: FloatArray
    count: IntArray


@public("assoc")
def grouped_matrix(rules: RuleSet, *, groups: int = 10) -> GroupedMatrix:
    """Group antecedents that lift the same consequents, so that thousands of rules fit into one picture.

    Parameters
    ----------
    rules : RuleSet
        The rules.
    groups : int
        Columns at most, >= 1.

    Returns
    -------
    GroupedMatrix
        Lift, support and number of rules by consequent and group.

    Raises
    ------
    InputError
        No rule, or `groups` below 1.

    References
    ----------
    Hahsler & Karpienko (2017), Visualizing association rules in hierarchical groups.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets, grouped_matrix
    >>> held = [{"sport", "box"}] * 5 + [{"kids", "watch"}] * 5
    >>> matrix = grouped_matrix(association_rules(frequent_itemsets(held, min_count=2)), groups=2)
    >>> sorted(len(group) for group in matrix.groups)
    [1, 3]
    """
    size = check_whole(groups, "groups", low=1)
    if not len(rules):
        raise InputError("there are no rules to group; lower min_support or min_confidence")
    left = {side: j for j, side in enumerate(dict.fromkeys(rules.antecedents))}
    right = {side: j for j, side in enumerate(dict.fromkeys(rules.consequents))}
    row = np.array([right[side] for side in rules.consequents], dtype=np.int64)
    column = np.array([left[side] for side in rules.antecedents], dtype=np.int64)
    matrix = np.ones((len(right), len(left)))
    matrix[row, column] = rules.lift
    member = _alike(matrix, min(size, len(left)))
    return _cells(rules, (list(right), list(left)), (row, column), member)


def _alike(matrix: FloatArray, groups: int) -> IntArray:
    """Return a group for each column by k-means on the lifts, started from the columns farthest from each other."""
    # which consequents are lifted decides, not by how much: directions of the log lifts
    points = np.log(np.maximum(matrix, 1e-3)).T
    points = points / np.maximum(np.sqrt((points**2).sum(axis=1, keepdims=True)), 1e-300)
    chosen = [int(np.argmax(points.sum(axis=1)))]
    distance = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < groups:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    centres = points[chosen]
    member = np.full(len(points), -1)
    for _ in range(100):
        nearest = np.array([int(np.argmin(((centres - point) ** 2).sum(axis=1))) for point in points])
        if np.array_equal(nearest, member):
            break
        member = nearest
        for group in np.unique(member).tolist():
            centres[group] = points[member == group].mean(axis=0)
    return np.asarray(member, dtype=np.int64)


def _cells(
    rules: RuleSet,
    sides: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]],
    place: tuple[IntArray, IntArray],
    member: IntArray,
) -> GroupedMatrix:
    (right, left), (row, column) = sides, place
    used, number = np.unique(member, return_inverse=True)
    group = number[column]
    shape = (len(right), len(used))
    count, total, support = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape)
    np.add.at(count, (row, group), 1)
    np.add.at(total, (row, group), rules.lift)
    np.maximum.at(support, (row, group), rules.support)
    lift = np.where(count > 0, total / np.maximum(count, 1), 1.0)
    rows, columns = np.argsort(-lift.mean(axis=1), kind="stable"), np.argsort(-lift.mean(axis=0), kind="stable")
    names = tuple(
        tuple(side for side, g in zip(left, number.tolist(), strict=True) if g == j) for j in columns.tolist()
    )
    chosen = np.ix_(rows, columns)
    cells = frozen(lift[chosen]), frozen(support[chosen])
    return GroupedMatrix(tuple(right[j] for j in rows.tolist()), names, cells[0], cells[1], frozen(count[chosen]))
