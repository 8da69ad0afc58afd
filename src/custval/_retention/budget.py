"""Which customers to choose, with which offer, when money and contacts are limited.

Each customer takes at most one of K offers with gain g and cost c. With a budget alone this is a multiple-choice
knapsack: along the concave frontier of each customer's offers the gain bought by the next unit of money falls, so
the steps of all frontiers are bought in order of gain for money until the budget is spent. That solves the linear
relaxation; only the first step that no longer fits separates it from a whole plan. That step may be most of a small
budget, so the plans of each offer alone and the best single contact compete, and what a plan leaves over is offered to
every contact that still fits; with a budget alone the best of them is at least half of the best possible. Contacts
dearer than the whole budget take no part. With a limit on contacts alone the customers of largest gain are best. With
both, the price of money is found by bisection on the Lagrangian, and exchanges at the margin use up what is left.
Every choice comes with an upper bound on the best.

References: Sinha and Zoltners (1979), Operations Research 27; Kellerer, Pferschy, Pisinger (2004), chapter 11 (chapter
2.5 for the half).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._retention.swaps import exchanged

__all__ = ("Choice", "Steps", "choose_contacts", "contenders", "frontier_steps")

LOOK_AHEAD = 64  # steps beyond the budget's end that may still use up what is left of it
TRIED = 1000  # contacts that are tried for what a plan leaves over
TOLERANCE = 1e-9  # a budget of 7 pays ten contacts of 0.7 although their floating sum is a hair above


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Rows chosen (ascending), the offer of each, and a bound that no plan within the limits can exceed."""

    row: IntArray
    offer: IntArray
    bound: float


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Steps along the frontiers in order of gain for money: customer, offer reached, gain and cost added."""

    row: IntArray
    offer: IntArray
    gain: FloatArray
    cost: FloatArray


def choose_contacts(gain: FloatArray, cost: FloatArray, *, budget: float, capacity: int | None) -> Choice:
    """Choose at most one offer for each customer: gain and cost (n, K), only gains above zero."""
    limit = len(gain) if capacity is None else capacity
    if not np.isfinite(budget) or not gain.size or limit == 0:
        return _largest(gain, limit)
    gain = _affordable(gain, cost, budget)
    # with a budget alone the choice looks at the contenders only, so that it can be made from them later
    rows = contenders(gain, cost, budget) if capacity is None else np.arange(len(gain))
    best = _best_of_several(gain[rows], cost[rows], budget, limit)
    return Choice(row=rows[best.row], offer=best.offer, bound=best.bound)


def contenders(gain: FloatArray, cost: FloatArray, budget: float) -> IntArray:
    """Return the rows (ascending) that a plan within a budget alone can hold: the choice needs no other.

    They are contenders in every part of the customers too, so those who are not can be forgotten block by block.
    """
    free = _affordable(gain, cost, budget)
    found = []
    for one in _offer_sets(gain.shape[1]):
        steps = frontier_steps(free[:, one], cost[:, one])
        found.append(steps.row[: steps_within(steps, budget) + LOOK_AHEAD])
    for k in range(gain.shape[1]):
        # the best alone, and the cheapest for what is left over; also where even that is beyond the budget
        for key, worth in ((-free[:, k], free[:, k] > 0), (cost[:, k], gain[:, k] > 0)):
            rows = np.flatnonzero(worth)
            found.append(rows[np.argsort(key[rows], kind="stable")[:LOOK_AHEAD]])
    return np.unique(np.concatenate(found)).astype(np.int64)


def frontier_steps(gain: FloatArray, cost: FloatArray) -> Steps:
    """Return the steps along the concave frontier of each customer's offers, best gain for money first."""
    n, offers = gain.shape
    at_gain, at_cost, price = np.zeros(n), np.zeros(n), np.full(n, np.inf)
    live = np.arange(n)
    found: list[tuple[IntArray, IntArray, FloatArray, FloatArray, FloatArray]] = []
    for _ in range(offers):
        more, dearer = gain[live] - at_gain[live, None], cost[live] - at_cost[live, None]
        slope = _slope(more, dearer)
        best = slope.max(axis=1, initial=-np.inf)
        # of equally good offers the one that gains the most, so that slopes fall strictly along a frontier
        offer = np.where(slope == best[:, None], more, -np.inf).argmax(axis=1)
        go = best > 0
        live, offer, best = live[go], offer[go], np.minimum(best[go], price[live[go]])
        found.append((live, offer, more[go, offer], np.maximum(dearer[go, offer], 0.0), best))
        at_gain[live], at_cost[live], price[live] = gain[live, offer], cost[live, offer], best
    return _in_order(found)


