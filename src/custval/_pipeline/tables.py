"""From the record tables of an operator to the cases of the chain.

The base is looked at from landmarks, ends of calendar months three months apart: the customer view knows only what was
on record then, and the next three months tell who left and why. The rows of all landmarks are fitted together (entry =
tenure at the landmark, one cluster for each customer), so that features may change over time without looking ahead. The
current customers are scored on the view of the last month.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._cdr.quality import TableChecks, check_tables
from custval._cdr.view import known_view
from custval._core.errors import InputError
from custval._core.frames import to_columns
from custval._core.progress import track
from custval._core.typing import AnyFrame, BoolArray, FloatArray, IntArray, TextArray
from custval._pipeline.analysis import Base, Method, Note, Reading
from custval._pipeline.cases import Cases, ScoreBlock
from custval._pipeline.noted import noted
from custval._pipeline.scoring import blocks_of
from custval._pipeline.settings import Settings
from custval._survival.target import survival_target

__all__ = ("table_cases",)

STEP = 3
_SOON = 3
_COLUMNS = (
    "region",
    "brand",
    "age",
    "contract",
    "contract_ends_soon",
    "monthly_fee",
    "paperless",
    "autopay",
    "complaints_90d",
    "bill_change",
    "unpaid_last",
    "arrears_share_3m",
    "minutes_out_90d",
    "data_mb_90d",
    "contacts_90d",
    "off_net_share_90d",
    "forwarded_share_90d",
    "dropped_share_90d",
    "outgoing_change",
    "incoming_change",
    "recency_days",
    "services_held",
    "services_dropped_90d",
)
_WANTED = frozenset({*_COLUMNS, "tenure_months", "months_to_end", "margin_mean_3m"})  # what the chain reads of the view
_NEEDED = ("subscribers", "cdr", "bills", "departures")


def table_cases(tables: Any, settings: Settings, *, world: tuple[tuple[str, str], ...] = ()) -> Cases:
    """Return the cases of a ``synth.World`` or of a mapping of record tables; see the module."""
    settings.check()
    frames: Mapping[str, AnyFrame] = getattr(tables, "tables", tables)
    missing = [name for name in _NEEDED if name not in frames]
    if missing:
        raise InputError(f"the record tables need {', '.join(_NEEDED)}; missing: {', '.join(missing)}")
    base = _read_base(frames)
    checks = check_tables(frames)
    marks = _landmarks(base)
    silent: list[Note] = []
    with noted("records", silent):
        views = [
            known_view(frames, as_of=int(_month_end(base.first + mark)), names=_WANTED)
            for mark in track([*marks, base.months], progress=settings.progress, label="views")
        ]
    columns = [_with_clock(to_columns(view)) for view in views]
    rows = [
        _fit_rows(base, view, mark, _next(marks, mark, base.months)) for view, mark in zip(columns, marks, strict=False)
    ]
    X, y, cluster = _stacked(columns[:-1], rows, base)
    curve = _curve_rows(base)
    now = columns[-1]
    held, services = _held(frames, now["subscriber_id"], int(_month_end(base.first + base.months)))
    return Cases(
        title="synthetic telecom world" if world else "record tables",
        X=X,
        y=y,
        cluster=cluster,
        curve_y=curve.target,
        curve_groups=base.contract[curve.which],
        group="contract",
        base=_base(base, curve),
        reading=_reading(base, curve),
        blocks=lambda: _blocks(now, list(X), base, held, settings),
        services=services,
        has_money="margin_mean_3m" in now,
        notes=[*_check_notes(checks), *silent, *_notes(base, rows, curve)],
        methods=_methods(marks, base, len(now["subscriber_id"])),
        loss_at_exit=_loss_at_exit(frames, base),
        save_rate=_measured_save_rate(frames),
        world=world,
        view_columns=len(now) - 1,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _BaseTable:
    """Everybody ever seen, sorted by id: month of activation and of departure (0 = still here), cause, contract.

    Months are whole calendar months since the month before the first bill: month 1 is the first of the window.
    """

    ids: IntArray
    joined: IntArray
    gone: IntArray
    cause: IntArray
    causes: tuple[str, ...]
    contract: TextArray
    first: int
    months: int


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """Each customer's time under observation."""

    which: IntArray
    entry: FloatArray
    duration: FloatArray
    event: IntArray
    target: TextArray


