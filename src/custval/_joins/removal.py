"""Does an item hold customers, and do they leave once they drop it? Hazard ratios of holding and of having dropped.

Each customer's stay is cut where the item is added and removed; a Cox model with rows that change in time compares,
among customers of the same tenure, those who hold the item and those who dropped it with those who have neither. An
item removed at the very end of a stay was held until then: leaving removes everything.

References: Andersen & Gill (1982), Cox's regression model for counting processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._assoc.coding import code_column, is_missing
from custval._assoc.fisher import adjusted_p
from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.frames import column
from custval._core.results import Result, frozen
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._core.validation import check_scalar, check_whole, float_array
from custval._survival.cox import CoxPH
from custval._survival.target import survival_target

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("ItemHazards", "item_hazards")

_STATES = ("held", "dropped")


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class ItemHazards(Result):
    """Hazard ratios of leaving while an item is held, and after it was dropped, against having neither.

    Attributes
    ----------
    item : tuple
        The item.
    state : tuple of str
        "held" or "dropped".
    hazard_ratio, lower, upper : ndarray of float64, shape (k,)
        The ratio with its interval (robust errors by customer).
    p_value, p_adjusted : ndarray of float64, shape (k,)
        Two-sided Wald test of a ratio of 1, and after Benjamini-Hochberg over all rows.
    departures, exposure : ndarray of float64, shape (k,)
        Departures in that state, and the time spent in it.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.assoc import item_hazards
    >>> rng = np.random.default_rng(0)
    >>> n, has = 400, np.arange(400) < 200
    >>> stay = rng.exponential(np.where(has, 30.0, 10.0))
    >>> stays = {"subscriber_id": np.arange(n), "start": np.zeros(n), "end": np.minimum(stay, 24.0),
    ...          "cause": np.where(stay < 24.0, "left", None)}
    >>> held = {"subscriber_id": np.arange(200), "item": ["tv"] * 200, "added": np.zeros(200), "removed": [None] * 200}
    >>> found = item_hazards(held, stays)
    >>> found.state, bool(found.lower[0] < 1 / 3 < found.upper[0])
    (('held',), True)
    """

    item: tuple[Any, ...]
    state: tuple[str, ...]
    hazard_ratio: FloatArray
    lower: FloatArray
    upper: FloatArray
    p_value: FloatArray
    p_adjusted: FloatArray
    departures: FloatArray
    exposure: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each item and state.

        Returns
        -------
        pandas.DataFrame
            One column for each attribute.

        Examples
        --------
        >>> import numpy as np
        >>> from custval.assoc import item_hazards
        >>> end = np.tile([2.0, 4.0, 6.0, 9.0], 30) + np.arange(120) / 100
        >>> stays = {"subscriber_id": np.arange(120), "start": np.zeros(120), "end": end, "cause": ["left"] * 120}
        >>> held = {"subscriber_id": np.arange(60), "item": ["tv"] * 60, "added": np.zeros(60), "removed": [None] * 60}
        >>> item_hazards(held, stays).to_frame()["departures"].tolist()
        [60.0]
        """
        import pandas as pd

        names = [name for name in self.__slots__ if name not in {"item", "state"}]
        sides = {"item": pd.Series(list(self.item), dtype=object), "state": list(self.state)}
        return pd.DataFrame({**sides, **{name: getattr(self, name) for name in names}})


