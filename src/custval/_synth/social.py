"""Whom each subscriber talks with: communities, a heavy-tailed number of contacts, many of them on other networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.population import FIRST_ID, Population
from custval._synth.setting import Setting

__all__ = ("OFF_NET_ID", "Contacts", "closest_ties", "draw_contacts")

OFF_NET_ID = 9_000_000_000  # numbers of other networks stand above this one
_CIRCLE = 5  # those called most, whose departure is felt


@dataclass(frozen=True, slots=True)
class Contacts:
    """The contact lists of a block, end to end: subscriber i has `degree[i]` of them from `offset[i]` on.

    A list is ordered from the most to the least called; `other` holds the numbers.
    """

    offset: IntArray
    degree: IntArray
    other: IntArray
    power: float

    def pick(self, who: IntArray, uniform: FloatArray) -> IntArray:
        """Return the other party of a record of each `who`: the first on a list are called most."""
        rank = (self.degree[who] * uniform**self.power).astype(np.int64)
        other: IntArray = self.other[self.offset[who] + rank]
        return other


def draw_contacts(setting: Setting, people: Population, block: int, first: int) -> Contacts:
    """Draw the contact lists of the subscribers of one block, the first of whom is number `first` of the world."""
    rng, n, world, scenario = setting.stream("social", block), len(people), setting.n_subscribers, setting.scenario
    many = scenario.degree_scale * people.activity**0.5 * (1 + rng.pareto(scenario.degree_tail, n))
    degree = np.clip(np.floor(many), 3, 250).astype(np.int64)
    who = np.repeat(np.arange(n), degree)
    kind = rng.random(len(who))
    other = OFF_NET_ID + rng.integers(1, 50 * world, len(who))
    near = kind < scenario.near_share
    far = (kind >= scenario.near_share) & (kind < scenario.near_share + scenario.far_share)
    other[near] = FIRST_ID + first + _neighbours(rng, people.community, who[near])
    other[far] = FIRST_ID + rng.integers(0, world, int(far.sum()))
    offset = np.cumsum(degree) - degree
    _close_groups(people, first, offset, other)
    other[_itself(other, who, first)] = OFF_NET_ID
    return Contacts(offset, degree, other, scenario.favourite_power)


def closest_ties(setting: Setting, contacts: Contacts, first: int, n: int) -> IntArray:
    """Return the places in the block of those whom each one calls most, shape (n, ties); -1 for numbers elsewhere."""
    if "contagion" not in setting.behaviours:
        return np.zeros((n, 0), dtype=np.int64)
    rank = np.minimum(np.arange(_CIRCLE), contacts.degree[:, None] - 1)
    place = contacts.other[contacts.offset[:, None] + rank] - FIRST_ID - first
    return np.where((place >= 0) & (place < n), place, -1)


def _close_groups(people: Population, first: int, offset: IntArray, other: IntArray) -> None:
    """Let employees of a company call each other first: a closed user group (the next and the one after, in a ring)."""
    members = np.flatnonzero(people.company >= 0)
    if not len(members):
        return
    size = np.unique(people.company[members], return_counts=True)[1]
    order = np.argsort(people.company[members], kind="stable")
    ranked = members[order]
    start = np.repeat(np.cumsum(size) - size, size)
    inside = np.arange(len(ranked)) - start
    many = np.repeat(size, size)
    for step in (1, 2):
        mate = ranked[start + (inside + step) % many]
        other[offset[ranked] + step - 1] = FIRST_ID + first + mate


def _neighbours(rng: np.random.Generator, community: IntArray, who: IntArray) -> IntArray:
    """Return a member of the community of each `who`; members of a community stand side by side."""
    begin = np.searchsorted(community, community[who])
    size = np.searchsorted(community, community[who], side="right") - begin
    return begin + np.floor(rng.random(len(who)) * size).astype(np.int64)


def _itself(other: IntArray, who: IntArray, first: int) -> BoolArray:
    itself: BoolArray = other == FIRST_ID + first + who
    return itself
