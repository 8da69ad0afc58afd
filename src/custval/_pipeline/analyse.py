"""The whole chain in one call: from a flat table or from record tables to the answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import AnyFrame
from custval._pipeline.analysis import Analysis
from custval._pipeline.chain import run_chain
from custval._pipeline.flat import flat_cases
from custval._pipeline.settings import Settings
from custval._pipeline.source import open_source
from custval._pipeline.tables import table_cases

__all__ = ("analyse",)


@public("pipeline")
def analyse(
    table: AnyFrame | str | Path | Mapping[str, AnyFrame] | Any,
    *,
    tenure: str | None = None,
    event: str | None = None,
    id: str | None = None,  # noqa: A002 - the column's role, as on the command line
    left: Any = None,
    charge: str | float | None = None,
    services: Sequence[str] = (),
    cause: str | None = None,
    group: str | None = None,
    ignore: Sequence[str] = (),
    tenure_unit: str = "month",
    window_months: int | None = None,
    horizon: int = 24,
    margin_share: float = 1.0,
    monthly_discount: float = 0.01,
    currency: str | None = None,
    budget: float | None = None,
    contact_cost: float = 1.0,
    offer_cost: float = 0.0,
    save_rate: float | None = None,
    encoding: str = "utf-8-sig",
    block_rows: int = 50_000,
    fit_rows: int = 200_000,
    random_state: int = 0,
    progress: bool = False,
) -> Analysis:
    """Say who is about to leave and why, what each customer is worth, who is alike, what goes together, whom to call.

    Parameters
    ----------
    table : frame, path, ``synth.World`` or mapping of record tables
        One row for each customer (pandas, Polars, Arrow, a mapping of columns, or the path of a CSV or Parquet file,
        which is streamed and may be larger than memory); or the record tables of an operator (``subscribers``, ``cdr``,
        ``bills``, ``departures`` and, if known, ``contacts``, ``holdings``, ``campaigns``), which need
        no column names.
    tenure : str
        Column of the time as a customer.
    event : str
        Column that says who left.
    id : str, optional
        Column that names the customer; without it the row number does. Repeated ids are set aside and counted.
    left : object, optional
        Value of `event` that means the customer left; without it yes, true, 1 and the like.
    charge : str or float, optional
        Column of the monthly charge, or one charge for all. Without it nothing is said in money.
    services : sequence of str, default ()
        Columns that say which services are held.
    cause : str, optional
        Column of the cause of leaving.
    group : str, optional
        Column whose groups the survival curves show; by default one about contracts, else the most telling one.
    ignore : sequence of str, default ()
        Columns that must not be used.
    tenure_unit : {"month", "day", "week", "year"}, default "month"
        Unit of `tenure`; a month has 30.436875 days.
    window_months : int, optional
        Departures were counted only over the last so many months (a snapshot), >= 1; without it the whole tenure counts
        as observed.
    horizon : int, default 24
        Months ahead for value and expected months, 4..600.
    margin_share : float, default 1
        Share of the charge that is margin, in (0, 1].
    monthly_discount : float, default 0.01
        Effective rate per month, > -1.
    currency : str, optional
        Name or sign of the money unit.
    budget : float, optional
        Money for the contacts, >= 0; without it every worthwhile contact is planned.
    contact_cost : float, default 1
        Money per contact, >= 0.
    offer_cost : float, default 0
        Money per accepted offer, >= 0.
    save_rate : float, optional
        Share of contacted leavers whom the offer keeps, 0..1. Without it (and without a randomised campaign among the
        record tables) the plan ranks by value at risk and claims no profit.
    encoding : str, default "utf-8-sig"
        Encoding of a CSV file.
    block_rows : int, default 50000
        Rows read at a time.
    fit_rows : int, default 200000
        The hazard and the curves are fitted on at most so many rows, drawn at random; all rows are counted and scored.
    random_state : int, default 0
        Seed of that draw.
    progress : bool, default False
        Show bars on the error stream.

    Returns
    -------
    Analysis
        Frozen result with every table and figure; ``write(folder)`` makes the report and the files.

    Raises
    ------
    InputError
        For a missing or misspelt column, a table without departures or without current customers, numbers outside their
        legal range. Rows that cannot be read are set aside and counted in ``notes``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from custval.pipeline import analyse
    >>> random = np.random.default_rng(0)
    >>> table = pd.DataFrame({"tenure": random.integers(1, 40, 400), "plan": random.choice(["basic", "plus"], 400)})
    >>> table["left"] = random.random(400) < np.where(table["plan"] == "basic", 0.4, 0.1)
    >>> answer = analyse(table, tenure="tenure", event="left", charge=20.0)
    >>> answer.base.active, answer.customers.columns[:3].tolist()
    (311, ['customer_id', 'p_leave_3m', 'p_leave_3m_left'])
    """
    asked = {name: value for name, value in locals().items() if name != "table"}  # every keyword is a setting
    started = time.perf_counter()
    asked |= {name: _names(asked[name], name) for name in ("services", "ignore")}
    settings = Settings(**asked)
    if are_record_tables(table):
        return run_chain(table_cases(table, settings), settings, started=started)
    source = open_source(table, encoding=encoding, block_rows=block_rows)
    return run_chain(flat_cases(source, settings), settings, started=started)


def are_record_tables(table: Any) -> bool:
    """Say whether `table` is a world or a mapping of frames rather than one frame."""
    frames = getattr(table, "tables", table)
    return isinstance(frames, Mapping) and "subscribers" in frames


def _names(names: Sequence[str], what: str) -> tuple[str, ...]:
    if isinstance(names, str):
        raise InputError(f"{what} must be a list of column names, not the text {names!r}; write [{names!r}]")
    return tuple(names)
