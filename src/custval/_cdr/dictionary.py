"""The feature dictionary: what each column of the view is called, means and is made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from custval._cdr.circle import listed_circle
from custval._cdr.feature import DEFAULT_COSTS, Feature
from custval._cdr.gaps import listed_gaps, listed_talk
from custval._cdr.rating import listed_rating
from custval._cdr.recharge import listed_topups
from custval._cdr.ties import listed_account, listed_ties
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result
from custval._core.validation import nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("FeatureDictionary", "check_windows", "chosen", "features", "listed_trends")


@public("cdr")
@dataclass(frozen=True, slots=True, eq=False)
class FeatureDictionary(Result):
    """All features that a view can hold.

    Attributes
    ----------
    features : tuple of Feature
        In the order of the view's columns.

    Examples
    --------
    >>> from custval.cdr import features
    >>> len(features(windows=(30,))) >= 200
    True
    """

    features: tuple[Feature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, in order."""
        return tuple(dict.fromkeys(feature.group for feature in self.features))

    def __len__(self) -> int:
        """Return the number of features."""
        return len(self.features)

    def __getitem__(self, name: str) -> Feature:
        """Return a feature by name, or suggest the nearest one."""
        for feature in self.features:
            if feature.name == name:
                return feature
        raise KeyError(f"there is no feature {name!r}{nearest(name, self.names)}")

    def to_dict(self) -> dict[str, list[dict[str, str]]]:
        """Return the features in JSON types."""
        shown = ("name", "group", "unit", "formula", "table", "cost")
        return {"features": [{key: getattr(feature, key) for key in shown} for feature in self.features]}

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each feature."""
        import pandas as pd

        return pd.DataFrame(self.to_dict()["features"])


_SUBSCRIBER = (
    ("region", "profile", "text", "as in the table"),
    ("brand", "profile", "text", "as in the table"),
    ("plan", "profile", "text", "as in the table"),
    ("age", "profile", "years", "as in the table"),
    ("paperless", "profile", "true or false", "as in the table"),
    ("autopay", "profile", "true or false", "as in the table"),
    ("prepaid", "profile", "true or false", "as in the table"),
    ("contract", "contract", "text", "as in the table"),
    ("monthly_fee", "contract", "money per month", "as in the table"),
)
_TOTALS = (
    ("calls_out", "volume", "calls", "outgoing calls", ("kind", "direction")),
    ("calls_in", "volume", "calls", "incoming calls", ("kind", "direction")),
    ("minutes_out", "volume", "minutes", "seconds of outgoing calls / 60", ("kind", "direction", "duration_s")),
    ("minutes_in", "volume", "minutes", "seconds of incoming calls / 60", ("kind", "direction", "duration_s")),
    ("sms_out", "volume", "messages", "outgoing messages", ("kind", "direction")),
    ("sms_in", "volume", "messages", "incoming messages", ("kind", "direction")),
    ("data_mb", "volume", "MB", "megabytes of data sessions", ("kind", "volume_mb")),
    ("charges", "money", "money", "charges of the records", ("charge",)),
    ("records", "volume", "records", "records of any kind", ()),
    ("data_sessions", "volume", "sessions", "data sessions", ("kind",)),
    ("roaming_mb", "volume", "MB", "megabytes abroad", ("volume_mb", "roaming")),
    ("on_net_minutes", "volume", "minutes", "minutes with the own network", ("kind", "duration_s", "on_net")),
    ("off_net_minutes", "volume", "minutes", "minutes with other networks", ("kind", "duration_s", "on_net")),
    ("forwarded_calls", "volume", "calls", "forwarded calls", ("kind", "forwarded")),
    ("dropped_calls", "volume", "calls", "dropped calls", ("kind", "dropped")),
)
_SHARES = (
    ("night_share", "records from 00:00:00 to 06:59:59 / all records", ()),
    ("weekend_share", "records on Saturday and Sunday / all records", ()),
    ("roaming_share", "records abroad / all records", ("roaming",)),
    ("off_net_share", "calls and messages with other networks / all calls and messages", ("kind", "on_net")),
    ("forwarded_share", "forwarded calls / all calls", ("kind", "forwarded")),
    ("dropped_share", "dropped calls / all calls", ("kind", "dropped")),
    ("missed_share", "calls of 0 seconds / all calls", ("kind", "duration_s")),
    ("calls_out_share", "outgoing calls / all calls", ("kind", "direction")),
    ("sms_out_share", "outgoing messages / all messages", ("kind", "direction")),
    ("minutes_out_share", "outgoing minutes / all minutes", ("kind", "direction", "duration_s")),
    ("business_share", "records from Monday to Friday, 9 to 17 h / all records", ()),
    ("evening_share", "records from 18 to 23 h / all records", ()),
    ("night_data_share", "megabytes from 0 to 7 h / all megabytes", ("volume_mb",)),
    ("weekend_data_share", "megabytes of Saturday and Sunday / all megabytes", ("volume_mb",)),
    ("call_nocturnal_share", "calls at or before 7:00:00, or at or after 19:00:00 / all calls", ("kind",)),
    ("text_nocturnal_share", "messages at or before 7:00:00, or at or after 19:00:00 / all messages", ("kind",)),
    ("mean_call_minutes", "minutes of calls / answered calls", ("kind", "duration_s")),
    ("mean_session_mb", "megabytes / data sessions", ("kind", "volume_mb")),
)
_UNITS = {"mean_call_minutes": "minutes", "mean_session_mb": "MB"}
_SHARE_CHANGES = (
    ("off_net_change", "share of calls and messages with other networks", ("kind", "on_net")),
    ("forwarded_change", "share of forwarded calls", ("kind", "forwarded")),
    ("dropped_change", "share of dropped calls", ("kind", "dropped")),
    ("weekend_data_change", "share of megabytes on Saturday and Sunday", ("volume_mb",)),
)
_TRENDS = (
    ("outgoing", "outgoing calls and messages", "records per month", ("kind", "direction")),
    ("incoming", "incoming calls and messages", "records per month", ("kind", "direction")),
    ("minutes", "outgoing minutes", "minutes per month", ("kind", "direction", "duration_s")),
    ("data", "megabytes", "MB per month", ("kind", "volume_mb")),
)
_CHANGES = (
    ("outgoing_change", "outgoing calls and messages", ("kind", "direction")),
    ("incoming_change", "incoming calls and messages", ("kind", "direction")),
    ("data_change", "data volume", ("kind", "volume_mb")),
)
_MONEY = (
    ("bill_last", "money per month", "amount of the last month's bill", ("amount",)),
    ("bill_mean_3m", "money per month", "mean amount of the bills of the last 3 months", ("amount",)),
    ("bill_change", "share", "last bill / mean of the bills of the 3 months before - 1; 0 without one", ("amount",)),
    ("bill_shock", "share", "bill_change where the bill rose; 0 where it fell", ("amount",)),
    ("bill_max_4m", "money per month", "largest bill of the last 4 months", ("amount",)),
    (
        "bill_std_4m",
        "money per month",
        "standard deviation (population) of the bills of the last 4 months",
        ("amount",),
    ),
    ("overage_last", "money per month", "last bill - monthly_fee, 0 where it is below", ("amount",)),
    ("arrears_share_3m", "share 0..1", "arrears / amount of the last 3 months' bills", ("amount", "arrears")),
    ("unpaid_last", "0 or 1", "1 if something of the last month's bill is unpaid", ("arrears",)),
    (
        "margin_mean_3m",
        "money per month",
        "mean of amount - interconnect - cost_to_serve - arrears over the bills of the last 3 months",
        ("amount", "interconnect", "cost_to_serve", "arrears"),
    ),
)


@public("cdr")
def features(*, windows: Sequence[int] = (30, 90)) -> FeatureDictionary:
    """What columns can a customer view have?

    Parameters
    ----------
    windows : sequence of int, default (30, 90)
        Window lengths in days, each 1..3660; window features carry theirs in the name (``calls_out_30d``).

    Returns
    -------
    FeatureDictionary
        Name, group, unit and formula of each feature.

    Raises
    ------
    InputError
        If a window is not a whole number of days in range.

    Notes
    -----
    A share with an empty denominator is 0. A window of w days holds the records after ``as_of - w days`` and not
    after ``as_of``. The change features compare daily rates of the last 30 days (r1) with the 60 before (r0) as
    ``(r1 - r0) / (r1 + r0)``, from -1 (stopped) to 1 (new), 0 where both are 0.

    Examples
    --------
    >>> from custval.cdr import features
    >>> features()["night_share_30d"].unit
    'share 0..1'
    >>> features().groups[:6]
    ('profile', 'contract', 'volume', 'money', 'rhythm', 'mix')
    """
    days = check_windows(windows)
    made = [Feature(name, group, unit, how, "subscribers", (name,)) for name, group, unit, how in _SUBSCRIBER]
    made += _contract_features()
    for window in days:
        made += _window_features(window)
    made += _change_features()
    made += _table_features(days)
    longest = max(days)
    made += [*listed_account(), *listed_topups(days), *listed_rating()]
    made += [*listed_circle(longest), *listed_gaps(longest), *listed_talk(longest), *listed_ties(longest)]
    return FeatureDictionary(tuple(made))


def check_windows(windows: Sequence[int]) -> tuple[int, ...]:
    """Return the windows in days, or refuse them."""
    days = tuple(windows)
    whole = all(not isinstance(day, bool) and day == int(day) and 1 <= day <= 3660 for day in days)
    if not days or not whole or len(set(days)) < len(days):
        raise InputError(f"windows must be different whole numbers of days from 1 to 3660, not {windows!r}")
    return tuple(int(day) for day in days)


def chosen(known: FeatureDictionary, wanted: Iterable[str] | None, tables: Iterable[str]) -> tuple[Feature, ...]:
    """Return the features asked for by name or group; what the tables allow for None (the cheap ones) and "all"."""
    present = set(tables)
    if "daily_sums" in present and "cdr" not in present:
        kept = tuple(one for one in known.features if one.table != "cdr" or _from_days(one))
        known, present = FeatureDictionary(kept), {*present, "cdr"}
    if wanted is None or wanted == "all":
        some = [one for one in known.features if _tables(one) <= present]
        return tuple(one for one in some if wanted == "all" or one.cost in DEFAULT_COSTS)
    asked = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in asked:
        if name not in known.names and name not in known.groups:
            near = nearest(name, (*known.names, *known.groups))
            raise InputError(f"there is no feature or group {name!r}{near}; custval.cdr.features() lists them")
    picked = tuple(feature for feature in known.features if feature.name in asked or feature.group in asked)
    for feature in picked:
        for table in sorted(_tables(feature) - present):
            raise InputError(f"feature {feature.name!r} needs the table {table!r}, which was not given")
    return picked


def _from_days(feature: Feature) -> bool:
    """Say whether sums of days give a feature of the records."""
    return feature.cost in ("one pass", "second pass") and not feature.also and not feature.name.startswith("contacts_")


def _tables(feature: Feature) -> set[str]:
    return {feature.table, *(table for table, _ in feature.also)}


def _contract_features() -> list[Feature]:
    tenure = "calendar months from the month of activation to the month of as_of"
    ends = "calendar months until the running term ends, 1..12 or 1..24 as terms roll over; 0 without a term"
    return [
        Feature("tenure_months", "contract", "months", tenure, "subscribers", ("activation",)),
        Feature("months_to_end", "contract", "months", ends, "subscribers", ("contract", "contract_end")),
    ]


def _window_features(days: int) -> list[Feature]:
    base, tail = ("subscriber_id", "event_time"), f"in the last {days} days"
    totals = [
        Feature(f"{name}_{days}d", group, unit, f"{how} {tail}", "cdr", base + needs, _CHEAP)
        for name, group, unit, how, needs in _TOTALS
    ]
    shares = [
        Feature(
            f"{name}_{days}d",
            _group_of(name),
            _UNITS.get(name, "share 0..1"),
            f"{how}, {tail}",
            "cdr",
            base + needs,
            _CHEAP,
        )
        for name, how, needs in _SHARES
    ]
    people = Feature(
        f"contacts_{days}d",
        "contacts",
        "people",
        f"distinct other parties of calls and messages {tail}",
        "cdr",
        (*base, "kind", "other_party"),
        _CHEAP,
    )
    busy = Feature(f"active_days_{days}d", "rhythm", "days", f"calendar days with a record {tail}", "cdr", base, _CHEAP)
    how = f"calendar days with a call or a message {tail}"
    talks = Feature(f"talk_days_{days}d", "indicators", "days", how, "cdr", (*base, "kind"), "pairs")
    return [*totals, *shares, people, busy, talks]


_CHEAP = "one pass"


def _group_of(name: str) -> str:
    """Return the group of a share."""
    if name.endswith("nocturnal_share"):
        return "indicators"
    if name in ("night_share", "weekend_share", "business_share", "evening_share"):
        return "rhythm"
    if name.endswith("_data_share"):
        return "rhythm"
    return "balance" if name.endswith("_out_share") else "mix"


def _change_features() -> list[Feature]:
    base = ("subscriber_id", "event_time")
    rate = "change of the daily rate of {}, last 30 days against the 60 before, within -1..1"
    made = [
        Feature(name, "change", "-1..1", rate.format(what), "cdr", base + needs, _CHEAP)
        for name, what, needs in _CHANGES
    ]
    share = "{}, last 30 days minus the 60 before; 0 if either is empty"
    outgoing = share.format("share of outgoing among calls and messages")
    silent = "days since the last record, at most the longest window (at least 90)"
    needs = (*base, "kind", "direction")
    gap = "incoming_change - outgoing_change: high where a second SIM takes the outgoing calls"
    made += [
        Feature("out_balance_change", "change", "-1..1", outgoing, "cdr", needs, _CHEAP),
        Feature("recency_days", "change", "days", silent, "cdr", base, _CHEAP),
        Feature("erosion_gap", "erosion", "-2..2", gap, "cdr", needs, _CHEAP),
    ]
    made += [
        Feature(name, "erosion", "-1..1", share.format(what), "cdr", base + more, _CHEAP)
        for name, what, more in _SHARE_CHANGES
    ]
    return [*made, *listed_trends()]


def listed_trends() -> list[Feature]:
    """Return the slopes over six half months and their standard errors."""
    base, made = ("subscriber_id", "event_time"), []
    for name, what, unit, more in _TRENDS:
        how = f"least-squares slope of {what} over the six half months of the last 90 days"
        made.append(Feature(f"{name}_slope", "trend", f"{unit}, a month", how, "cdr", base + more, "second pass"))
        error = f"standard error of {name}_slope (4 degrees of freedom)"
        made.append(
            Feature(f"{name}_slope_error", "trend", f"{unit}, a month", error, "cdr", base + more, "second pass")
        )
    return made


def _table_features(windows: tuple[int, ...]) -> list[Feature]:
    care = [
        Feature(
            f"{name}_{days}d",
            "care",
            "contacts",
            f"{what} in the last {days} days",
            "contacts",
            ("subscriber_id", "event_time", "kind"),
        )
        for days in windows
        for name, what in (("complaints", "complaints"), ("enquiries", "enquiries"), ("save_calls", "retention calls"))
    ]
    fee = (("subscribers", ("monthly_fee",)),)
    money = [
        Feature(
            name,
            "money",
            unit,
            how,
            "bills",
            ("subscriber_id", "bill_time", *needs),
            also=fee if name == "overage_last" else (),
        )
        for name, unit, how, needs in _MONEY
    ]
    base = ("subscriber_id", "added", "removed")
    complaint = f"days since the last complaint, at most {max(windows)}"
    columns = ("subscriber_id", "event_time", "kind")
    absent = float(max(windows))
    return [
        *care,
        Feature("days_since_complaint", "care", "days", complaint, "contacts", columns, absent=absent),
        *money,
        Feature("services_held", "services", "services", "services held at as_of", "holdings", base),
        Feature("services_added_90d", "services", "services", "services added in the last 90 days", "holdings", base),
        Feature(
            "services_dropped_90d", "services", "services", "services removed in the last 90 days", "holdings", base
        ),
        Feature("services_ever", "services", "services", "services ever taken by as_of", "holdings", base),
        *_paying_features(),
    ]


def _paying_features() -> list[Feature]:
    """Return the features of payments, ageing of debts and renewals."""
    paid = ("subscriber_id", "due_time", "paid_time")
    aged = ("subscriber_id", "month_end", "days_1_30", "days_31_60", "days_61_90", "days_over_90")
    tail = "payments of bills due in the last 6 months"
    overdue = "amount overdue at the last month's end, as_of included"
    return [
        Feature("late_payments_6m", "money", "payments", f"{tail} that came late", "payments", paid),
        Feature("late_payment_share_6m", "money", "share 0..1", f"late / all {tail}", "payments", paid),
        Feature("days_late_mean_6m", "money", "days", f"mean days after the due day over {tail}", "payments", paid),
        Feature("overdue_amount", "money", "money", overdue, "ageing", aged),
        Feature(
            "overdue_60_share", "money", "share 0..1", f"part overdue for over 60 days / {overdue}", "ageing", aged
        ),
        Feature("renewals", "contract", "renewals", "terms renewed by as_of", "renewals", _RENEWED),
        Feature(
            *("days_since_renewal", "contract", "days", "days since the last renewal; -1 without one", "renewals"),
            _RENEWED,
            absent=-1.0,
        ),
    ]


_RENEWED = ("subscriber_id", "event_time")
