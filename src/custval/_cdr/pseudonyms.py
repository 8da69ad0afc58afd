"""Identifiers that nobody can read back: keyed hashes, the same in every table."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column_names, like, to_columns
from custval._core.typing import AnyFrame, TextArray

__all__ = ("pseudonymise",)

IDENTIFIERS = ("subscriber_id", "other_party", "account_id", "new_subscriber_id", "previous_id")
_SHORTEST_KEY = 16


@public("cdr")
def pseudonymise(
    tables: Any, *, key: bytes, columns: Sequence[str] = IDENTIFIERS, length: int = 32
) -> dict[str, AnyFrame]:
    """How do tables lose their identifiers and still fit together?

    Parameters
    ----------
    tables : World or mapping of str to frame
        Frames in memory, such as pandas, Polars or Arrow.
    key : bytes
        The secret, at least 16 bytes; who has it can make the same pseudonyms again, nobody else.
    columns : sequence of str
        Identifiers wherever they occur.
    length : int, default 32
        Hexadecimal digits of a pseudonym, 16..64; 32 (128 bits) keep a billion numbers apart.

    Returns
    -------
    dict of str to frame
        The same tables in the same kind, with text in place of the identifiers. A number and the same number as text
        get one pseudonym. Missing ones, and -1 (none), stay as they are.

    Raises
    ------
    InputError
        If the key is not bytes or too short, or the length is out of range.

    References
    ----------
    Krawczyk, Bellare, Canetti (1997), RFC 2104: HMAC; here with SHA-256.

    Examples
    --------
    >>> from custval.cdr import pseudonymise
    >>> calls = {"cdr": {"subscriber_id": [7, 8], "other_party": [8, 9]}}
    >>> made = pseudonymise(calls, key=b"sixteen bytes or more")["cdr"]
    >>> made["subscriber_id"][1] == made["other_party"][0], len(made["subscriber_id"][0])
    (True, 32)
    """
    if not isinstance(key, (bytes, bytearray)) or len(key) < _SHORTEST_KEY:
        raise InputError(f"key must be at least {_SHORTEST_KEY} bytes, such as those of secrets.token_bytes(32)")
    if not 16 <= length <= 64:
        raise InputError(f"length must be 16..64 hexadecimal digits, not {length}")
    inner = getattr(tables, "tables", tables)
    if not isinstance(inner, Mapping):
        raise InputError(f"tables must be a World or a mapping of frames, not {type(tables).__name__}")
    known: dict[str, str] = {}
    return {str(name): _hidden(frame, bytes(key), columns, length, known) for name, frame in inner.items()}


def _hidden(frame: AnyFrame, key: bytes, columns: Sequence[str], length: int, known: dict[str, str]) -> AnyFrame:
    if not set(columns) & set(column_names(frame)):
        return frame
    arrays: dict[str, Any] = dict(to_columns(frame))
    for name in columns:
        if name in arrays:
            arrays[name] = _pseudonyms(np.asarray(arrays[name]), key, length, known)
    return like(frame, arrays)


def _pseudonyms(values: TextArray, key: bytes, length: int, known: dict[str, str]) -> TextArray:
    """Return the pseudonym of each value; each different one is hashed once."""
    import pandas as pd

    codes, different = pd.factorize(values, use_na_sentinel=True)
    words = np.empty(len(different) + 1, dtype=object)
    words[-1] = None
    for place, value in enumerate(different.tolist()):
        text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        if text not in known:
            known[text] = text if text == "-1" else _digest(key, text)[:length]
        words[place] = known[text]
    answer: TextArray = words[codes]
    return answer


def _digest(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()
