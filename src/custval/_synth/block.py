"""One block of subscribers, from the people to what they did: all that its tables are written from."""

from __future__ import annotations

from dataclasses import dataclass

from custval._synth.months import Panel, live
from custval._synth.population import Population, draw_population
from custval._synth.services import Holdings, draw_holdings
from custval._synth.setting import Setting
from custval._synth.social import Contacts, closest_ties, draw_contacts
from custval._synth.streams import blocks

__all__ = ("Block", "make_block")


@dataclass(frozen=True, slots=True)
class Block:
    """Block number `index`, whose first subscriber is number `first` of the world."""

    setting: Setting
    index: int
    first: int
    people: Population
    panel: Panel
    contacts: Contacts
    holdings: Holdings


def make_block(setting: Setting, index: int) -> Block:
    """Draw the people of a block and let them live; nothing of any other block is needed."""
    first, last = blocks(setting.n_subscribers)[index]
    people = draw_population(setting, index, first, last)
    contacts = draw_contacts(setting, people, index, first)
    panel = live(setting, people, closest_ties(setting, contacts, first, len(people)), index)
    return Block(setting, index, first, people, panel, contacts, draw_holdings(setting, index, people.activation_month))