@public("assoc")
def item_hazards(
    holdings: Any,
    stays: Any,
    *,
    items: Sequence[Any] | None = None,
    window: float | None = None,
    causes: Sequence[Any] | None = None,
    min_departures: int = 10,
    conf_level: float = 0.95,
    customer: str = "subscriber_id",
    item: str = "item",
    added: str = "added",
    removed: str = "removed",
    start: str = "start",
    end: str = "end",
    cause: str = "cause",
) -> ItemHazards:
    """Say for each item how much the hazard of leaving differs while it is held, and after it was dropped.

    Parameters
    ----------
    holdings : frame
        One row for each item held: customer, item, time added, time removed (missing: still held).
    stays : frame
        One row for each customer: start, end (of the stay or of what was observed), cause (missing: still here).
    items : sequence of items, optional
        The items asked about. Default: all.
    window : float, optional
        How long after its removal an item counts as dropped, > 0. Default: to the end.
    causes : sequence, optional
        Departures that count; others end the time at risk. Default: all.
    min_departures : int
        States of an item with fewer departures are left out, time and all, >= 1.
    conf_level : float
        Level of the intervals, in (0, 1).
    customer, item, added, removed, start, end, cause : str
        Columns of the tables; all times in one unit.

    Returns
    -------
    ItemHazards
        Smallest p-value first.

    Raises
    ------
    InputError
        An end that is not after its start, a customer with two stays or none, an unknown item or cause.

    Warns
    -----
    DataWarning
        Items of which no state has enough departures.

    References
    ----------
    Andersen & Gill (1982), Cox's regression model for counting processes.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.assoc import item_hazards
    >>> end = np.tile([2.0, 4.0, 6.0, 9.0], 30) + np.arange(120) / 100
    >>> stays = {"subscriber_id": np.arange(120), "start": np.zeros(120), "end": end, "cause": ["left"] * 120}
    >>> held = {"subscriber_id": np.arange(60), "item": ["tv"] * 60, "added": np.zeros(60), "removed": [None] * 60}
    >>> 0.5 < float(item_hazards(held, stays).hazard_ratio[0]) < 2
    True
    """
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    width = np.inf if window is None else check_scalar(window, "window", low=0.0, low_open=True)
    least = check_whole(min_departures, "min_departures", low=1)
    base = _Stays(stays, (customer, start, end, cause), causes)
    owner = base.rows(np.asarray(column(holdings, customer)).tolist())
    code, labels = code_column(holdings, item)
    begin, stop = float_array(column(holdings, added), added), _ends(column(holdings, removed), removed)
    rows: list[tuple[Any, ...]] = []
    for label in labels if items is None else items:
        if label not in labels:
            raise InputError(f"nobody holds the item {label!r}; the items are {', '.join(map(repr, labels[:8]))}")
        of = code == labels.index(label)
        rows += [(label, *row) for row in _one_item(base, (owner[of], begin[of], stop[of]), (width, least, level))]
    if not rows:
        warn(f"no item has {least} departures while held or after it was dropped; lower min_departures")
    return _sorted(rows)


def _sorted(rows: list[tuple[Any, ...]]) -> ItemHazards:
    numbers = np.array([row[2:] for row in rows], dtype=np.float64).reshape(len(rows), 6)
    p = numbers[:, 3]
    order = np.argsort(p, kind="stable")
    ratio, lower, upper, p_sorted, departures, exposure = (frozen(values[order]) for values in numbers.T)
    places = order.tolist()
    return ItemHazards(
        tuple(rows[i][0] for i in places),
        tuple(rows[i][1] for i in places),
        ratio,
        lower,
        upper,
        p_sorted,
        frozen(adjusted_p(p)[order]),
        departures,
        exposure,
    )


class _Stays:
    """Each customer's time at risk, counted from the start of the stay."""

    def __init__(self, frame: Any, names: tuple[str, str, str, str], causes: Sequence[Any] | None) -> None:
        customer, start, end, cause = names
        self.begin, self.end = float_array(column(frame, start), start), float_array(column(frame, end), end)
        bad = np.flatnonzero(self.end <= self.begin)
        if bad.size:
            raise InputError(f"{end} must lie after {start} but {bad.size} rows do not (first: row {bad[0]})")
        who = np.asarray(column(frame, customer)).tolist()
        self.place = {name: row for row, name in enumerate(who)}
        if len(self.place) != len(who):
            raise InputError(f"each customer needs one stay but {len(who) - len(self.place)} rows repeat one")
        why = np.asarray(column(frame, cause), dtype=object).tolist()
        known = {value for value in why if not is_missing(value)}
        strange = [value for value in causes or () if value not in known]
        if strange:
            raise InputError(f"nobody left for {strange[0]!r}; the causes are {', '.join(sorted(map(repr, known)))}")
        counted = known if causes is None else set(causes)
        self.left = np.array([not is_missing(value) and value in counted for value in why], dtype=bool)

    def rows(self, names: list[Any]) -> IntArray:
        missing = sum(name not in self.place for name in names)
        if missing:
            raise InputError(f"{missing} of {len(names)} rows of holdings are of customers without a row in stays")
        return np.array([self.place[name] for name in names], dtype=np.int64)


