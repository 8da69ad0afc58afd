"""How near a world comes to the published figures of the field, with a tolerance for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import BoolArray, FloatArray, IntArray, TextArray
from custval._synth.calendar import DAY, Calendar
from custval._synth.hazard import months_to_end
from custval._synth.population import FIRST_ID
from custval._synth.scenario import CONTRACTS
from custval._synth.world import World

__all__ = ("Calibration", "calibration_report")


@public("synth")
@dataclass(frozen=True, slots=True, eq=False)
class Calibration(Result):
    """A world beside the figures it should reproduce.

    Attributes
    ----------
    fact, source : ndarray of object, shape (f,)
        What is compared, and where the figure comes from.
    world : ndarray, shape (f,)
        The number of this world.
    low, high : ndarray, shape (f,)
        The range that passes: published figure and tolerance, widened for counts by three standard errors.
    ok : ndarray of bool, shape (f,)
        Whether the world is inside.

    Examples
    --------
    >>> from custval.synth import TelecomWorld, calibration_report
    >>> report = calibration_report(TelecomWorld(n_subscribers=500, seed=1).simulate())
    >>> report.fact[2], bool(report.ok[2])
    ('missed calls', True)
    """

    fact: TextArray
    source: TextArray
    world: FloatArray
    low: FloatArray
    high: FloatArray
    ok: BoolArray

    @property
    def passed(self) -> bool:
        """Whether every figure is inside its range."""
        return bool(self.ok.all())


Row = tuple[str, str, float, float, float]


@public("synth")
def calibration_report(world: World) -> Calibration:
    """Does this world look like the published figures of the field?

    Parameters
    ----------
    world : World
        Of the scenario "contract market"; other scenarios differ on purpose. It needs call records.

    Returns
    -------
    Calibration
        One row for each figure, with its range and whether the world is inside.

    Raises
    ------
    InputError
        If the world has no call records.

    References
    ----------
    Sapiezynski et al. (2019), the Copenhagen Networks Study (gaps, durations, hours); IBM Telco sample (hazards by
    contract, revenue, causes of leaving).

    Examples
    --------
    >>> from custval.synth import TelecomWorld, calibration_report
    >>> report = calibration_report(TelecomWorld(n_subscribers=3000, months=12, seed=3).simulate())
    >>> report.passed
    True
    """
    cdr = world.tables["cdr"]
    voice = cdr[cdr["kind"] == "voice"]
    if voice.empty:
        raise InputError("the world has no call records to compare; raise records_per_subscriber_month")
    messages = cdr[cdr["kind"] == "sms"]
    rows = [*_gaps(voice, messages), *_durations(voice), *_hours(voice), *_circles(cdr), *_hazards(world)]
    rows += _money(world)
    facts, sources, numbers, low, high = zip(*rows, strict=True)
    values, least, most = (np.asarray(column, dtype=np.float64) for column in (numbers, low, high))
    return Calibration(
        fact=frozen(np.array(facts, dtype=object)),
        source=frozen(np.array(sources, dtype=object)),
        world=frozen(values),
        low=frozen(least),
        high=frozen(most),
        ok=frozen((values >= least) & (values <= most)),
    )


def _near(fact: str, source: str, value: float, target: float, tolerance: float) -> Row:
    return fact, source, float(value), target - tolerance, target + tolerance


def _rate(fact: str, source: str, counts: tuple[int, int], target: float, tolerance: float) -> Row:
    """Return a row for a share: the tolerance is widened by three binomial standard errors."""
    hits, of = counts
    wide = tolerance + 3.0 * float(np.sqrt(target * (1.0 - target) / max(of, 1)))
    return fact, source, hits / max(of, 1), max(target - wide, 0.0), target + wide


def burstiness(subscriber: IntArray, time: IntArray, least: int = 20) -> FloatArray:
    """Return (s - m) / (s + m) of the gaps of each subscriber with at least `least` events (Goh, Barabasi 2008)."""
    order = np.lexsort((time, subscriber))
    who, moments = subscriber[order], time[order].astype(np.float64)
    same = who[1:] == who[:-1]
    gaps, owner = np.diff(moments)[same], np.unique(who, return_inverse=True)[1][1:][same]
    count = np.bincount(owner)
    mean = np.bincount(owner, gaps) / np.maximum(count, 1)
    spread = np.sqrt(np.maximum(np.bincount(owner, gaps**2) / np.maximum(count, 1) - mean**2, 0.0))
    enough = (count + 1 >= least) & (mean > 0)
    burst: FloatArray = (spread[enough] - mean[enough]) / (spread[enough] + mean[enough])
    return burst


def _gaps(voice: Any, messages: Any) -> list[Row]:
    source, rows = "Copenhagen Networks Study", []
    for kind, frame, target, tolerance in (("calls", voice, 0.268, 0.07), ("messages", messages, 0.500, 0.08)):
        values = burstiness(frame["subscriber_id"].to_numpy(), frame["event_time"].to_numpy())
        if len(values):
            rows.append(_near(f"burstiness of {kind}, median", source, float(np.median(values)), target, tolerance))
    return rows


def _durations(voice: Any) -> list[Row]:
    source, seconds = "Copenhagen Networks Study", voice["duration_s"].to_numpy()
    answered = seconds[seconds > 0]
    rows = [_rate("missed calls", source, (int((seconds == 0).sum()), len(seconds)), 0.102, 0.005)]
    for share, target in ((0.5, 16.0), (0.75, 57.0), (0.9, 138.0), (0.99, 797.0)):
        value = float(np.quantile(answered, share))
        rows.append(_near(f"answered duration, quantile {share:g} (s)", source, value, target, 0.15 * target))
    return rows


def _hours(voice: Any) -> list[Row]:
    source = "Copenhagen Networks Study"
    counts = np.bincount((voice["event_time"].to_numpy() % DAY) // 3600, minlength=24)
    night = _rate("calls from 0 to 7 h", source, (int(counts[:7].sum()), int(counts.sum())), 0.05, 0.01)
    noon = ("first hump (h)", source, float(9 + counts[9:15].argmax()), 11.0, 13.0)
    evening = ("second hump (h)", source, float(15 + counts[15:21].argmax()), 16.0, 18.0)
    return [night, noon, evening]


def _circles(cdr: Any) -> list[Row]:
    """Compare the number of contacts: a heavy tail, and few new ones after some thirty days."""
    talks = cdr[cdr["kind"] != "data"]
    pairs = talks.groupby(["subscriber_id", "other_party"], observed=True)["event_time"].min()
    degree = pairs.groupby("subscriber_id").size().to_numpy()
    heavy = float(np.quantile(degree, 0.99) / np.median(degree))
    spread = float(degree.std() / degree.mean())
    return [
        ("degree, quantile 0.99 / median (times)", "Onnela 2007 (heavy tail)", heavy, 2.5, 12.0),
        ("degree, variation (sd / mean)", "Onnela 2007 (heavy tail)", spread, 0.5, 2.5),
    ]


def _hazards(world: World) -> list[Row]:
    source, truth = "IBM Telco", world.truth
    contract = world.tables["subscribers"]["contract"].to_numpy().astype(str)
    left = np.isin(truth.subscriber_id, world.tables["departures"]["subscriber_id"].to_numpy())
    rows = []
    for name, target in zip(CONTRACTS, (0.0237, 0.0027, 0.0005), strict=True):
        of, hits = int(truth.at_risk[contract == name].sum()), int(left[contract == name].sum())
        rows.append(_rate(f"monthly hazard, {name}", source, (hits, of), target, 0.15 * target))
    cause = world.tables["departures"]["cause"]
    for name, target in (("voluntary", 0.90), ("incidental", 0.028)):
        rows.append(_rate(f"share of causes, {name}", source, (int((cause == name).sum()), len(cause)), target, 0.02))
    if world.truth.departed_tie.any():
        tie, at_risk = world.truth.departed_tie, world.truth.at_risk
        hazard = world.truth.hazard[..., 0]
        ratio = float(hazard[at_risk & tie].mean() / hazard[at_risk & ~tie].mean())
        rows.append(("hazard with a departed tie (times)", "Dasgupta 2008", ratio, 1.5, 3.0))
    rows.append(("contract-end spike (times)", "assumption", _spike(world), 2.0, 10.0))
    return rows


def _spike(world: World) -> float:
    """Return the true mean hazard in the month in which a term ends over that of the other months of terms."""
    people, calendar = world.tables["subscribers"], Calendar.starting(world.start, world.months)
    contract = people["contract"].to_numpy().astype(str)
    term = np.select([contract == "one year", contract == "two years"], [12, 24], 0)
    end = people["contract_end"].to_numpy().astype("datetime64[M]").astype(np.int64) - calendar.first + 1
    months = np.arange(world.months)
    ending = months_to_end(end[:, None], term[:, None], months) == 1
    hazard, at_risk = world.truth.hazard.sum(axis=2), world.truth.at_risk & (term > 0)[:, None]
    here, other = at_risk & ending, at_risk & ~ending
    return float(hazard[here].mean() / hazard[other].mean()) if here.any() and other.any() else 1.0


def _money(world: World) -> list[Row]:
    bills, people, source = world.tables["bills"], world.tables["subscribers"], "IBM Telco"
    activation = people["activation"].to_numpy().astype("datetime64[M]").astype(np.int64)
    end = Calendar.starting(world.start, world.months).first + world.months - 1
    left = world.tables["departures"]
    stayed = np.full(len(people), end)
    stayed[left["subscriber_id"].to_numpy() - FIRST_ID] = (
        left["departure_time"].to_numpy().astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    )
    tenure = np.maximum(stayed - activation, 1)
    fee = people["monthly_fee"].to_numpy()
    owed, billed = float(bills["arrears"].sum()), float(bills["amount"].sum())
    return [
        _near("Gini of monthly charge", source, gini(fee), 0.265, 0.03),
        _near("Gini of lifetime revenue", source, gini(fee * tenure), 0.515, 0.05),
        ("bad debt / revenue", "trade press", owed / billed, 0.01, 0.06),
    ]


def gini(values: FloatArray) -> float:
    """Return the Gini coefficient in its population form: mean absolute difference over twice the mean."""
    ordered, n = np.sort(values), len(values)
    rank = 2.0 * np.arange(1, n + 1) - n - 1
    return float((rank * ordered).sum() / (n * ordered.sum()))
