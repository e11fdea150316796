"""A session comes back from its journal, whatever was done, and goes on."""

from __future__ import annotations

import shutil
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam2.annotation import huge, recovery
from napari_sam2.annotation.changes import PixelChange
from napari_sam2.annotation.labels import ArrayLabels
from napari_sam2.annotation.operations import Classify, Delete, Merge, Split
from napari_sam2.annotation.planes import Plane
from napari_sam2.annotation.recorder import Journals
from napari_sam2.annotation.recovery import net_change, recover
from napari_sam2.annotation.session import AnnotationSession
from napari_sam2.annotation.sessions import find_sessions, sessions_folder
from napari_sam2.annotation.syncing import flush
from napari_sam2.errors import JournalError, LabelsError
from tests.annotation.conftest import A, B, C
from tests.annotation.fakes import FakeSegmenter, discs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE = discs([A, B, C])
BACKGROUND = (2, 2)


class Window:
    """A session with a journal, as one after the other has it on one image."""

    def __init__(self, image: np.ndarray[Any, Any] = IMAGE) -> None:
        self.segmenter = FakeSegmenter("starter")
        self.journals = Journals()
        self.session = AnnotationSession(
            segmenter_factory=lambda *_: self.segmenter, journals=self.journals
        )
        self.plane = Plane.of_array(image, name="discs")
        self.session.set_labels(ArrayLabels(image.shape))
        self.session.set_plane(self.plane)
        self.session.wait()

    @property
    def ledger(self) -> Any:
        return self.session._ledgers.chosen

    @property
    def path(self) -> Path | None:
        return self.journals.path_of(self.ledger.history)

    @property
    def labels(self) -> np.ndarray[Any, Any]:
        return self.session.labels.copy()

    def click(self, place: tuple[int, int]) -> None:
        self.session.click(*place)
        self.session.wait()

    def paint(self, rows: slice, label: int) -> None:
        """Paint as somebody else does: the store tells of it."""
        store = self.ledger.store
        where = np.nonzero(np.ones(store.shape, bool)[rows])
        where = (where[0] + rows.start, where[1])
        change = PixelChange.between(store.shape, where, store.read(where), label)
        change.apply(store)
        store.edited.emit([change])

    def die(self) -> None:
        """Leave the lock to the others, as the end of a process does."""
        self.journals.close()


@pytest.fixture
def window() -> Iterator[Window]:
    window = Window()
    yield window
    window.session.close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path))


def _restored(path: Path, **options: Any) -> Window:
    again = Window(**options)
    again.session.restore(path)
    again.session.wait()
    return again


_STEPS = st.one_of(
    st.tuples(st.just("click"), st.sampled_from([A, B, C, BACKGROUND])),
    st.tuples(st.just("add"), st.sampled_from([A, B, C])),
    st.tuples(st.just("remove"), st.sampled_from([A, B])),
    st.tuples(st.just("paint"), st.integers(0, 4)),
    st.tuples(st.just("delete"), st.integers(1, 3)),
    st.tuples(st.just("merge"), st.integers(2, 3)),
    st.tuples(st.just("split"), st.integers(1, 2)),
    st.tuples(st.just("classify"), st.integers(1, 3)),
    st.sampled_from([("undo",), ("redo",), ("done",), ("drop",), ("collect",)]),
)


def _carry_out(window: Window, step: tuple[Any, ...]) -> None:
    name, *rest = step
    session = window.session
    if name == "paint":
        start = 10 * rest[0]
        window.paint(slice(start, start + 8), rest[0])
    elif name == "collect":
        session.collect = not session.collect
    elif name in ("delete", "merge", "split", "classify"):
        label = rest[0]
        operation = {
            "delete": Delete((label,)),
            "merge": Merge((label,), into=1),
            "split": Split(label),
            "classify": Classify((label,), "cell"),
        }[name]
        session._operate(operation)
        with suppress(LabelsError):  # there is no such object
            session.wait()
    elif name in ("click", "add", "remove"):
        getattr(session, name)(*rest[0])
    else:
        getattr(session, name)()
    session.wait()