def steps_within(steps: Steps, budget: float) -> int:
    """Return how many of the first steps the budget pays."""
    return int(np.searchsorted(np.cumsum(steps.cost), _loosened(budget), side="right"))


def _slope(more: FloatArray, dearer: FloatArray) -> FloatArray:
    slope = np.full(more.shape, -np.inf)
    np.divide(more, dearer, out=slope, where=(more > 0) & (dearer > 0))
    slope[(more > 0) & (dearer <= 0)] = np.inf
    return slope


def _in_order(found: list[tuple[IntArray, IntArray, FloatArray, FloatArray, FloatArray]]) -> Steps:
    row, offer, gain, cost, slope = (np.concatenate(part) for part in zip(*found, strict=True))
    depth = np.repeat(np.arange(len(found)), [len(part[0]) for part in found])
    order = np.lexsort((row, -gain, depth, -slope))
    return Steps(row=row[order], offer=offer[order], gain=gain[order], cost=cost[order])


def _affordable(gain: FloatArray, cost: FloatArray, budget: float) -> FloatArray:
    """Return the gains, without those of contacts that the whole budget does not pay."""
    return np.where(cost <= _loosened(budget), gain, -np.inf)


def _offer_sets(offers: int) -> list[list[int]]:
    """Return all offers together, then each alone."""
    together = [list(range(offers))]
    return together if offers == 1 else together + [[k] for k in range(offers)]


def _best_of_several(gain: FloatArray, cost: FloatArray, budget: float, limit: int) -> Choice:
    """Return the best of the plans from all offers, from each alone, and of one contact, each topped up."""
    together = _one_plan(gain, cost, budget, limit)
    plans = [(together.row, together.offer)]
    for one in _offer_sets(gain.shape[1])[1:]:
        alone = _one_plan(gain[:, one], cost[:, one], budget, limit)
        plans.append((alone.row, alone.offer + one[0]))
    if (gain > 0).any():
        who, what = np.unravel_index(int(gain.argmax()), gain.shape)
        plans.append((np.array([who]), np.array([what])))
    full = [
        _spent(gain, cost, *plan, budget=budget, limit=limit, by_price=by) for plan in plans for by in (True, False)
    ]
    row, offer = max(full, key=lambda plan: float(gain[plan].sum()))
    order = np.argsort(row)
    return Choice(row=row[order], offer=offer[order], bound=together.bound)


def _one_plan(gain: FloatArray, cost: FloatArray, budget: float, limit: int) -> Choice:
    """Choose by the linear relaxation, rounded."""
    chosen = _within_budget(frontier_steps(gain, cost), budget)
    if len(chosen.row) <= limit:
        return chosen
    largest = _largest(gain, limit)
    if cost[largest.row, largest.offer].sum() <= _loosened(budget):
        return largest
    return _within_both(gain, cost, budget, limit)


def _spent(
    gain: FloatArray,
    cost: FloatArray,
    row: IntArray,
    offer: IntArray,
    *,
    budget: float,
    limit: int,
    by_price: bool,
) -> tuple[IntArray, IntArray]:
    """Offer what a plan leaves over to any contact that fits, or any better offer: by gain for money, or by gain."""
    held = np.full(len(gain), -1)
    held[row] = offer
    more, dearer = gain.copy(), cost.copy()
    more[row] -= gain[row, offer][:, None]
    dearer[row] -= cost[row, offer][:, None]
    left = _loosened(budget) - float(cost[row, offer].sum())
    who, what = np.nonzero((more > 0) & (dearer <= left))
    more, dearer = more[who, what], dearer[who, what]
    order = np.argsort(-_slope(more, dearer) if by_price else -more, kind="stable")[:TRIED]
    room, passed = limit - len(row), set[int]()
    for option in order.tolist():
        customer, new = int(who[option]), held[who[option]] < 0
        if customer in passed or dearer[option] > left or (new and not room):
            continue
        passed.add(customer)
        held[customer] = what[option]
        left -= float(dearer[option])
        room -= int(new)
    rows = np.flatnonzero(held >= 0)
    return rows, held[rows]