def _read_base(frames: Mapping[str, AnyFrame]) -> _BaseTable:
    people = to_columns(frames["subscribers"])
    order = np.argsort(people["subscriber_id"], kind="stable")
    ids = people["subscriber_id"][order].astype(np.int64)
    bills = _month(to_columns(frames["bills"])["bill_time"])
    if len(bills) == 0:
        raise InputError("the table bills is empty; the months that were watched are read off it")
    first = int(bills.min()) - 1
    left = to_columns(frames["departures"])
    causes = tuple(sorted({str(word) for word in left["cause"]}))
    if not causes:
        raise InputError("no customer left: the table departures is empty, so there is nothing to learn from")
    gone, cause = np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.int64)
    place = np.searchsorted(ids, left["subscriber_id"]).clip(max=len(ids) - 1)
    known = ids[place] == left["subscriber_id"]
    gone[place[known]] = (_month(left["departure_time"]) - first)[known]
    codes = np.searchsorted(np.array(causes, dtype=object), left["cause"].astype(str).astype(object)) + 1
    cause[place[known]] = codes[known]
    joined = people["activation"].astype("datetime64[M]").astype(np.int64)[order] - first
    return _BaseTable(ids, joined, gone, cause, causes, people["contract"][order], first, int(bills.max()) - first)


