"""Top-ups of prepaid subscribers, and what a list of top-ups really says about who is still there.

While a subscriber is there, top-ups come at random with an own rate; amounts are gamma with an own mean. Nobody
announces the end of a prepaid line: the true P(alive) weighs a long silence against the true hazard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.calendar import DAY, Calendar
from custval._synth.population import Population
from custval._synth.setting import Setting

__all__ = ("Topups", "all_topups", "month_topups", "probability_alive")

MONTH = 30.4375 * DAY


@dataclass(frozen=True, slots=True)
class Topups:
    """One element for each top-up: the place of the subscriber in the block, the time and the amount."""

    subscriber: IntArray
    time: IntArray
    amount: FloatArray


class Spans(Protocol):
    """From when to when each subscriber is active in each month."""

    begin: IntArray
    end: IntArray
    activated: IntArray


def month_topups(setting: Setting, people: Population, spans: Spans, block: int, month: int) -> Topups:
    """Return the top-ups of one block in one month; a newcomer starts with one at activation."""
    rng, at, n = setting.stream("topups", block, month), month - 1, len(people)
    begin, end = spans.begin[:, at], spans.end[:, at]
    many = rng.poisson(people.topup_rate * (end - begin) / MONTH)
    new = people.prepaid & (people.activation_month == month)
    who = np.concatenate([np.repeat(np.arange(n), many), np.flatnonzero(new)])
    inside = begin[who] + np.floor(rng.random(len(who)) * (end - begin)[who]).astype(np.int64)
    time = np.where(np.arange(len(who)) < int(many.sum()), inside, spans.activated[who])
    shape = setting.scenario.topup_amount_gamma[0]
    amount = np.maximum(rng.gamma(shape, 1.0, len(who)) * people.topup_mean[who] / shape, 0.01).round(2)
    return Topups(who, time, amount)


def all_topups(setting: Setting, people: Population, spans: Spans, block: int) -> Topups:
    """Return the top-ups of one block in all months, in the order of time."""
    if not people.prepaid.any():
        nothing = np.zeros(0, dtype=np.int64)
        return Topups(nothing, nothing, np.zeros(0))
    parts = [month_topups(setting, people, spans, block, month) for month in range(1, setting.months + 1)]
    who = np.concatenate([part.subscriber for part in parts])
    time = np.concatenate([part.time for part in parts])
    order = np.lexsort((who, time))
    return Topups(who[order], time[order], np.concatenate([part.amount for part in parts])[order])


def probability_alive(
    calendar: Calendar, hazard: FloatArray, rate: FloatArray, last: IntArray, joined: BoolArray
) -> FloatArray:
    """Return P(still there at the end | no top-up since `last`, the true rate and the true hazard of each month).

    By Bayes: to be there one must survive and stay silent by chance until the end; or one left in a month m after
    `last` and was silent by chance only until then. Departures spread evenly over a month but its first day.

    Parameters
    ----------
    calendar : Calendar
        Of M months.
    hazard : ndarray, shape (n, M)
        Chance of leaving in each month if there at its beginning; also known beyond the true departure.
    rate : ndarray, shape (n,)
        Top-ups per month.
    last : ndarray of int64, shape (n,)
        Epoch seconds of the last top-up, or from when the subscriber was watched.
    joined : ndarray of bool, shape (n, M)
        Whether the month comes after the month of joining: nobody leaves before.
    """
    months = np.arange(1, hazard.shape[1] + 1)
    opens, closes = calendar.month_start(months) + DAY, calendar.month_end(months)
    before = np.clip((last[:, None] - opens) / (closes - opens), 0.0, 1.0)  # part of the month known to be survived
    chance = np.where(joined, hazard, 0.0)
    chance = chance * (1.0 - before) / np.maximum(1.0 - chance * before, 1e-12)
    ends = int(calendar.month_end(hazard.shape[1]))
    pace = rate[:, None] / MONTH
    alive, gone = np.ones(len(rate)), np.zeros(len(rate))
    low = np.maximum(np.maximum(opens, last[:, None]) - last[:, None], 0)
    high = np.maximum(closes - last[:, None], 0)
    width = np.maximum(high - low, 1)
    quiet = (np.exp(-pace * low) - np.exp(-pace * high)) / np.maximum(pace * width, 1e-12)
    for month in range(hazard.shape[1]):
        gone += alive * chance[:, month] * quiet[:, month]
        alive *= 1.0 - chance[:, month]
    alive *= np.exp(-rate * (ends - last) / MONTH)
    answer: FloatArray = alive / np.maximum(alive + gone, 1e-300)
    return answer