def _within_budget(steps: Steps, budget: float) -> Choice:
    paid = steps_within(steps, budget)
    spent = float(steps.cost[:paid].sum())
    left = max(_loosened(budget) - spent, 0.0)
    bound = float(steps.gain[:paid].sum())
    if paid < len(steps.row):
        bound += float(steps.gain[paid]) * min(left / float(steps.cost[paid]), 1.0)
    taken = np.append(np.arange(paid), _fill(steps, paid, left))
    return _last_offer(steps.row[taken], steps.offer[taken], bound)


def _fill(steps: Steps, paid: int, left: float) -> IntArray:
    """Return the steps after the first `paid` that what is left still buys, tried in order."""
    passed: set[int] = set()
    taken = []
    for step in range(paid, min(paid + LOOK_AHEAD, len(steps.row))):
        row, cost = int(steps.row[step]), float(steps.cost[step])
        if cost > left or row in passed:
            passed.add(row)
            continue
        taken.append(step)
        left -= cost
    return np.array(taken, dtype=np.int64)


def _last_offer(row: IntArray, offer: IntArray, bound: float) -> Choice:
    """Keep the last step of each customer: the offer at which its frontier walk stops."""
    rows, reversed_first = np.unique(row[::-1], return_index=True)
    return Choice(row=rows, offer=offer[::-1][reversed_first], bound=bound)


def _largest(value: FloatArray, limit: int) -> Choice:
    """Choose the `limit` customers whose best offer is worth the most, if above zero; ties by row."""
    offer = value.argmax(axis=1)
    best = value[np.arange(len(value)), offer]
    order = np.argsort(-best, kind="stable")[:limit]
    rows = np.sort(order[best[order] > 0])
    return Choice(row=rows, offer=offer[rows], bound=float(best[rows].sum()))


def _within_both(gain: FloatArray, cost: FloatArray, budget: float, limit: int) -> Choice:
    """Bisect the price of money until the `limit` best customers at that price fit the budget."""
    low, high = 0.0, _highest_price(gain, cost)
    chosen = _largest(gain - high * cost, limit)
    bound = chosen.bound + high * budget
    for _ in range(60):
        price = 0.5 * (low + high)
        trial = _largest(gain - price * cost, limit)
        bound = min(bound, trial.bound + price * budget)
        if cost[trial.row, trial.offer].sum() <= _loosened(budget):
            high, chosen = price, trial
        else:
            low = price
        if high - low <= 1e-12 * high:
            break
    row, offer = _topped_up(gain, cost, chosen, budget=budget, limit=limit)
    row, offer = exchanged(gain, cost, row, offer, budget=_loosened(budget), price=high)
    order = np.argsort(row)
    return Choice(row=row[order], offer=offer[order], bound=bound)


def _topped_up(
    gain: FloatArray, cost: FloatArray, chosen: Choice, *, budget: float, limit: int
) -> tuple[IntArray, IntArray]:
    """Spend what is left of both limits on customers not yet chosen."""
    free: BoolArray = np.ones(len(gain), dtype=bool)
    free[chosen.row] = False
    others = np.flatnonzero(free)
    left = max(_loosened(budget) - float(cost[chosen.row, chosen.offer].sum()), 0.0)
    extra = _within_budget(frontier_steps(gain[others], cost[others]), left)
    room = limit - len(chosen.row)
    return np.append(chosen.row, others[extra.row[:room]]), np.append(chosen.offer, extra.offer[:room])


def _highest_price(gain: FloatArray, cost: FloatArray) -> float:
    """Return a price of money at which nobody who costs money is worth it."""
    costly = (cost > 0) & (gain > 0)
    return float(2.0 * (gain[costly] / cost[costly]).max()) if costly.any() else 0.0


def _loosened(budget: float) -> float:
    return budget * (1.0 + TOLERANCE)
