"""Draw the pictures of the guide on what goes together, from one simulated operator.

Run ``python examples/association_pictures.py docs/_static``; it takes some seconds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from custval.assoc import Baskets, association_rules, frequent_itemsets, grouped_matrix, significant_rules
from custval.plots import plot_grouped_matrix, plot_rule_graph
from custval.synth import TelecomWorld


def main(folder: Path, subscribers: int = 3000) -> list[Path]:
    """Draw both pictures into a folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    world = TelecomWorld(n_subscribers=subscribers, months=12, seed=5).simulate()
    baskets = Baskets.from_long(world.tables["holdings"], item="service", n_customers=subscribers)
    rules = significant_rules(association_rules(frequent_itemsets(baskets, min_support=0.01, max_length=3)), 0.01)
    strong = rules.where(min_lift=1.5).without_redundant()
    pictures = {
        "grouped": plot_grouped_matrix(grouped_matrix(strong, groups=8)),
        "graph": plot_rule_graph(strong, top=40),
    }
    for name, axes in pictures.items():
        axes.figure.savefig(folder / f"{name}.png", dpi=110)
    return [folder / f"{name}.png" for name in pictures]


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/_static"))
