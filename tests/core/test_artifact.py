"""Models as files: equal after the trip, complete or absent, and clear about what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from custval import InputError, NotFittedError, __version__
from custval.artifact import from_dict, load, save, to_dict
from custval.survival import DiscreteHazard, survival_target

X = {"plan": np.array(["a", "b", "a", "c", "b", "a"] * 8), "age": np.linspace(20.0, 70.0, 48)}
Y = survival_target([1, 2, 3, 4, 5, 6] * 8, [1, 0, 2, 0, 1, 0] * 8, causes=["price", "moved"])


@pytest.fixture(scope="module")
def model() -> DiscreteHazard:
    return DiscreteHazard(l2=1.0).fit(X, Y)


def test_a_loaded_model_answers_bit_for_bit_the_same(model: DiscreteHazard, tmp_path: Path) -> None:
    save(model, tmp_path / "model.json")
    again = load(str(tmp_path / "model.json"))
    assert type(again) is DiscreteHazard
    assert again.get_params() == model.get_params()
    times = np.arange(1, 7)
    np.testing.assert_array_equal(again.predict_survival(X, times), model.predict_survival(X, times))
    np.testing.assert_array_equal(again.predict_incidence(X, times), model.predict_incidence(X, times))
    assert to_dict(again) == to_dict(model), "saving again writes the same file"


def test_the_file_is_standard_json_with_a_head(model: DiscreteHazard, tmp_path: Path) -> None:
    save(model, tmp_path / "model.json")
    state = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert {name: state[name] for name in ("format", "version", "custval", "model")} == {
        "format": "custval",
        "version": 1,
        "custval": __version__,
        "model": "survival.DiscreteHazard",
    }


def test_training_rows_are_not_in_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = {"age": rng.normal(40, 9, 5000)}
    fitted = DiscreteHazard(baseline="constant").fit(
        rows, survival_target(rng.integers(1, 9, 5000), rng.integers(0, 2, 5000))
    )
    save(fitted, tmp_path / "model.json")
    assert (tmp_path / "model.json").stat().st_size < 20_000


def test_an_existing_file_is_replaced_and_nothing_else_is_left(model: DiscreteHazard, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text("old")
    save(model, path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.json"]
    assert load(path).get_params() == model.get_params()


def test_a_failure_leaves_the_old_file_and_no_rest(
    model: DiscreteHazard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.json"
    save(model, path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(model, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.json"]


def test_a_dictionary_serves_as_well(model: DiscreteHazard) -> None:
    text = json.dumps(to_dict(model), allow_nan=False)
    assert to_dict(from_dict(json.loads(text))) == to_dict(model)


def test_what_is_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match="this DiscreteHazard is not fitted yet"):
        save(DiscreteHazard(), tmp_path / "model.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("thing", [{"a": 1}, 3, np.zeros(2), object()], ids=["dict", "int", "array", "object"])
def test_what_is_not_a_model_is_refused(thing: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be saved as JSON; only fitted models of custval can"):
        save(thing, tmp_path / "model.json")


def test_every_cut_of_a_file_is_called_cut_short(model: DiscreteHazard, tmp_path: Path) -> None:
    save(model, tmp_path / "whole.json")
    whole = (tmp_path / "whole.json").read_text(encoding="utf-8")
    path = tmp_path / "cut.json"
    for share in (0.02, 0.3, 0.5, 0.77, 0.999):
        path.write_text(whole[: int(len(whole) * share)], encoding="utf-8")
        with pytest.raises(InputError, match=r"^cut\.json (ends too early|is not JSON)"):
            load(path)
    path.write_text(whole[:-1], encoding="utf-8")
    with pytest.raises(InputError, match="it is cut short; save or copy the model again"):
        load(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "model.json is empty; it holds no model"),
        (b"\x80\x04\x95\x00", "model.json is not JSON text; models are saved with custval.artifact.save"),
        (b"tenure,left\n1,2\n", r"model.json is not JSON \(line 1, column 1"),
        (b"[1, 2]", "model.json is not a custval artefact: it has no entry 'format'"),
        (b'{"format": "onnx"}', "its format is 'onnx'"),
        (b'{"format": "custval", "version": "1"}', "its version must be a whole number >= 1, not '1'"),
        (b'{"format": "custval", "version": 99, "custval": "7.0.0"}', r"format 99 by custval 7.0.0.*; upgrade custval"),
        (b'{"format": "custval", "version": 1}', "is damaged: its state cannot be read"),
        (b'{"format": "custval", "version": 1, "model": "survival.Crystal", "state": 1}', "holds a 'survival.Crystal'"),
        (b'{"format": "custval", "version": 1, "model": "os.system", "state": "ls"}', "holds a 'os.system'"),
        (b'{"format": "custval", "version": 1, "model": {"a": 1}, "state": 1}', "holds a {'a': 1}|damaged"),
        (b'{"format": "custval", "version": 1, "model": "survival.DiscreteHazard", "state": 3}', "is damaged"),
        (b"[" * 200_000, "is nested too deep|ends too early"),
    ],
)
def test_a_file_that_is_no_model_says_why(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        load(path)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a state, as the keys that lead there."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def test_no_damage_to_a_state_is_loaded(model: DiscreteHazard) -> None:
    whole = to_dict(model)
    for path in list(places(whole["state"]))[1:]:
        for worse in (None, [], 0.5):
            damaged = json.loads(json.dumps(whole))
            spot = damaged["state"]
            for key in path[:-1]:
                spot = spot[key]
            if spot[path[-1]] == worse:
                continue
            spot[path[-1]] = worse
            with pytest.raises(InputError):
                from_dict(damaged)


def test_damage_is_named(model: DiscreteHazard) -> None:
    state = to_dict(model)
    emptied = {**state, "state": {"map": [["params", {"map": []}], ["fitted", {"map": []}]]}}
    with pytest.raises(InputError, match="state is damaged: it holds no fitted values"):
        from_dict(emptied)
    text = json.dumps(state)
    no_shape = json.loads(re.sub(r'"shape": \[\d+\]', '"shape": null', text, count=1))
    with pytest.raises(InputError, match="an array without its shape"):
        from_dict(no_shape)
    with pytest.raises(InputError, match="its state is not the one that was saved; save or copy the model again"):
        from_dict({**state, "checksum": "0"})


def test_a_store_may_reorder_entries_and_write_whole_numbers_shortly(model: DiscreteHazard) -> None:
    text = json.dumps(to_dict(model), sort_keys=True)
    shorter = re.sub(r"(?<=[ \[])(-?\d+)\.0(?=[,\]])", r"\1", text)
    assert shorter != text
    np.testing.assert_array_equal(from_dict(json.loads(shorter)).coef_, model.coef_)


def test_a_missing_folder_is_named(model: DiscreteHazard, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="the folder for the model does not exist") as caught:
        save(model, tmp_path / "none" / "model.json")
    assert caught.value.filename == str(tmp_path / "none")


def test_a_missing_file_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.json")
