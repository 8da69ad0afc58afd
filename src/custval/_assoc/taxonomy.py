"""Items and their families: baskets that hold the families too, and the pairs that say the same thing twice.

With service -> family as a taxonomy, a rule may join a service to a whole family ("anything for sport"). A set that
holds a service together with a family above it counts what the service alone counts, so such sets are not searched.

References: Srikant & Agrawal (1995), Mining generalized association rules, algorithm Cumulate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from custval._assoc.baskets import Baskets, from_pairs
from custval._assoc.bits import distinct
from custval._assoc.coding import code_labels
from custval._core.errors import InputError
from custval._core.typing import IntArray

__all__ = ("Taxonomy", "ancestors", "ancestry_pairs", "with_families")

Taxonomy: TypeAlias = Mapping[Any, Any]  # item -> its family, or a list of families; families may have families


def ancestors(taxonomy: Taxonomy) -> dict[Any, set[Any]]:
    """Return every family above each label of `taxonomy`, or refuse a cycle by showing it."""
    if not isinstance(taxonomy, Mapping):
        raise InputError(
            f"taxonomy must map each item to its family, as in {{'sport': 'tv'}}, not be a {_kind(taxonomy)}"
        )
    parents = {label: _parents(above) for label, above in taxonomy.items()}
    found: dict[Any, set[Any]] = {}
    for label in parents:
        _climb(label, parents, found, ())
    return found


def _climb(label: Any, parents: dict[Any, list[Any]], found: dict[Any, set[Any]], below: tuple[Any, ...]) -> set[Any]:
    if label in below:
        circle = (*below[below.index(label) :], label)
        raise InputError(f"taxonomy runs in a circle: {' -> '.join(map(str, circle))}; no family lies below itself")
    if label not in found:
        above = parents.get(label, [])
        reached = [_climb(family, parents, found, (*below, label)) for family in above]
        found[label] = set(above).union(*reached)
    return found[label]


def _parents(above: Any) -> list[Any]:
    if isinstance(above, (str, bytes)) or not isinstance(above, Iterable):
        return [above]
    return list(above)


def _kind(value: Any) -> str:
    return type(value).__name__


def with_families(baskets: Baskets, above: Mapping[Any, set[Any]]) -> Baskets:
    """Return `baskets` in which whoever holds an item holds its families too; customers stay as many."""
    held = [label for label in baskets.items if above.get(label)]
    families = {family for label in held for family in above[label]} - set(baskets.items)
    labels = [*baskets.items, *families]
    order, items = code_labels(labels, np.arange(len(labels)))
    place = dict(zip(labels, order.tolist(), strict=True))
    owner = np.repeat(np.arange(len(baskets)), np.diff(baskets.offsets))
    owners, codes = [owner], [order[baskets.members]]
    for label in held:
        at = owner[baskets.members == baskets.items.index(label)]
        for family in above[label]:
            owners.append(at)
            codes.append(np.full(len(at), place[family], dtype=np.int64))
    key = distinct(np.concatenate(owners) * len(items) + np.concatenate(codes))
    return from_pairs(items, key // len(items), key % len(items), baskets.counts)


def ancestry_pairs(items: tuple[Any, ...], above: Mapping[Any, set[Any]]) -> IntArray:
    """Return the positions in `items` of each (item, family above it), shape (pairs, 2)."""
    place = {label: position for position, label in enumerate(items)}
    pairs = [(place[label], place[family]) for label in items for family in above.get(label, ()) if family in place]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
