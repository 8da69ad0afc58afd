"""Whom a subscriber talks with: one group-by of pairs (subscriber, other party), then what the pairs say together.

The indicators of calls and of texts are those of bandicoot (de Montjoye, Rocher, Pentland 2016), its faults mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from custval._cdr.feature import Feature
from custval._cdr.moment import Moment
from custval._cdr.summaries import STATISTICS, Summary, ratio, summarised
from custval._cdr.windows import in_order

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("circle_features", "listed_circle")

_NEEDS = ("subscriber_id", "event_time", "kind", "direction", "other_party")
_KINDS = {"call": "voice", "text": "sms"}
_PARETO = 0.8
_RECENT = 30  # days: contacts first seen since are new, contacts not seen since are lost

_WHOLE = (
    ("contact_entropy", "nats", "- sum over contacts of p ln p, p the share of calls and messages"),
    ("top_contact_share", "share 0..1", "calls and messages with the contact of most / all"),
    ("reciprocity", "share 0..1", "contacts with both directions / contacts"),
    ("pareto_share", "share 0..1", "fewest contacts that make 80 % of calls and messages / contacts"),
    ("new_contacts", "people", "contacts first seen in the last 30 days"),
    ("lost_contacts", "people", "contacts not seen in the last 30 days"),
)
_OF_KIND = (
    ("contacts", "people", "distinct other parties of {}s"),
    ("contact_entropy", "nats", "- sum over contacts of p ln p, p the share of {}s"),
    ("pareto_share", "share 0..1", "fewest contacts that make 80 % of {}s / contacts"),
)
_SPREAD = (
    ("balance", "share 0..1", "outgoing {}s to a contact / all {}s"),
    ("balance_unweighted", "share 0..1", "outgoing {}s to a contact / all {}s with that contact"),
    ("per_contact", "{}s", "{}s with a contact"),
)


def listed_circle(days: int) -> list[Feature]:
    """Return the features of the circle over the longest window."""
    tail = f"in the last {days} days"
    made = [_feature(f"{name}_{days}d", unit, f"{how}, {tail}", "contacts") for name, unit, how in _WHOLE]
    for kind in _KINDS:
        for name, unit, how in _OF_KIND:
            made.append(_feature(f"{kind}_{name}_{days}d", unit, f"{how.format(kind)}, {tail}", "indicators"))
        for name, unit, how in _SPREAD:
            words = how.format(kind, kind)
            for statistic in STATISTICS:
                unit_of = unit.format(kind) if statistic not in ("skewness", "kurtosis") else "number"
                text = f"{statistic} over contacts of: {words}, {tail}"
                made.append(_feature(f"{kind}_{name}_{statistic}_{days}d", unit_of, text, "indicators"))
    how = f"fewest contacts that make 80 % of the seconds of calls / contacts, {tail}"
    made.append(_feature(f"call_duration_pareto_share_{days}d", "share 0..1", how, "indicators", more=("duration_s",)))
    return made


def _feature(name: str, unit: str, how: str, group: str, more: tuple[str, ...] = ()) -> Feature:
    cost = "windows" if "pareto" in name else "pairs"
    return Feature(name, group, unit, how, "cdr", (*_NEEDS, *more), cost)


def circle_features(records: nw.LazyFrame[Any], now: Moment, days: int, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return the features `names` of each subscriber who talked within `days`."""
    import narwhals as nw

    stems = [name.removesuffix(f"_{days}d") for name in names]
    pairs = _pairs(records, now, days, timed="call_duration_pareto_share" in stems)
    pareto = [stem for stem in stems if stem.endswith("pareto_share")]
    pairs = _with_pareto(pairs, pareto)
    described = [column for column in _spread_columns() if any(stem.startswith(column) for stem in stems)]
    plain = [*_SUMS, *[f"_{stem}" for stem in pareto]]
    tops = [nw.col("_talks").max().alias("_top")]
    heads = summarised(pairs, described, more=[*[nw.col(name).sum() for name in plain], *tops])
    return heads.select("subscriber_id", *[_made(stem).alias(name) for stem, name in zip(stems, names, strict=True)])


_SUMS = (
    *("_pair", "_talks", "_talk_log", "_both", "_new", "_lost"),
    *(f"_{kind}{what}" for kind in _KINDS for what in ("s", "_log", "_there")),
)


def _pairs(records: nw.LazyFrame[Any], now: Moment, days: int, *, timed: bool) -> nw.LazyFrame[Any]:
    """Return one row for each subscriber and other party, with what the two did in the window."""
    import narwhals as nw

    time, out, voice = nw.col("event_time"), nw.col("direction") == "out", nw.col("kind") == "voice"
    talks = records.filter((voice | (nw.col("kind") == "sms")) & (time > now.days_before(days)))
    marked = talks.select(
        "subscriber_id",
        "other_party",
        time.cast(nw.Float64).alias("_first"),
        time.cast(nw.Float64).alias("_last"),
        (voice & out).cast(nw.Float64).alias("_call_out"),
        voice.cast(nw.Float64).alias("_calls"),
        (~voice & out).cast(nw.Float64).alias("_text_out"),
        (~voice).cast(nw.Float64).alias("_texts"),
        *([(nw.col("duration_s").cast(nw.Float64) * voice.cast(nw.Float64)).alias("_seconds")] if timed else []),
    )
    sums = ["_call_out", "_calls", "_text_out", "_texts", *(["_seconds"] if timed else [])]
    pairs = marked.group_by("subscriber_id", "other_party").agg(
        nw.col("_first").min(), nw.col("_last").max(), *[nw.col(name).sum() for name in sums]
    )
    return _described(pairs, now)


