"""What each customer holds, in one compact form, whatever form it came in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from custval._assoc.bits import CountArray, MaskArray, distinct, merge_sorted, union_masks
from custval._assoc.coding import code_column, code_customers, code_labels, plain
from custval._assoc.engines import grouped_words, is_lazy
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column, column_names, is_frame, to_columns
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_rows, check_whole, float_array, sample_weight_array

__all__ = (
    "Baskets",
    "as_baskets",
    "checked_lists",
    "from_pairs",
    "matrix_pairs",
    "take_runs",
    "unpack",
    "whole_counts",
)


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class Baskets(Result):
    """The distinct baskets of a base and how many customers hold each.

    Make one with ``from_lists``, ``from_long``, ``from_matrix`` or ``from_counts``, and mine it as often as you like:
    reading and merging is done once.

    Attributes
    ----------
    items : tuple
        The m item labels, sorted.
    offsets : ndarray of int64, shape (u + 1,)
        Distinct basket i holds ``members[offsets[i]:offsets[i + 1]]``.
    members : ndarray of int64
        Positions in `items`, rising inside each basket.
    counts : ndarray of int64 or float64, shape (u,)
        Customers with this basket, or their summed weight; the empty basket counts too.
    masks : ndarray of uint64, shape (u,), or None
        With at most 64 items: the same baskets as bits, bit j for item j, rising.

    Examples
    --------
    >>> from custval.assoc import Baskets
    >>> baskets = Baskets.from_lists([{"voice", "tv"}, {"voice"}, {"tv", "voice"}, set()])
    >>> baskets.items, len(baskets), baskets.n
    (('tv', 'voice'), 3, 4)
    """

    items: tuple[Any, ...]
    offsets: IntArray
    members: IntArray
    counts: CountArray
    masks: MaskArray | None = None

    def __len__(self) -> int:
        """Return the number of distinct baskets."""
        return len(self.counts)

    @property
    def n(self) -> float:
        """Customers in all (an int), or their summed weight; those with empty baskets are among them."""
        total = self.counts.sum()
        return int(total) if self.counts.dtype.kind == "i" else float(total)

    @property
    def item_counts(self) -> CountArray:
        """Customers (or weight) holding each item, shape (m,)."""
        weight = np.repeat(self.counts, np.diff(self.offsets))
        total = np.bincount(self.members, weights=weight, minlength=len(self.items))
        return np.rint(total).astype(np.int64) if self.counts.dtype.kind == "i" else total

    @classmethod
    def from_lists(cls, baskets: Iterable[Iterable[Any]], *, sample_weight: ArrayLike | None = None) -> Baskets:
        """Read one collection of items for each customer.

        Parameters
        ----------
        baskets : iterable of sets, lists or tuples
            The items of each customer: text or numbers, all of one type. Duplicates inside a basket are merged;
            an empty basket is a customer who holds nothing, and counts.
        sample_weight : array_like of shape (n,), optional
            Case weight of each customer, >= 0; whole numbers equal duplication.

        Returns
        -------
        Baskets
            The distinct baskets and their counts.

        Raises
        ------
        InputError
            A bare string as a basket, a missing item, items of several types, no basket at all.

        Examples
        --------
        >>> from custval.assoc import Baskets
        >>> Baskets.from_lists([["tv", "tv"], ["tv", "voice"]]).counts.tolist()
        [1, 1]
        """
        rows = checked_lists(baskets)
        sizes = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        basket = np.repeat(np.arange(len(rows)), sizes)
        code, items = code_labels(list(chain.from_iterable(rows)), basket)
        return from_pairs(items, basket, code, whole_counts(_case_weights(sample_weight, len(rows)), len(rows)))

    @classmethod
    def from_counts(cls, baskets: Iterable[Iterable[Any]], counts: ArrayLike) -> Baskets:
        """Read distinct baskets with the number of customers that hold each, as a GROUP BY in any engine makes them.

        Parameters
        ----------
        baskets : iterable of sets, lists or tuples
            The baskets; one that comes twice is added up.
        counts : array_like of shape (n,)
            Customers with each basket, whole numbers >= 0.

        Returns
        -------
        Baskets
            The distinct baskets and their counts.

        Raises
        ------
        InputError
            A count that is negative or not whole, and what ``from_lists`` refuses.

        Examples
        --------
        >>> from custval.assoc import Baskets
        >>> Baskets.from_counts([{"voice"}, {"voice", "tv"}], [90, 10]).n
        100
        """
        rows = list(baskets)
        return cls.from_lists(rows, sample_weight=_whole_weights(counts, len(rows)))

    @classmethod
    def from_long(
        cls,
        frame: AnyFrame,
        *,
        customer: str = "subscriber_id",
        item: str = "item",
        n_customers: int | None = None,
        sample_weight: str | None = None,
    ) -> Baskets:
        """Read a long table with one row for each item that a customer holds.

        Parameters
        ----------
        frame : pandas, Polars, Arrow, DuckDB, Spark, or a mapping of columns
            The table; a row that comes twice counts once. A lazy one (DuckDB, Spark, lazy Polars) is not fetched: its
            engine counts the customers of each distinct basket, and only those counts travel.
        customer, item : str
            Names of the two columns.
        n_customers : int, optional
            Customers in all. A long table does not show those who hold nothing: give their number here so that they
            count in every support. Default: the customers in the table.
        sample_weight : str, optional
            Name of a column with the customer's case weight, >= 0 and the same in all rows of a customer. Not
            together with `n_customers`.

        Returns
        -------
        Baskets
            The distinct baskets and their counts.

        Raises
        ------
        InputError
            An unknown column, a missing customer or item, fewer `n_customers` than the table holds.

        Examples
        --------
        >>> from custval.assoc import Baskets
        >>> table = {"subscriber_id": [1, 1, 2], "item": ["tv", "voice", "voice"]}
        >>> Baskets.from_long(table, n_customers=4).n
        4
        """
        if sample_weight is None and is_lazy(frame):
            return _from_engine(frame, customer, item, n_customers)
        owner, n_seen = code_customers(frame, customer)
        code, items = code_column(frame, item)
        _check_not_empty(n_seen)
        n = _customers_in_all(n_customers, n_seen, sample_weight)
        weight = None if sample_weight is None else _weight_column(column(frame, sample_weight), owner, n)
        return from_pairs(items, owner, code, whole_counts(weight, n))

    @classmethod
    def from_matrix(
        cls, matrix: Any, *, items: Sequence[Any] | None = None, sample_weight: ArrayLike | None = None
    ) -> Baskets:
        """Read one row for each customer and one column for each item: True or 1 where it is held.

        Parameters
        ----------
        matrix : frame, array_like of shape (n, m), or SciPy sparse matrix
            Booleans, or numbers 0 and 1.
        items : sequence of m labels, optional
            Names of the items. Default: the columns' names, or 0..m-1.
        sample_weight : array_like of shape (n,), optional
            Case weight of each customer, >= 0.

        Returns
        -------
        Baskets
            The distinct baskets and their counts.

        Raises
        ------
        InputError
            A value other than 0 and 1 (with its column), names that do not fit or come twice, no row.

        Examples
        --------
        >>> from custval.assoc import Baskets
        >>> Baskets.from_matrix([[1, 0], [1, 1]], items=["voice", "tv"]).item_counts.tolist()
        [1, 2]
        """
        names, n, owner, code = matrix_pairs(matrix)
        labels = names if items is None else [plain(label) for label in items]
        check_length(labels, len(names), name="items", other="the matrix (columns)")
        order, unique = _code_names(list(labels))
        _check_not_empty(n)
        return from_pairs(unique, owner, order[code], whole_counts(_case_weights(sample_weight, n), n))

    @classmethod
    def from_masks(cls, masks: ArrayLike, *, items: Sequence[Any], counts: ArrayLike | None = None) -> Baskets:
        """Read baskets as bit masks of at most 64 items, as engines and archives keep them.

        Parameters
        ----------
        masks : array_like of int or uint64, shape (n,)
            One mask for each customer or distinct basket; bit j (value 2^j) says that ``items[j]`` is held.
        items : sequence of at most 64 labels
            Name of each bit.
        counts : array_like of shape (n,), optional
            Customers with each mask, whole numbers >= 0. Default: one each.

        Returns
        -------
        Baskets
            The distinct baskets and their counts.

        Raises
        ------
        InputError
            Masks that are not whole or negative, a bit without an item, more than 64 items.

        Examples
        --------
        >>> from custval.assoc import Baskets
        >>> baskets = Baskets.from_masks([0b01, 0b11, 0b11, 0b00], items=["voice", "tv"])
        >>> baskets.n, baskets.item_counts.tolist()
        (4, [2, 3])
        """
        array = _mask_array(masks)
        labels = [plain(label) for label in items]
        if len(labels) > 64:
            raise InputError(f"masks hold at most 64 items but {len(labels)} are named; use from_lists or from_matrix")
        _check_not_empty(len(array))
        known = np.uint64((1 << len(labels)) - 1)
        check_rows((array & ~known) == 0, array, name="masks", rule=f"use the bits of the {len(labels)} items only")
        weight = None if counts is None else _whole_weights(counts, len(array))
        offsets, members = unpack(array)
        order, unique = _code_names(labels)
        owner = np.repeat(np.arange(len(array)), np.diff(offsets))
        return from_pairs(unique, owner, order[members], whole_counts(weight, len(array)))

    def to_frame(self) -> Any:
        """Return the distinct baskets as a pandas frame.

        Returns
        -------
        pandas.DataFrame
            Columns basket (a tuple of items) and count; one row for each distinct basket.

        Examples
        --------
        >>> from custval.assoc import Baskets
        >>> Baskets.from_lists([{"tv"}, {"tv"}]).to_frame()["count"].tolist()
        [2]
        """
        import pandas as pd

        held = [tuple(self.items[j] for j in part) for part in np.split(self.members, self.offsets[1:-1])]
        return pd.DataFrame({"basket": pd.Series(held, dtype=object), "count": self.counts})


def as_baskets(data: Any, sample_weight: Any = None) -> Baskets:
    """Read `data` in any of the known forms; `sample_weight` has one weight for each customer (row)."""
    if isinstance(data, Baskets):
        if sample_weight is not None:
            raise InputError("sample_weight belongs to customers; give it where the Baskets are made, e.g. from_lists")
        return data
    if isinstance(data, (str, bytes)):
        raise InputError(f"baskets must be a table or a list of baskets, not a single {type(data).__name__}")
    if is_frame(data):
        return _read_frame(data, sample_weight)
    if hasattr(data, "tocsr") or (isinstance(data, np.ndarray) and data.ndim == 2):
        return Baskets.from_matrix(data, sample_weight=sample_weight)
    return Baskets.from_lists(data, sample_weight=sample_weight)


def _read_frame(frame: AnyFrame, sample_weight: Any) -> Baskets:
    if {"subscriber_id", "item"} <= set(column_names(frame)):
        if sample_weight is not None and not isinstance(sample_weight, str):
            raise InputError("a long table has no row for each customer; name a column: sample_weight='weight'")
        return Baskets.from_long(frame, sample_weight=sample_weight)
    try:
        return Baskets.from_matrix(frame, sample_weight=sample_weight)
    except InputError as error:
        hint = "for a long table say Baskets.from_long(frame, customer=..., item=...)"
        raise InputError(f"{error}; {hint}") from None


def _code_names(labels: list[Any]) -> tuple[IntArray, tuple[Any, ...]]:
    """Number the names of columns or bits, which must differ."""
    order, unique = code_labels(labels, np.arange(len(labels)))
    if len(unique) != len(labels):
        raise InputError(f"items must differ but only {len(unique)} of {len(labels)} names do")
    return order, unique


def _whole_weights(counts: ArrayLike, n: int) -> FloatArray:
    weight = float_array(counts, "counts", low=0.0)
    check_length(weight, n, name="counts", other="baskets")
    check_rows(weight == np.rint(weight), weight, name="counts", rule="be whole numbers")
    return sample_weight_array(weight, n)


def _mask_array(masks: ArrayLike) -> MaskArray:
    if isinstance(masks, (list, tuple, range)) and masks and all(isinstance(mask, int) and mask >= 0 for mask in masks):
        return np.array(masks, dtype=np.uint64)  # a list that mixes small numbers with 2^63 would become floats
    array = np.asarray(masks)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(f"masks must be whole numbers in one dimension, not {array.dtype} of shape {array.shape}")
    check_rows(array >= 0, array, name="masks", rule="be >= 0", fix="store 64 items as uint64")
    return array.astype(np.uint64)


def checked_lists(baskets: Iterable[Iterable[Any]]) -> list[Any]:
    rows = list(baskets)
    _check_not_empty(len(rows))
    for row, basket in enumerate(rows):
        if isinstance(basket, (str, bytes)):
            raise InputError(
                f"a basket must be a set, list or tuple of items but basket {row} is a bare {type(basket).__name__} "
                f"({basket!r}); put it in a list: [{basket!r}]"
            )
        if not hasattr(basket, "__iter__"):
            raise InputError(f"a basket must be a set, list or tuple of items but basket {row} is {basket!r}")
        if not hasattr(basket, "__len__"):
            rows[row] = list(basket)
    return rows


def _check_not_empty(n: int) -> None:
    if n == 0:
        raise InputError("there are no baskets; give at least one customer")


def _case_weights(sample_weight: Any, n: int) -> FloatArray | None:
    return None if sample_weight is None else sample_weight_array(sample_weight, n)


def _customers_in_all(n_customers: int | None, n_seen: int, sample_weight: str | None) -> int:
    if n_customers is None:
        return n_seen
    if sample_weight is not None:
        raise InputError("n_customers and sample_weight exclude each other: customers without a row have no weight")
    n = check_whole(n_customers, "n_customers")
    if n < n_seen:
        raise InputError(f"n_customers is {n} but the table holds {n_seen} customers; count those without items too")
    return n


def _from_engine(frame: AnyFrame, customer: str, item: str, n_customers: int | None) -> Baskets:
    """Let the engine of a lazy table merge the baskets; only the distinct ones are fetched."""
    items, owner, code, counts = grouped_words(frame, customer, item)
    seen = int(counts.sum())
    empty = _customers_in_all(n_customers, seen, None) - seen
    counts = np.append(counts, empty) if empty else counts
    return from_pairs(items, owner, code, counts)


def _weight_column(values: TextArray, owner: IntArray, n: int) -> FloatArray:
    """Return one weight for each customer from a column that repeats it in each of the customer's rows."""
    each = sample_weight_array(values, len(owner))
    weight = np.zeros(n)
    weight[owner] = each
    check_rows(weight[owner] == each, each, name="sample_weight", rule="be the same in all rows of a customer")
    return weight


