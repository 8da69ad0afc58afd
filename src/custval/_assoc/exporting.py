"""Rules for other programs: as JSON, and as PMML 4.4."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from custval._assoc.rules import RuleSet
from custval._core.doors import public

__all__ = ("rules_to_json", "rules_to_pmml")

_NAMESPACE = "http://www.dmg.org/PMML-4_4"


@public("assoc")
def rules_to_json(rules: RuleSet) -> str:
    """Return rules as JSON text: one object for each rule, with counts and measures.

    Parameters
    ----------
    rules : RuleSet
        The rules.

    Returns
    -------
    str
        ``{"n": ..., "n_searched": ..., "rules": [{"antecedent": [...], "consequent": [...], "count": ..., ...}]}``.

    Examples
    --------
    >>> import json
    >>> from custval.assoc import association_rules, frequent_itemsets, rules_to_json
    >>> rules = association_rules(frequent_itemsets([{"sim", "tv"}, {"sim"}], min_count=1))
    >>> json.loads(rules_to_json(rules))["rules"][0]["antecedent"]
    ['tv']
    """
    names = ("count", "antecedent_count", "consequent_count", "support", "confidence", "lift")
    columns = {name: getattr(rules, name).tolist() for name in names}
    if rules.tree.count.dtype.kind == "i":
        columns |= {name: rules.measure(name).tolist() for name in ("p_value", "p_adjusted")}
    sides = {"antecedent": [list(s) for s in rules.antecedents], "consequent": [list(s) for s in rules.consequents]}
    table = sides | columns
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    return json.dumps({"n": rules.n, "n_searched": rules.n_searched, "rules": rows}, allow_nan=False)


@public("assoc")
def rules_to_pmml(rules: RuleSet, *, name: str = "custval rules") -> str:
    """Return rules as a PMML 4.4 AssociationModel, which scoring engines read.

    Parameters
    ----------
    rules : RuleSet
        The rules.
    name : str
        Name of the model.

    Returns
    -------
    str
        XML text.

    References
    ----------
    Data Mining Group (2019), PMML 4.4, Association Rules.

    Examples
    --------
    >>> from custval.assoc import association_rules, frequent_itemsets, rules_to_pmml
    >>> rules = association_rules(frequent_itemsets([{"sim", "tv"}, {"sim"}], min_count=1))
    >>> rules_to_pmml(rules).count("<AssociationRule ")
    2
    """
    root = ET.Element("PMML", {"xmlns": _NAMESPACE, "version": "4.4"})
    header = ET.SubElement(root, "Header", {"description": "association rules"})
    ET.SubElement(header, "Application", {"name": "custval"})
    _dictionary(root)
    sides = [*rules.antecedents, *rules.consequents]
    sets = {side: number for number, side in enumerate(dict.fromkeys(sides), 1)}
    items = {label: number for number, label in enumerate(rules.items, 1)}
    model = ET.SubElement(root, "AssociationModel", _model(rules, name, len(items), len(sets)))
    schema = ET.SubElement(model, "MiningSchema")
    ET.SubElement(schema, "MiningField", {"name": "customer", "usageType": "group"})
    ET.SubElement(schema, "MiningField", {"name": "item", "usageType": "active"})
    for label, number in items.items():
        ET.SubElement(model, "Item", {"id": str(number), "value": str(label)})
    for side, number in sets.items():
        held = ET.SubElement(model, "Itemset", {"id": str(number), "numberOfItems": str(len(side))})
        for label in side:
            ET.SubElement(held, "ItemRef", {"itemRef": str(items[label])})
    _add_rules(model, rules, sets)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _dictionary(root: ET.Element) -> None:
    fields = ET.SubElement(root, "DataDictionary", {"numberOfFields": "2"})
    for field in ("customer", "item"):
        kind = {"name": field, "optype": "categorical", "dataType": "string"}
        ET.SubElement(fields, "DataField", kind)


def _model(rules: RuleSet, name: str, n_items: int, n_sets: int) -> dict[str, str]:
    lowest: dict[str, Any] = {
        "minimumSupport": rules.support.min(initial=1.0),
        "minimumConfidence": rules.confidence.min(initial=1.0),
    }
    return {
        "modelName": name,
        "functionName": "associationRules",
        "numberOfTransactions": str(round(rules.n)),
        "numberOfItems": str(n_items),
        "numberOfItemsets": str(n_sets),
        "numberOfRules": str(len(rules)),
        **{key: repr(float(value)) for key, value in lowest.items()},
    }


def _add_rules(model: ET.Element, rules: RuleSet, sets: dict[tuple[Any, ...], int]) -> None:
    numbers = np.column_stack((rules.support, rules.confidence, rules.lift)).tolist()
    for left, right, row in zip(rules.antecedents, rules.consequents, numbers, strict=True):
        measured = dict(zip(("support", "confidence", "lift"), map(repr, row), strict=True))
        sides = {"antecedent": str(sets[left]), "consequent": str(sets[right])}
        ET.SubElement(model, "AssociationRule", {**sides, **measured})