def _ends(values: Any, name: str) -> FloatArray:
    """Return times of removal, infinite where the item is still held."""
    plain = [np.inf if is_missing(value) else value for value in np.asarray(values, dtype=object).tolist()]
    return float_array(plain, name, finite=False)


def _one_item(
    base: _Stays, spells: tuple[IntArray, FloatArray, FloatArray], settings: tuple[float, int, float]
) -> list[tuple[Any, ...]]:
    """Return (state, ratio, lower, upper, p, departures, exposure) of the states with enough departures."""
    from scipy.special import ndtr, ndtri

    width, least, level = settings
    owner, entry, leave, state, event = _rows(base, spells, width)
    departures = np.bincount(state[event], minlength=3)[1:]
    exposure = np.bincount(state, leave - entry, minlength=3)[1:]
    kept = [number for number in (1, 2) if departures[number - 1] >= least]
    if not kept or np.count_nonzero(event & (state == 0)) < least:
        return []
    used = np.isin(state, [0, *kept])
    target = survival_target(leave[used], event[used].astype(np.int64), entry=entry[used])
    columns = {_STATES[number - 1]: (state[used] == number).astype(np.float64) for number in kept}
    model = CoxPH().fit(columns, target, cluster=owner[used])
    error, z = np.asarray(model.robust_std_error_, dtype=np.float64), float(-ndtri((1 - level) / 2))
    rows = []
    for place, number in enumerate(kept):
        coef, std = float(model.coef_[place]), float(error[place])
        ends = np.exp([coef, coef - z * std, coef + z * std]).tolist()
        p = float(2 * ndtr(-abs(coef) / std))
        rows.append((_STATES[number - 1], *ends, p, float(departures[number - 1]), float(exposure[number - 1])))
    return rows


def _rows(
    base: _Stays, spells: tuple[IntArray, FloatArray, FloatArray], width: float
) -> tuple[IntArray, FloatArray, FloatArray, IntArray, BoolArray]:
    """Cut each stay where the state changes: customer, from, to, state (0 neither, 1 held, 2 dropped), left."""
    owner, added, removed = spells
    order = np.lexsort((added, owner))
    owner, added, removed = owner[order], added[order], removed[order]
    following = np.where(np.append(owner[1:] == owner[:-1], False), np.append(added[1:], np.inf), np.inf)
    over = np.where(removed + width < following, removed + width, np.inf)
    n = len(base.begin)
    who = np.concatenate((np.arange(n), owner, owner, owner))
    when = np.concatenate((base.begin, np.maximum(added, base.begin[owner]), removed, over))
    state = np.repeat([0, 1, 2, 0], [n, len(owner), len(owner), len(owner)])
    inside = when < base.end[who]
    # removed before the stay began: the item counts as dropped from the start on
    when = np.maximum(when, base.begin[who])
    who, when, state = who[inside], when[inside], state[inside]
    turn = np.arange(len(who))
    order = np.lexsort((turn, when, who))
    who, when, state = who[order], when[order], state[order]
    last = np.append(who[1:] != who[:-1], True)
    until = np.where(last, base.end[who], np.append(when[1:], np.inf))
    keep = until > when
    event = last & base.left[who]
    who, when, until, state, event = who[keep], when[keep], until[keep], state[keep], event[keep]
    return who, when - base.begin[who], until - base.begin[who], state, event