def matrix_pairs(matrix: Any) -> tuple[list[Any], int, IntArray, IntArray]:
    """Return column names, the number of rows, and the (row, column) pairs that hold."""
    if hasattr(matrix, "tocsr"):
        sparse = matrix.tocoo()
        _check_held(np.asarray(sparse.data), "the sparse matrix", np.asarray(sparse.row))
        held = np.asarray(sparse.data) != 0
        row, code = np.asarray(sparse.row)[held], np.asarray(sparse.col)[held]
        return list(range(sparse.shape[1])), sparse.shape[0], row.astype(np.int64), code.astype(np.int64)
    if is_frame(matrix):
        columns: Mapping[str, TextArray] = to_columns(matrix)
        if not columns:
            raise InputError("the table of items has no columns")
        held = np.column_stack([_check_held(values, f"column {name!r}") for name, values in columns.items()])
        names: list[Any] = list(columns)
    else:
        array = np.asarray(matrix)
        if array.ndim != 2:
            raise InputError(f"a matrix of items must have 2 dimensions but has {array.ndim} (shape {array.shape})")
        names = list(range(array.shape[1]))
        held = np.zeros((len(array), array.shape[1]), dtype=bool)
        for j in names:
            held[:, j] = _check_held(array[:, j], f"column {j}")
    row, code = np.nonzero(held)
    return names, len(held), row, code


