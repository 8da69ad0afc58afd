"""What each single customer holds, row by row, as bits over known items: the form in which offers are scored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from custval._assoc.baskets import Baskets, checked_lists, matrix_pairs
from custval._assoc.bits import MaskArray
from custval._assoc.coding import code_column, plain
from custval._core.errors import InputError
from custval._core.frames import column, column_names, is_frame
from custval._core.typing import BoolArray, IntArray
from custval._core.validation import nearest

__all__ = ("Holdings", "held_matrix", "read_holdings")


class Holdings:
    """Rows of customers over `items`: ``held`` (n, m) booleans, ``customer`` (n,) their names or row numbers."""

    def __init__(self, held: BoolArray, customer: Any) -> None:
        self.held, self.customer = held, customer

    @property
    def words(self) -> MaskArray:
        """The same rows as bits, shape (n, words)."""
        return packed(self.held)


def packed(held: BoolArray) -> MaskArray:
    """Return rows of booleans as words of 64 bits, shape (n, words)."""
    width = max(1, -(-held.shape[1] // 64)) * 8
    raw = np.packbits(held, axis=1, bitorder="little")
    padded = np.zeros((len(held), width), dtype=np.uint8)
    padded[:, : raw.shape[1]] = raw
    return padded.view("<u8").astype(np.uint64)


def held_matrix(baskets: Baskets) -> BoolArray:
    """Return the distinct baskets as booleans, shape (u, m)."""
    held = np.zeros((len(baskets), len(baskets.items)), dtype=bool)
    held[np.repeat(np.arange(len(baskets)), np.diff(baskets.offsets)), baskets.members] = True
    return held


def read_holdings(customers: Any, items: tuple[Any, ...], *, ignore_unknown: bool) -> Holdings:
    """Read customers in any form, one row each, in the order given (long tables: of first appearance)."""
    if isinstance(customers, Baskets):
        labels, matrix = customers.items, held_matrix(customers)
        owner, code = np.nonzero(matrix)
        names: Any = np.arange(len(customers))
    elif is_frame(customers) and {"subscriber_id", "item"} <= set(column_names(customers)):
        names, owner = _first_seen(column(customers, "subscriber_id"))
        code, labels = code_column(customers, "item")
    elif is_frame(customers) or hasattr(customers, "tocsr") or isinstance(customers, np.ndarray):
        found, n, owner, code = matrix_pairs(customers)
        labels, names = tuple(found), np.arange(n)
    else:
        rows = checked_lists(customers)
        labels = tuple({plain(item): None for row in rows for item in row})
        place = {label: position for position, label in enumerate(labels)}
        owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        code = np.array([place[plain(item)] for row in rows for item in row], dtype=np.int64)
        names = np.arange(len(rows))
    target = np.array([positions(items, label, ignore_unknown=ignore_unknown) for label in labels], dtype=np.int64)
    held = np.zeros((len(names), len(items)), dtype=bool)
    known = target[code] >= 0 if len(code) else np.zeros(0, dtype=bool)
    held[owner[known], target[code[known]]] = True
    return Holdings(held, names)


def positions(items: tuple[Any, ...], label: Any, *, ignore_unknown: bool) -> int:
    """Return where `label` stands among `items`; -1 or a refusal where it does not."""
    try:
        return items.index(label)
    except ValueError:
        if ignore_unknown:
            return -1
        hint = nearest(str(label), map(str, items))
        raise InputError(
            f"the item {label!r} was held by nobody when the recommender was fitted{hint}; fit it anew, or say "
            "unknown='ignore'"
        ) from None


def _first_seen(values: Iterable[Any]) -> tuple[Any, IntArray]:
    """Return the distinct customers in order of appearance, and the row of each entry."""
    array = np.asarray(values)
    place: dict[Any, int] = {}
    owner = np.fromiter(
        (place.setdefault(value, len(place)) for value in array.tolist()), dtype=np.int64, count=len(array)
    )
    return np.array(list(place), dtype=array.dtype), owner