@settings(max_examples=60)
@given(st.lists(_STEPS, max_size=12), st.booleans())
def test_a_journal_tells_the_session_as_it_is(
    steps: list[tuple[Any, ...]], sharpen: bool
) -> None:
    window = Window()
    window.session.sharpen = sharpen
    for step in steps:
        _carry_out(window, step)
    if window.path is None:
        assert not window.session.can_undo
        window.session.close()
        return
    # What a kill would leave behind: the file as it is, nothing closed.
    copy = sessions_folder() / "copy.sam2.jsonl"
    shutil.copy(window.path, copy)
    again = _restored(copy)

    assert recover(copy).damaged == ()
    _assert_alike(window, again)
    while window.session.can_undo:
        window.session.undo()
        again.session.undo()
        _assert_alike(window, again)
    while window.session.can_redo:
        window.session.redo()
        again.session.redo()
        _assert_alike(window, again)
    window.session.close()
    again.session.close()
    copy.unlink()


def _assert_alike(one: Window, other: Window) -> None:
    np.testing.assert_array_equal(one.labels, other.labels)
    assert one.session.can_undo == other.session.can_undo
    assert one.session.can_redo == other.session.can_redo
    assert one.session.next_label == other.session.next_label
    assert {k: v.prompts for k, v in one.session.objects.items()} == {
        k: v.prompts for k, v in other.session.objects.items()
    }
    assert one.ledger.inventory.notes == other.ledger.inventory.notes
    draft, again = one.session.current, other.session.current
    if draft is not None and not draft.kept:
        assert again is not None
        assert again.prompts == draft.prompts


def test_nothing_is_written_before_there_is_something_to_write(window: Window) -> None:
    window.session.hover(*A)
    window.session.drop()
    assert window.path is None
    assert not sessions_folder().exists()


def test_an_object_is_in_the_journal_when_it_is_told_of(window: Window) -> None:
    told: list[int] = []

    def on_objects() -> None:
        path = window.path
        told.append(0 if path is None else len(recover(path).objects))

    window.session.objects_changed.connect(on_objects)
    window.click(A)
    window.click(B)
    assert told == [1, 2]


def test_an_unfinished_draft_comes_back(window: Window) -> None:
    window.session.collect = True
    window.click(A)
    window.click(B)
    path = window.path
    assert path is not None
    window.die()
    again = _restored(path)
    assert again.session.current is not None
    assert len(again.session.current.prompts.points) == 2
    again.session.done()
    assert again.labels[A] == again.labels[B] == 1
    again.session.close()


def test_a_dropped_draft_does_not_come_back(window: Window) -> None:
    """Neither by undoing what was done beside it, nor by restoring."""
    window.click(A)
    window.session.collect = True
    window.click(B)
    window.session.classify((1,), "cell")
    window.session.drop()
    window.session.wait()
    assert window.path is not None
    assert recover(window.path).draft is None
    window.session.undo()
    window.session.wait()
    assert window.session.current is None
    assert recover(window.path).draft is None


def test_a_restored_session_goes_on_in_its_journal(window: Window) -> None:
    window.click(A)
    path = window.path
    assert path is not None
    window.die()
    second = _restored(path)
    second.click(B)
    second.die()
    third = _restored(path)
    third.session.undo()
    third.session.undo()
    assert not third.labels.any()
    third.session.redo()
    assert set(np.unique(third.labels)) == {0, 1}
    assert len(list(sessions_folder().glob("*.jsonl"))) == 1
    for one in (second, third):
        one.session.close()


def test_a_restored_object_is_corrected_with_the_logits_it_had(window: Window) -> None:
    window.session.sharpen = True
    window.click(A)
    before = window.session.objects[1].prediction
    window.die()
    [found] = find_sessions(window.plane.origin)
    again = _restored(found.path)
    assert again.segmenter.decodes == []

    again.session.edit(1)
    again.session.add(*B)
    again.session.wait()
    assert again.session.objects[1].prompts.points[1][:2] == B
    # The answer, its closer look, and then the correction of that.
    refined = again.segmenter.decodes[-1].mask
    assert refined is not None
    np.testing.assert_array_equal(refined.logits, before.logits)
    assert again.labels[A] == again.labels[B] == 1
    again.session.close()