def _check_held(values: TextArray, name: str, row: IntArray | None = None) -> BoolArray:
    """Return `values` as booleans, or refuse what is neither 0 nor 1."""
    if values.dtype == bool:
        return values
    ok = np.isin(values, (0, 1)) if values.dtype.kind in "iuf" else np.array([value in (0, 1) for value in values])
    if not np.all(ok):
        first = int(np.flatnonzero(~ok)[0])
        where = first if row is None else int(row[first])
        raise InputError(
            f"{name} must hold 0 and 1 or False and True but {np.sum(~ok)} of {len(ok)} values are not "
            f"(first: row {where}, value {plain(values[first])!r})"
        )
    return values.astype(bool)


def from_pairs(items: tuple[Any, ...], owner: IntArray, code: IntArray, counts: CountArray) -> Baskets:
    """Merge identical baskets; basket ``owner[i]`` holds item ``code[i]``, and basket j stands for ``counts[j]``."""
    n = len(counts)
    if len(items) <= 64:
        return _from_masks(items, owner, code, counts)
    key = distinct(owner * len(items) + code)
    sizes = np.bincount(key // len(items), minlength=n)
    return _merged_lists(items, sizes, key % len(items), counts)


def whole_counts(weight: FloatArray | None, n: int) -> CountArray:
    """Return weights as whole counts where they are whole: those take the exact and faster way."""
    if weight is None:
        return np.ones(n, dtype=np.int64)
    whole = np.rint(weight)
    return whole.astype(np.int64) if np.array_equal(whole, weight) else weight


def _from_masks(items: tuple[Any, ...], owner: IntArray, code: IntArray, counts: CountArray) -> Baskets:
    n = len(counts)
    masks = union_masks(owner, code, n, len(items))
    if int(np.bitwise_count(masks).sum(dtype=np.int64)) != len(owner):  # an item came twice in a basket
        key = distinct(owner * len(items) + code)
        masks = union_masks(key // len(items), key % len(items), n, len(items))
    order = np.argsort(masks[:, 0], kind="stable")
    flat, merged = merge_sorted(masks[order, 0], counts[order])
    offsets, members = unpack(flat)
    return Baskets(items, frozen(offsets), frozen(members), frozen(merged), frozen(flat))


def unpack(masks: MaskArray) -> tuple[IntArray, IntArray]:
    """Return masks as runs of rising item positions: offsets (u + 1,) and members."""
    bits = np.unpackbits(masks.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
    offsets = np.concatenate(([0], np.cumsum(np.bitwise_count(masks), dtype=np.int64)))
    return offsets, np.nonzero(bits)[1]


def _merged_lists(items: tuple[Any, ...], sizes: IntArray, members: IntArray, counts: CountArray) -> Baskets:
    """Merge identical runs: sorted by a 64-bit sum hash, then compared item by item, so that the answer is exact."""
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    key = np.random.default_rng(0).integers(1, 1 << 63, len(items), dtype=np.uint64)
    total = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(key[members], dtype=np.uint64)))
    digest = total[offsets[1:]] - total[offsets[:-1]]
    order = np.argsort(digest, kind="stable")
    new = np.append(True, digest[order][1:] != digest[order][:-1])
    leader = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
    double, first = order[~new], leader[~new]
    if not _same_runs(offsets, members, double, first):
        return Baskets(items, frozen(offsets), frozen(members), frozen(counts))
    merged = counts.copy()
    np.add.at(merged, first, counts[double])
    keep = np.ones(len(counts), dtype=bool)
    keep[double] = False
    if double.size:
        offsets, members = take_runs(offsets, members, np.flatnonzero(keep))
    return Baskets(items, frozen(offsets), frozen(members), frozen(merged[keep]))


def take_runs(offsets: IntArray, members: IntArray, chosen: IntArray) -> tuple[IntArray, IntArray]:
    """Return the runs `chosen` as offsets and members of their own."""
    sizes = np.diff(offsets)[chosen]
    made = np.concatenate(([0], np.cumsum(sizes)))
    return made, members[np.arange(made[-1]) + np.repeat(offsets[chosen] - made[:-1], sizes)]


def _same_runs(offsets: IntArray, members: IntArray, one: IntArray, other: IntArray) -> bool:
    (left, a), (right, b) = take_runs(offsets, members, one), take_runs(offsets, members, other)
    return np.array_equal(left, right) and np.array_equal(a, b)