def _landmarks(base: _BaseTable) -> list[int]:
    if base.months < 2:
        raise InputError(f"{base.months} month of bills cannot show who leaves after it; at least 2 months are needed")
    return list(range(STEP, base.months, STEP)) or [base.months // 2]


def _next(marks: list[int], mark: int, last: int) -> int:
    later = [other for other in marks if other > mark]
    return later[0] if later else last


def _fit_rows(base: _BaseTable, view: dict[str, TextArray], mark: int, until: int) -> dict[str, np.ndarray]:
    """Return entry, duration and event from landmark `mark` to the end of month `until` for the rows of `view`."""
    place = np.searchsorted(base.ids, view["subscriber_id"])
    joined, gone = base.joined[place], base.gone[place]
    leaves = (gone > mark) & (gone <= until)
    entry = np.maximum(mark - joined, 0)
    duration = np.where(leaves, gone, until) - joined
    return {
        "entry": entry.astype(np.float64),
        "duration": duration.astype(np.float64),
        "event": np.where(leaves, base.cause[place], 0),
        "id": view["subscriber_id"],
    }


def _stacked(
    views: list[dict[str, TextArray]], rows: list[dict[str, np.ndarray]], base: _BaseTable
) -> tuple[dict[str, TextArray], TextArray, TextArray]:
    names = [name for name in _COLUMNS if name in views[0] and _varies([view[name] for view in views])]
    X = {name: np.concatenate([view[name] for view in views]) for name in names}
    part = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    y = survival_target(part["duration"], part["event"], entry=part["entry"], causes=base.causes, time_unit="month")
    return X, y, part["id"]


def _with_clock(view: dict[str, TextArray]) -> dict[str, TextArray]:
    """Return the view with yes and no as words and with the contract clock: does the term end within three months?"""
    words = {
        name: np.where(values, "yes", "no").astype(object) for name, values in view.items() if values.dtype == bool
    }
    if "contract" not in view or "months_to_end" not in view:
        return {**view, **words}
    soon = (view["contract"] != "month-to-month") & (view["months_to_end"] <= _SOON)
    return {**view, **words, "contract_ends_soon": np.where(soon, "yes", "no").astype(object)}


def _varies(parts: list[TextArray]) -> bool:
    whole = np.concatenate(parts)
    return bool(len(whole)) and bool((whole != whole[0]).any())


def _curve_rows(base: _BaseTable) -> _Curve:
    end = np.where(base.gone > 0, base.gone, base.months)
    entry, duration = np.maximum(-base.joined, 0).astype(np.float64), (end - base.joined).astype(np.float64)
    which = np.flatnonzero(duration > entry)
    target = survival_target(
        duration[which], base.cause[which], entry=entry[which], causes=base.causes, time_unit="month"
    )
    return _Curve(which, entry[which], duration[which], base.cause[which], target)


def _base(base: _BaseTable, curve: _Curve) -> Base:
    months = float((curve.duration - curve.entry).sum())
    counts = np.bincount(base.cause, minlength=len(base.causes) + 1)
    return Base(
        customers=len(base.ids),
        active=int(counts[0]),
        left=int(counts[1:].sum()),
        left_by_cause=dict(zip(base.causes, counts[1:].tolist(), strict=True)),
        monthly_rate_by_cause=dict(zip(base.causes, (counts[1:] / months).tolist(), strict=True)),
        time_unit="month",
    )


def _reading(base: _BaseTable, curve: _Curve) -> Reading:
    left = float((curve.event > 0).sum())
    statement = (
        f"The records cover {base.months} months. Each customer is at risk from the first of them, or from "
        "activation if "
        "later: those who joined before were seen only because they stayed (left truncation)."
    )
    naive = left / float(curve.duration.sum())
    others = (("the whole tenure read as observed, as if nobody had left before the records begin", naive),)
    return Reading(statement, None, left / float((curve.duration - curve.entry).sum()), others)


def _held(frames: Mapping[str, AnyFrame], ids: TextArray, as_of: int) -> tuple[BoolArray | None, list[str]]:
    if "holdings" not in frames:
        return None, []
    table = to_columns(frames["holdings"])
    now = (table["added"] <= as_of) & ((table["removed"] < 0) | (table["removed"] > as_of))
    words = table["service"][now].astype(str)
    services, code = np.unique(words, return_inverse=True)
    order = np.argsort(ids, kind="stable")
    place = np.searchsorted(ids, table["subscriber_id"][now], sorter=order).clip(max=len(ids) - 1)
    rows = order[place]
    known = ids[rows] == table["subscriber_id"][now]
    held = np.zeros((len(ids), len(services)), dtype=bool)
    held[rows[known], code[known]] = True
    return held, [str(name) for name in services]


def _blocks(
    view: dict[str, TextArray], names: list[str], base: _BaseTable, held: BoolArray | None, settings: Settings
) -> Iterator[ScoreBlock]:
    joined = base.joined[np.searchsorted(base.ids, view["subscriber_id"])]
    given = np.maximum(base.months - joined, 0).astype(np.float64)
    margin = view.get("margin_mean_3m")
    for rows in blocks_of(len(given), settings.block_rows):
        yield ScoreBlock(
            ids=view["subscriber_id"][rows].astype(str).astype(object),
            X={name: view[name][rows] for name in names},
            given=given[rows],
            margin=None if margin is None else margin[rows].astype(np.float64) * settings.margin_share,
            held=None if held is None else held[rows],
        )


def _loss_at_exit(frames: Mapping[str, AnyFrame], base: _BaseTable) -> dict[str, float]:
    """Return the mean of what customers who left involuntarily had not paid of their last three bills."""
    if "involuntary" not in base.causes:
        return {}
    bills = to_columns(frames["bills"])
    place = np.searchsorted(base.ids, bills["subscriber_id"]).clip(max=len(base.ids) - 1)
    month = _month(bills["bill_time"]) - base.first
    cut_off = base.cause[place] == base.causes.index("involuntary") + 1
    late = cut_off & (month > base.gone[place] - STEP) & (base.ids[place] == bills["subscriber_id"])
    people = int((base.cause == base.causes.index("involuntary") + 1).sum())
    return {"involuntary": float(bills["arrears"][late].sum()) / max(people, 1)}


def _measured_save_rate(frames: Mapping[str, AnyFrame]) -> tuple[float, float] | None:
    """Return the share of leavers that the randomised campaign kept, with its standard error; None without one.

    1 - (share who left among the treated) / (share who left among the controls), by the delta method.
    """
    if "campaigns" not in frames:
        return None
    table = to_columns(frames["campaigns"])
    if "design" in table:  # only a coin makes the arms alike
        drawn = table["design"] == "randomised"
        table = {name: values[drawn] for name, values in table.items()}
    treated, left = table["treated"].astype(bool), table["left_within_3m"].astype(bool)
    arms = [left[treated], left[~treated]]
    if min(map(len, arms)) == 0 or not arms[1].any():
        return None
    p, q = (float(arm.mean()) for arm in arms)
    variance = p * (1 - p) / len(arms[0]) / q**2 + (p / q**2) ** 2 * q * (1 - q) / len(arms[1])
    return min(max(1.0 - p / q, 0.0), 1.0), float(np.sqrt(variance))


def _check_notes(checks: TableChecks) -> list[Note]:
    """Return one note for each rule that some rows of a record table break."""
    found = zip(checks.table, checks.rule, checks.effect, checks.rows, checks.bad, strict=True)
    return [
        Note(str(table), int(bad), f"of {rows:,} rows break the rule that {rule}: {effect}")
        for table, rule, effect, rows, bad in found
        if bad
    ]


def _notes(base: _BaseTable, rows: list[dict[str, np.ndarray]], curve: _Curve) -> list[Note]:
    seen = sum(int((row["event"] > 0).sum()) for row in rows)
    unseen = int((base.gone > 0).sum()) - seen
    notes = [
        Note("departures", unseen, "departures before the first customer view: in the curves, but not fitted on"),
        Note(
            "subscribers",
            len(base.ids) - len(curve.which),
            "customers who joined in the last month: scored, not in the curves",
        ),
    ]
    return [note for note in notes if note.count > 0]


def _methods(marks: list[int], base: _BaseTable, now: int) -> list[Method]:
    ends = ", ".join(map(str, marks))
    return [
        Method(
            "Customer view",
            f"Built from the records at the ends of months {ends} (to fit on what followed) and {base.months} "
            "(to score "
            f"the {now:,} current customers). Nothing recorded after a view's date enters it.",
        ),
        Method(
            "Margin",
            "Monthly margin is the mean of the last three bills less interconnect, cost to serve and arrears. What "
            "involuntary leavers left unpaid of their last three bills is a loss at exit.",
        ),
    ]


def _month(seconds: TextArray) -> IntArray:
    """Return epoch seconds as whole calendar months since 1970."""
    return seconds.astype(np.int64).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)


def _month_end(month: int) -> int:
    """Return the last second of a calendar month counted since 1970."""
    return int(np.datetime64(month + 1, "M").astype("datetime64[s]").astype(np.int64)) - 1