def test_sessions_are_found_by_their_image(window: Window) -> None:
    window.click(A)
    assert find_sessions(window.plane.origin) == []  # it is open here
    window.die()
    [found] = find_sessions(window.plane.origin)
    assert found.image == window.plane.origin
    brighter = Plane.of_array(IMAGE + 1, name="discs")
    assert find_sessions(brighter.origin) == []


def test_two_sessions_at_once_have_two_journals(window: Window) -> None:
    other = Window()
    window.click(A)
    other.click(B)
    assert window.path != other.path
    window.click(C)
    assert window.path is not None
    assert other.path is not None
    assert len(recover(window.path).objects) == 2
    assert len(recover(other.path).objects) == 1
    assert not other.labels[A]
    other.session.close()


def test_what_is_open_elsewhere_is_not_taken_away(window: Window) -> None:
    window.click(A)
    assert window.path is not None
    again = Window()
    again.session.restore(window.path)
    with pytest.raises(JournalError, match="another window"):
        again.session.wait()
    assert not again.labels.any()
    again.session.close()


def test_nothing_is_made_for_a_huge_session_that_is_open_elsewhere(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huge, "TEXTURE", 32)
    labels = huge.new_labels(IMAGE.shape, "huge")
    window.session.set_labels(labels)
    window.click(A)
    labels.flush()
    assert window.path is not None
    again = Window()
    again.session.restore(window.path)
    with pytest.raises(JournalError, match="another window"):
        again.session.wait()
    assert [*huge.labels_folder().iterdir()] == [labels.path]
    again.session.close()
    labels.close()


def test_a_large_array_of_the_user_is_gone_on_with(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.click(A)
    path = window.path
    assert path is not None
    window.die()
    monkeypatch.setattr(huge, "TEXTURE", 32)
    again = Window()
    again.ledger.store.write((np.array([0]), np.array([0])), 9)
    again.session.restore(path)
    again.session.wait()
    assert isinstance(again.session.store, ArrayLabels)
    assert again.labels[A] == 1
    assert again.labels[0, 0] == 9
    again.session.close()


def test_what_all_edits_have_done_is_found_out_aside(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.click(A)
    path = window.path
    assert path is not None
    window.die()
    asked_on = []

    def found_out(*about: Any) -> PixelChange:
        asked_on.append(threading.current_thread())
        return net_change(*about)

    monkeypatch.setattr(recovery, "net_change", found_out)
    again = _restored(path)
    assert again.labels[A] == 1
    assert asked_on
    assert threading.main_thread() not in asked_on
    again.session.close()


def test_labels_with_objects_of_their_own_are_left_alone(window: Window) -> None:
    window.click(A)
    path = window.path
    assert path is not None
    window.die()
    again = Window()
    again.click(B)
    again.session.restore(path)
    with pytest.raises(LabelsError, match="make new labels"):
        again.session.wait()
    assert set(again.session.objects) == {1}
    again.session.close()


def test_a_damaged_line_costs_its_own_object_only(window: Window) -> None:
    for place in (A, B, C):
        window.click(place)
    path = window.path
    assert path is not None
    window.die()
    flush()
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"Keep object 2"', b'"Keep object 7"')
    path.write_bytes(b"".join(lines))
    found = recover(path)
    assert found.damaged == (3,)
    assert set(found.objects) == {1, 3}
    again = _restored(path)
    assert again.labels[A] == 1
    assert again.labels[B] == 0
    assert again.labels[C] == 3
    again.session.undo()
    assert again.labels[C] == 0
    again.session.close()


def test_a_full_disk_stops_nothing_and_is_made_up_for(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_sam2.annotation import journal

    window.click(A)
    first = window.path

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(journal.os, "write", full)
        with pytest.raises(JournalError, match="not being recorded"):
            window.click(B)
        window.session.undo()
        window.session.redo()
        window.session.wait()  # once is enough
    window.click(C)
    assert window.path != first
    assert window.path is not None
    found = recover(window.path)
    assert set(found.objects) == {1, 2, 3}
    assert len(found.history.done) == 3
