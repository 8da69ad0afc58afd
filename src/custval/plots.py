"""How does it look? Pictures of results on matplotlib axes.

``plot_survival``
    How long do customers stay, by group?
``plot_incidence``
    Through which cause do they leave, and when?
``plot_calibration``
    Do as many leave as was forecast?
``plot_value``
    How is value spread over the customers?
``plot_components``
    What is value made of?
``plot_payback``
    When has a new customer paid for their acquisition?
``plot_lorenz``
    How concentrated is it?
``plot_quadrants``
    Where do customers stand between current and potential value?
``plot_deciles``
    What does each tenth of the customers bring?
``plot_tiers``
    Which tier has how many customers, and how much of the money?
``plot_rfm``
    How many customers came lately, and how often?
``plot_churn_rates``
    How many leave, month by month?
``plot_cohorts``
    Of each month's newcomers, how many are still there?
``plot_hazards``
    Who leaves, by stage, tier or segment?
``plot_migration``, ``plot_flows``
    Where do customers go from each state?
``plot_forecast``
    How many customers will there be?
``plot_profile``
    What tells the clusters apart?
``plot_stability``
    Are the customers still those of before?
``plot_rules``, ``plot_grouped_matrix``, ``plot_rule_graph``
    Which services go together: the strongest rules, thousands of them in groups, as a graph?
``plot_purchase_tracking``, ``plot_frequency_histogram``, ``plot_holdout_check``
    Does a model of prepaid customers hold: over time, by count, in the holdout?
``plot_silence_rules``
    Does P(alive) find lost customers better than days of silence?

Each takes a result and, optionally, the axes to draw on; without them a new figure is made, which is
``axes.figure``: ``plot_lorenz(curve).figure.savefig("lorenz.png")``. Needs ``pip install 'custval[plots]'``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "plot_calibration",
    "plot_churn_rates",
    "plot_cohorts",
    "plot_components",
    "plot_deciles",
    "plot_flows",
    "plot_forecast",
    "plot_frequency_histogram",
    "plot_grouped_matrix",
    "plot_hazards",
    "plot_holdout_check",
    "plot_incidence",
    "plot_lorenz",
    "plot_migration",
    "plot_payback",
    "plot_profile",
    "plot_purchase_tracking",
    "plot_quadrants",
    "plot_rfm",
    "plot_rule_graph",
    "plot_rules",
    "plot_silence_rules",
    "plot_stability",
    "plot_survival",
    "plot_tiers",
    "plot_value",
)

if TYPE_CHECKING:
    from custval._plots.associations import plot_grouped_matrix, plot_rule_graph
    from custval._plots.calibration import plot_calibration
    from custval._plots.curves import plot_incidence, plot_survival
    from custval._plots.money import plot_components, plot_payback
    from custval._plots.moves import plot_flows, plot_forecast
    from custval._plots.purchases import (
        plot_frequency_histogram,
        plot_holdout_check,
        plot_purchase_tracking,
        plot_silence_rules,
    )
    from custval._plots.quadrants import plot_quadrants
    from custval._plots.rates import plot_churn_rates, plot_hazards
    from custval._plots.rules import plot_rules
    from custval._plots.shares import plot_deciles, plot_stability, plot_tiers
    from custval._plots.squares import plot_cohorts, plot_migration, plot_profile, plot_rfm
    from custval._plots.value import plot_lorenz, plot_value
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "plot_calibration": "_plots.calibration",
            "plot_churn_rates": "_plots.rates",
            "plot_cohorts": "_plots.squares",
            "plot_components": "_plots.money",
            "plot_deciles": "_plots.shares",
            "plot_flows": "_plots.moves",
            "plot_forecast": "_plots.moves",
            "plot_frequency_histogram": "_plots.purchases",
            "plot_grouped_matrix": "_plots.associations",
            "plot_hazards": "_plots.rates",
            "plot_holdout_check": "_plots.purchases",
            "plot_incidence": "_plots.curves",
            "plot_lorenz": "_plots.value",
            "plot_migration": "_plots.squares",
            "plot_payback": "_plots.money",
            "plot_profile": "_plots.squares",
            "plot_purchase_tracking": "_plots.purchases",
            "plot_quadrants": "_plots.quadrants",
            "plot_rfm": "_plots.squares",
            "plot_rule_graph": "_plots.associations",
            "plot_rules": "_plots.rules",
            "plot_silence_rules": "_plots.purchases",
            "plot_stability": "_plots.shares",
            "plot_survival": "_plots.curves",
            "plot_tiers": "_plots.shares",
            "plot_value": "_plots.value",
        },
    )
