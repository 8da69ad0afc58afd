"""Whom each subscriber talks with: communities, a heavy-tailed number of contacts, many of them on other networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.population import FIRST_ID, Population
from custval._synth.setting import Setting

__all__ = ("OFF_NET_ID", "Contacts", "draw_contacts")

OFF_NET_ID = 9_000_000_000  # numbers of other networks stand above this one


@dataclass(frozen=True, slots=True)
class Contacts:
    """The contact lists of a block, end to end: subscriber i has `degree[i]` of them from `offset[i]` on.

    A list is ordered from the most to the least called; `other` holds the numbers.
    """

    offset: IntArray
    degree: IntArray
    other: IntArray

    def pick(self, who: IntArray, uniform: FloatArray) -> IntArray:
        """Return the other party of a record of each `who`: the first on a list are called most."""
        rank = (self.degree[who] * uniform**2.2).astype(np.int64)
        other: IntArray = self.other[self.offset[who] + rank]
        return other


def draw_contacts(setting: Setting, people: Population, block: int, first: int) -> Contacts:
    """Draw the contact lists of the subscribers of one block, the first of whom is number `first` of the world."""
    rng, n, world = setting.stream("social", block), len(people), setting.n_subscribers
    degree = np.clip(np.floor(6 * people.activity**0.5 * (1 + rng.pareto(2.3, n))), 3, 250).astype(np.int64)
    who = np.repeat(np.arange(n), degree)
    kind = rng.random(len(who))
    other = OFF_NET_ID + rng.integers(1, 50 * world, len(who))
    near, far = kind < 0.38, (kind >= 0.38) & (kind < 0.48)
    other[near] = FIRST_ID + first + _neighbours(rng, people.community, who[near])
    other[far] = FIRST_ID + rng.integers(0, world, int(far.sum()))
    other[_itself(other, who, first)] = OFF_NET_ID
    return Contacts(np.cumsum(degree) - degree, degree, other)


def _neighbours(rng: np.random.Generator, community: IntArray, who: IntArray) -> IntArray:
    """Return a member of the community of each `who`; members of a community stand side by side."""
    begin = np.searchsorted(community, community[who])
    size = np.searchsorted(community, community[who], side="right") - begin
    return begin + np.floor(rng.random(len(who)) * size).astype(np.int64)


def _itself(other: IntArray, who: IntArray, first: int) -> BoolArray:
    itself: BoolArray = other == FIRST_ID + first + who
    return itself
