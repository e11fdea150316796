"""The best engine is found while nobody waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_sam2.annotation.engine_preparation import EnginePreparation
from napari_sam2.engines.variant import ENGINE_VARIABLE
from napari_sam2.errors import ExportError
from napari_sam2.models.catalog import get_model

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTER = get_model("starter")


@pytest.fixture
def preparation() -> Iterator[EnginePreparation]:
    preparation = EnginePreparation(lambda: None)
    yield preparation
    preparation.close()


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What would have been run aside."""
    runs: list[tuple[str, ...]] = []
    monkeypatch.delenv(ENGINE_VARIABLE)
    monkeypatch.setattr(
        "napari_sam2.engines.exports.run_aside",
        lambda *words, cancel: runs.append(words),
    )
    monkeypatch.setattr("napari_sam2.engines.chooser.is_prepared", lambda *_: False)
    return runs


def settle(preparation: EnginePreparation) -> None:
    thread = preparation._thread
    while thread.busy:
        thread.wait_for_answer(10)
        preparation.process()


def test_a_model_is_prepared_once(
    preparation: EnginePreparation, runs: list[tuple[str, ...]]
) -> None:
    found: list[str] = []
    for _ in range(3):
        preparation.start(STARTER, "cpu", lambda: found.append("best"))
        settle(preparation)
    assert runs == [("prepare", "starter", "--device", "cpu")]
    assert found == ["best"]


def test_what_another_window_prepared_is_taken(
    preparation: EnginePreparation,
    runs: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("napari_sam2.engines.chooser.is_prepared", lambda *_: True)
    found: list[str] = []
    preparation.start(STARTER, "cpu", lambda: found.append("best"))
    settle(preparation)
    assert runs == []
    assert found == ["best"]


def test_a_failure_is_a_missed_chance_and_no_more(
    preparation: EnginePreparation,
    runs: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: str, cancel: object) -> None:
        raise ExportError("no space left")

    monkeypatch.setattr("napari_sam2.engines.exports.run_aside", fail)
    found: list[str] = []
    preparation.start(STARTER, "cpu", lambda: found.append("best"))
    settle(preparation)
    assert found == []


def test_who_has_chosen_an_engine_needs_no_other(
    preparation: EnginePreparation,
    runs: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, "torch")
    preparation.start(STARTER, "cpu", lambda: None)
    settle(preparation)
    assert runs == []
