"""Counts made inside an engine: customers per distinct basket, and customers per pair of items, by GROUP BY.

A lazy table (DuckDB, Spark, Polars) is not fetched: the engine drops double rows, sums one power of two for each item
of a customer into words of 50 items (exact in double precision), and counts the distinct words. What travels is one
row for each distinct basket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._assoc.bits import CountArray
from custval._assoc.coding import code_labels
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import is_frame
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, IntArray
from custval._core.validation import nearest

__all__ = ("PairCounts", "grouped_words", "is_lazy", "pair_counts")

_WORD = 50  # powers of two below 2^53 add up without rounding in the engines' doubles
_MOST_ITEMS = 400


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class PairCounts(Result):
    """Customers for each pair of items, from one GROUP BY.

    Attributes
    ----------
    items : tuple
        The m item labels, sorted.
    counts : ndarray of int64, shape (m, m)
        Customers who hold both items; on the diagonal, those who hold the item.
    n : int
        Customers in all.

    Examples
    --------
    >>> from custval.assoc import pair_counts
    >>> table = {"subscriber_id": [1, 1, 2], "item": ["tv", "voice", "voice"]}
    >>> pair_counts(table).counts.tolist()
    [[1, 1], [1, 2]]
    """

    items: tuple[Any, ...]
    counts: IntArray
    n: int

    def to_frame(self) -> Any:
        """Return one row for each pair (each once).

        Returns
        -------
        pandas.DataFrame
            Columns item, other, count, support, lift; most joint holders first.

        Examples
        --------
        >>> from custval.assoc import pair_counts
        >>> pair_counts({"subscriber_id": [1, 1, 2], "item": ["tv", "voice", "voice"]}).to_frame()["lift"].tolist()
        [1.0]
        """
        import pandas as pd

        one, two = np.triu_indices(len(self.items), 1)
        single, both = np.diag(self.counts), self.counts[one, two]
        names = np.array([*self.items, None], dtype=object)[:-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            lift = np.nan_to_num(both * self.n / (single[one] * single[two]), nan=1.0)
        columns = {"item": names[one], "other": names[two], "count": both, "support": both / self.n, "lift": lift}
        table = pd.DataFrame(columns)
        return table.sort_values("count", ascending=False, kind="stable", ignore_index=True)


@public("assoc")
def pair_counts(
    frame: AnyFrame, *, customer: str = "subscriber_id", item: str = "item", n_customers: int | None = None
) -> PairCounts:
    """Count the customers of each pair of items by one GROUP BY in the engine that holds the table.

    Parameters
    ----------
    frame : pandas, Polars, Arrow, DuckDB relation, Spark frame, or a mapping of columns
        A long table, one row for each item that a customer holds; double rows count once.
    customer, item : str
        Names of the two columns.
    n_customers : int, optional
        Customers in all, with those who hold nothing. Default: the customers in the table.

    Returns
    -------
    PairCounts
        The m x m counts.

    Raises
    ------
    InputError
        An unknown column, a missing item or customer, too few `n_customers`.

    Examples
    --------
    >>> from custval.assoc import pair_counts
    >>> table = {"subscriber_id": [1, 1, 2], "item": ["tv", "voice", "voice"]}
    >>> pair_counts(table, n_customers=4).n
    4
    """
    import narwhals as nw

    pairs = _checked(frame, customer, item).select(customer, item).unique()
    n = int(_collected(pairs.select(customer).unique().select(nw.len().alias("n")))["n"][0])
    other = pairs.rename({item: "_other"})
    joined = pairs.join(other, on=customer, how="inner").group_by(item, "_other").agg(nw.len().alias("_count"))
    table = _collected(joined)
    code, items = code_labels(table[item].to_list(), np.arange(len(table)))
    place = {label: position for position, label in enumerate(items)}
    second = np.array([place[label] for label in table["_other"].to_list()], dtype=np.int64)
    counts = np.zeros((len(items), len(items)), dtype=np.int64)
    counts[code, second] = np.asarray(table["_count"].to_numpy(), dtype=np.int64)
    if n_customers is not None and n_customers < n:
        raise InputError(
            f"n_customers is {n_customers} but the table holds {n} customers; count those without items too"
        )
    return PairCounts(items, frozen(counts), n if n_customers is None else int(n_customers))


def is_lazy(frame: AnyFrame) -> bool:
    """Say whether `frame` is a query that an engine would have to run: DuckDB, Spark, a lazy Polars frame."""
    if isinstance(frame, dict) or not is_frame(frame):
        return False
    import narwhals as nw

    return isinstance(nw.from_native(frame, pass_through=True), nw.LazyFrame)


def grouped_words(frame: AnyFrame, customer: str, item: str) -> tuple[tuple[Any, ...], IntArray, IntArray, CountArray]:
    """Return items, and for each distinct basket (owner, code) pairs and the number of customers."""
    import narwhals as nw

    pairs = _checked(frame, customer, item).select(customer, item).unique()
    found = _collected(pairs.select(item).unique())[item].to_list()
    _, items = code_labels(found, np.arange(len(found)))
    if len(items) > _MOST_ITEMS:
        raise InputError(
            f"the table holds {len(items)} items; baskets are counted in the engine for at most {_MOST_ITEMS}: collect "
            "the two columns first, or keep the items that matter"
        )
    names = [f"_word{j}" for j in range(-(-len(items) // _WORD))]
    helpers = [
        _power_column(item, items, start, name) for start, name in zip(range(0, len(items), _WORD), names, strict=True)
    ]
    words = pairs.with_columns(*helpers).group_by(customer).agg(*(nw.col(name).sum() for name in names))
    table = _collected(words.group_by(*names).agg(nw.len().alias("_count")))
    owners, codes = [], []
    for place, name in enumerate(names):
        word = np.asarray(table[name].to_numpy(), dtype=np.float64).astype(np.uint64)
        bits = np.unpackbits(word.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
        owner, code = np.nonzero(bits)
        owners.append(owner)
        codes.append(code + place * _WORD)
    counts = np.asarray(table["_count"].to_numpy(), dtype=np.int64)
    return items, np.concatenate(owners), np.concatenate(codes), counts


def _power_column(item: str, items: tuple[Any, ...], start: int, name: str) -> Any:
    """Return the expression "2^position of this row's item", 0 for items of other words."""
    import narwhals as nw

    value = nw.lit(0.0)
    for position, label in enumerate(items[start : start + _WORD]):
        value = nw.when(nw.col(item) == label).then(nw.lit(float(2**position))).otherwise(value)
    return value.alias(name)


def _checked(frame: AnyFrame, customer: str, item: str) -> Any:
    """Return a Narwhals frame whose two columns exist and miss nothing."""
    import narwhals as nw

    if isinstance(frame, dict):
        import pandas as pd

        frame = pd.DataFrame(frame)
    try:
        table = nw.from_native(frame)
    except TypeError:
        raise InputError(
            f"a table is needed (pandas, Polars, Arrow, DuckDB, Spark), not {type(frame).__name__}"
        ) from None
    names = list(table.collect_schema().names())
    for name in (customer, item):
        if name not in names:
            raise InputError(f"there is no column {name!r}{nearest(name, names)}; the columns are {', '.join(names)}")
    gone = [nw.col(name).is_null().cast(nw.Int64).sum().alias(f"_null_{name}") for name in (customer, item)]
    counted = _collected(table.select(*gone, nw.len().alias("_rows")))
    if not counted["_rows"][0]:
        raise InputError("there are no baskets; give at least one customer")
    for name in (customer, item):
        missing = int(counted[f"_null_{name}"][0] or 0)
        if missing:
            raise InputError(
                f"{name} must not be missing but {missing} of {counted['_rows'][0]} rows are; drop these rows"
            )
    return table


def _collected(table: Any) -> Any:
    import narwhals as nw

    return table.collect() if isinstance(table, nw.LazyFrame) else table
