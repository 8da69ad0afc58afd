"""What did we know about each customer at a moment, from the records?

``customer_view`` turns record tables into one row for each customer, the same on DuckDB (embedded default; its settings
are ``DuckDB``), Polars, pandas and Spark; ``features`` is the dictionary of its columns; ``rerate`` bills the use under
every plan. Coming in: ``tables_from_calls`` reads a list with one row for each call, ``local_seconds`` puts times on
the customer's clock, ``pseudonymise`` hides identifiers, ``check_tables`` counts the rows that cannot be used and
``quarantine`` sets them aside. Day by day: ``daily_sums`` and ``add_daily_sums`` keep what views need. For models:
``tenure_counts``, ``purchase_counts``, ``basket_counts`` and ``score_counts`` are made by GROUP BY.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "BasketCounts",
    "DuckDB",
    "Feature",
    "FeatureDictionary",
    "Quarantine",
    "TableChecks",
    "add_daily_sums",
    "basket_counts",
    "check_tables",
    "customer_view",
    "daily_sums",
    "features",
    "local_seconds",
    "pseudonymise",
    "purchase_counts",
    "quarantine",
    "rerate",
    "score_counts",
    "tables_from_calls",
    "tenure_counts",
)

if TYPE_CHECKING:
    from custval._cdr.counts import BasketCounts, basket_counts, purchase_counts, score_counts, tenure_counts
    from custval._cdr.dictionary import FeatureDictionary, features
    from custval._cdr.engines import DuckDB
    from custval._cdr.feature import Feature
    from custval._cdr.local_time import local_seconds
    from custval._cdr.mapping import tables_from_calls
    from custval._cdr.partials import add_daily_sums, daily_sums
    from custval._cdr.pseudonyms import pseudonymise
    from custval._cdr.quality import TableChecks, check_tables
    from custval._cdr.quarantine import Quarantine, quarantine
    from custval._cdr.rerate import rerate
    from custval._cdr.view import customer_view
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "BasketCounts": "_cdr.counts",
            "DuckDB": "_cdr.engines",
            "Feature": "_cdr.feature",
            "FeatureDictionary": "_cdr.dictionary",
            "Quarantine": "_cdr.quarantine",
            "TableChecks": "_cdr.quality",
            "add_daily_sums": "_cdr.partials",
            "basket_counts": "_cdr.counts",
            "check_tables": "_cdr.quality",
            "customer_view": "_cdr.view",
            "daily_sums": "_cdr.partials",
            "features": "_cdr.dictionary",
            "local_seconds": "_cdr.local_time",
            "pseudonymise": "_cdr.pseudonyms",
            "purchase_counts": "_cdr.counts",
            "quarantine": "_cdr.quarantine",
            "rerate": "_cdr.rerate",
            "score_counts": "_cdr.counts",
            "tables_from_calls": "_cdr.mapping",
            "tenure_counts": "_cdr.counts",
        },
    )
