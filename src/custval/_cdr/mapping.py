"""Call lists of other shapes, one row for each call, as the record tables of this library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.frames import column
from custval._core.typing import AnyFrame, FloatArray, IntArray
from custval._core.validation import check_choice, check_rows, float_array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("tables_from_calls",)


@public("cdr")
def tables_from_calls(
    calls: AnyFrame,
    *,
    caller: str,
    callee: str,
    time: str,
    duration: str | None = None,
    kind: str = "voice",
    origin: int = 0,
) -> dict[str, pd.DataFrame]:
    """How does a list with one row for each call become record tables?

    Parameters
    ----------
    calls : frame of n rows
        One row for each call or message, pandas, Polars, Arrow or a mapping of columns.
    caller, callee : str
        Columns with the numbers (whole, >= 0) of both sides.
    time : str
        Column with the seconds since `origin`, >= 0.
    duration : str, optional
        Column with seconds; a negative one means a call that was not answered and becomes 0. Needed for no message.
    kind : {"voice", "sms"}
        What the rows are.
    origin : int, default 0
        Epoch seconds (local time) of second 0 of `time`.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``cdr`` with 2 n rows (one as seen from each side, in the order of time) and ``subscribers``, everyone seen,
        whose activation is the first record.

    Raises
    ------
    InputError
        If a column is missing, or a number or time is negative or not finite.

    Examples
    --------
    >>> from custval.cdr import customer_view, tables_from_calls
    >>> calls = {"from": [7, 8], "to": [8, 9], "at": [100, 200], "seconds": [30, -1]}
    >>> tables = tables_from_calls(calls, caller="from", callee="to", time="at", duration="seconds")
    >>> view = customer_view(tables, as_of=300, features=["calls_out_30d", "minutes_in_30d"], engine="pandas")
    >>> view["calls_out_30d"].tolist(), view["minutes_in_30d"].tolist()
    ([1.0, 1.0, 0.0], [0.0, 0.5, 0.0])
    """
    check_choice(kind, "kind", ("voice", "sms"))
    one, two = _numbers(calls, caller), _numbers(calls, callee)
    moments = origin + _numbers(calls, time)
    seconds = np.zeros(len(one))
    if duration is not None:
        seconds = np.maximum(float_array(column(calls, duration), duration), 0.0)
    cdr = _both_sides(one, two, moments, seconds, kind)
    first = cdr.groupby("subscriber_id", as_index=False)["event_time"].min()
    activation = first["event_time"].to_numpy().astype("datetime64[s]")
    return {"subscribers": first[["subscriber_id"]].assign(activation=activation), "cdr": cdr}


def _numbers(calls: AnyFrame, name: str) -> IntArray:
    values = float_array(column(calls, name), name, low=0.0)
    check_rows(values == np.floor(values), values, name=name, rule="be a whole number")
    return values.astype(np.int64)


def _both_sides(one: IntArray, two: IntArray, moments: IntArray, seconds: FloatArray, kind: str) -> pd.DataFrame:
    """Return each call as an outgoing record of the caller and an incoming one of the callee."""
    import pandas as pd

    n = 2 * len(one)
    nothing, no = np.zeros(n), np.zeros(n, dtype=bool)
    cdr = pd.DataFrame(
        {
            "subscriber_id": np.concatenate([one, two]),
            "event_time": np.tile(moments, 2),
            "kind": pd.Categorical([kind] * n, categories=["voice", "sms", "data"]),
            "direction": pd.Categorical(np.repeat(["out", "in"], len(one)), categories=["out", "in"]),
            "other_party": np.concatenate([two, one]),
            "duration_s": np.tile(seconds, 2),
            "volume_mb": nothing,
            "on_net": ~no,
            "forwarded": no,
            "dropped": no,
            "roaming": no,
            "charge": nothing,
        }
    )
    return cdr.sort_values("event_time", kind="stable", ignore_index=True)
