"""Text that is safe in HTML and SVG: everything is escaped unless it is already ``Markup``.

Only ``tag`` and ``join`` make ``Markup``, so a customer id, a column name or a note can never become a tag.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import TypeAlias

__all__ = ("Attribute", "Content", "Markup", "escaped", "join", "tag")

VOID = frozenset({"br", "hr", "link", "meta"})
# Control characters are illegal in HTML; those that turn the reading direction could make an id read as another.
UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff]")


class Markup(str):
    """Text that is already safe HTML."""

    __slots__ = ()


Content: TypeAlias = "Markup | str | float | None"
Attribute: TypeAlias = "str | float | bool | None"


def escaped(value: Content) -> Markup:
    """Return `value` as safe HTML: unchanged if it is ``Markup``, else with every special character escaped."""
    if isinstance(value, Markup):
        return value
    text = "" if value is None else str(value)
    whole = text.encode("utf-8", "replace").decode("utf-8")  # half of a surrogate pair cannot be written
    return Markup(html.escape(UNWANTED.sub("\ufffd", whole), quote=True))


def join(parts: Iterable[Content], separator: str = "") -> Markup:
    """Return `parts`, escaped where needed, in one piece."""
    return Markup(str(escaped(separator)).join(escaped(part) for part in parts))


def tag(name: str, /, *children: Content, **attributes: Attribute) -> Markup:
    """Return an element; ``class_`` means class, ``aria_label`` aria-label, None or False leaves an attribute out."""
    pairs = "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{name}{pairs}>" if name in VOID else f"<{name}{pairs}>{join(children)}</{name}>")


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    label = key.rstrip("_").replace("_", "-")
    return f" {label}" if value is True else f' {label}="{escaped(_number(value))}"'


def _number(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)
