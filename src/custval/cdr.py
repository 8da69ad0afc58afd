"""What did we know about each customer at a moment, from the records?

``customer_view`` turns record tables into one row for each customer, the same on DuckDB (embedded default), Polars
and pandas; ``features`` is the dictionary of its columns; ``check_tables`` counts the rows that cannot be used;
``tables_from_calls`` reads a list with one row for each call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "Feature",
    "FeatureDictionary",
    "TableChecks",
    "check_tables",
    "customer_view",
    "features",
    "tables_from_calls",
)

if TYPE_CHECKING:
    from custval._cdr.dictionary import FeatureDictionary, features
    from custval._cdr.feature import Feature
    from custval._cdr.mapping import tables_from_calls
    from custval._cdr.quality import TableChecks, check_tables
    from custval._cdr.view import customer_view
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "Feature": "_cdr.feature",
            "FeatureDictionary": "_cdr.dictionary",
            "TableChecks": "_cdr.quality",
            "check_tables": "_cdr.quality",
            "customer_view": "_cdr.view",
            "features": "_cdr.dictionary",
            "tables_from_calls": "_cdr.mapping",
        },
    )