def _described(pairs: nw.LazyFrame[Any], now: Moment) -> nw.LazyFrame[Any]:
    """Add to each pair what is summed or summarised over the pairs of a subscriber."""
    import narwhals as nw

    recent, talks = float(now.days_before(_RECENT)), nw.col("_calls") + nw.col("_texts")
    out = nw.col("_call_out") + nw.col("_text_out")
    pairs = pairs.with_columns(talks.alias("_talks"))
    columns = [
        (nw.col("_talks") > 0.0).cast(nw.Float64).alias("_pair"),
        _n_log_n(nw.col("_talks")).alias("_talk_log"),
        ((out > 0.0) & (out < nw.col("_talks"))).cast(nw.Float64).alias("_both"),
        (nw.col("_first") > recent).cast(nw.Float64).alias("_new"),
        (nw.col("_last") <= recent).cast(nw.Float64).alias("_lost"),
    ]
    for kind in _KINDS:
        sent, n = nw.col(f"_{kind}_out"), nw.col(f"_{kind}s")
        columns += [
            _n_log_n(n).alias(f"_{kind}_log"),
            (n > 0.0).cast(nw.Float64).alias(f"_{kind}_there"),
            nw.when(n > 0.0).then(sent).alias(f"{kind}_balance"),
            nw.when(n > 0.0).then(ratio(sent, n)).alias(f"{kind}_balance_unweighted"),
            nw.when(n > 0.0).then(n).alias(f"{kind}_per_contact"),
        ]
    return pairs.with_columns(*columns)


def _spread_columns() -> list[str]:
    return [f"{kind}_{name}" for kind in _KINDS for name, _, _ in _SPREAD]


def _n_log_n(n: nw.Expr) -> nw.Expr:
    """Return n ln n; a pair without records of the kind adds 0."""
    import narwhals as nw

    return nw.when(n > 0.0).then(n * (n + (n == 0.0).cast(nw.Float64)).log()).otherwise(0.0)


_PARETO_OF = {
    "pareto_share": "_talks",
    "call_pareto_share": "_calls",
    "text_pareto_share": "_texts",
    "call_duration_pareto_share": "_seconds",
}


def _with_pareto(pairs: nw.LazyFrame[Any], stems: Sequence[str]) -> nw.LazyFrame[Any]:
    """Mark the contacts that are needed for 80 %: those before which less had been summed, the largest first."""
    import narwhals as nw

    for stem in stems:
        name = _PARETO_OF[stem]
        n = nw.col(name)
        pairs = pairs.with_columns((0.0 - n).alias("_minus"))
        pairs = in_order(pairs, "subscriber_id", "_minus", "other_party")
        total = n.sum().over("subscriber_id")
        upto = n.cum_sum().over("subscriber_id", order_by=["_minus", "other_party"])
        pairs = pairs.with_columns(total.alias("_total"), upto.alias("_upto"))
        needed = (nw.col("_upto") - n < _PARETO * nw.col("_total")) & (nw.col("_total") > 0.0)
        pairs = pairs.with_columns(needed.cast(nw.Float64).alias(f"_{stem}"))
    return pairs


def _made(stem: str) -> nw.Expr:
    """Return a feature from the sums over the pairs of a subscriber."""
    import narwhals as nw

    col = nw.col
    kind = next((kind for kind in _KINDS if stem.startswith(f"{kind}_")), None)
    if stem.endswith("pareto_share"):
        return ratio(col(f"_{stem}"), col(f"_{kind}_there" if kind else "_pair"))
    if kind is None:
        whole = {
            "contact_entropy": _entropy(col("_talk_log"), col("_talks")),
            "top_contact_share": ratio(col("_top"), col("_talks")),
            "reciprocity": ratio(col("_both"), col("_pair")),
            "new_contacts": col("_new"),
            "lost_contacts": col("_lost"),
        }
        return whole[stem]
    if stem == f"{kind}_contacts":
        return col(f"_{kind}_there")
    if stem == f"{kind}_contact_entropy":
        return _entropy(col(f"_{kind}_log"), col(f"_{kind}s"))
    column, statistic = stem.rsplit("_", 1)
    made = Summary(column).statistic(statistic)
    if column == f"{kind}_balance" and statistic not in ("skewness", "kurtosis"):
        return ratio(made, col(f"_{kind}s"))  # outgoing to a contact was summarised; the share is of all
    return made


def _entropy(n_log_n: nw.Expr, total: nw.Expr) -> nw.Expr:
    """Return ln N - (sum of n ln n) / N, which is - sum of p ln p; rounding never makes it negative."""
    import narwhals as nw

    some = total > 0.0
    entropy = (total + (~some).cast(nw.Float64)).log() - ratio(n_log_n, total)
    return nw.when(some & (entropy > 1e-12)).then(entropy).otherwise(0.0)
