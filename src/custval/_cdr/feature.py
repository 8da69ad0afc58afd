"""One column of the customer view: its name, meaning, source and cost."""

from __future__ import annotations

from dataclasses import dataclass

from custval._core.doors import public

__all__ = ("COSTS", "DEFAULT_COSTS", "Feature")

# what the engine does for it: a join of small tables, sums in one pass of the records, one more such pass, a count of
# pairs (subscriber and other party), or an order of each subscriber's records
COSTS = ("join", "one pass", "second pass", "pairs", "windows")
DEFAULT_COSTS = ("join", "one pass")


@public("cdr")
@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the customer view.

    Attributes
    ----------
    name : str
        Its column name.
    group : str
        What it is about, such as "volume", "contacts" or "money"; `FeatureDictionary.groups` lists them.
    unit : str
        Such as "calls", "share 0..1", "money per month".
    formula : str
        How it is made, in words.
    table : str
        The record table it needs beside subscribers.
    columns : tuple of str
        The columns of that table it needs.
    cost : str
        What the engine does for it: "join", "one pass", "second pass", "pairs" or "windows", from cheap to dear.
    also : tuple of (str, tuple of str)
        Further tables with the columns it needs of them.
    absent : float
        Its value for a customer without such records.

    Examples
    --------
    >>> from custval.cdr import features
    >>> features()["recency_days"].formula
    'days since the last record, at most the longest window (at least 90)'
    """

    name: str
    group: str
    unit: str
    formula: str
    table: str
    columns: tuple[str, ...]
    cost: str = "join"
    also: tuple[tuple[str, tuple[str, ...]], ...] = ()
    absent: float = 0.0
