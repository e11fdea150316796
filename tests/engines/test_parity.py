"""The same weights give the same answer as the official predictor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sam2.segmentation.prediction import Prediction
from napari_sam2.segmentation.refinement import Refinement
from napari_sam2.segmentation.segmenter import Segmenter
from napari_sam2.segmentation.view import View
from tests.engines.official import official, picture

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from napari_sam2.engines.base import Engine
    from tests.engines.official import Pair

# Places in shares of the side, since the models differ in the size of their input.
POINT = np.array([[0.41, 0.33]])
POINTS = np.array([[0.41, 0.33], [0.7, 0.22], [0.15, 0.81]])
LABELS = np.array([1, 0, 1])
BOX = np.array([0.2, 0.15, 0.62, 0.7])

CASES = {
    "point": (POINT, LABELS[:1], None, False),
    "points": (POINTS, LABELS, None, False),
    "box": (None, None, BOX, False),
    "box and points": (POINTS, LABELS, BOX, False),
    "point on a mask": (POINT, LABELS[:1], None, True),
    "mask": (None, None, None, True),
    "all at once": (POINTS, LABELS, BOX, True),
}


def agree(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> bool:
    return bool(np.abs(ours - theirs).max() <= 1e-3 * theirs.std())


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


def middle(logits: NDArray[np.float32]) -> float:
    """Return a threshold near the median that is no pixel's own value."""
    values = np.sort(logits, axis=None)
    values = values[int(0.49 * values.size) : int(0.51 * values.size) + 2]
    gap = int(np.diff(values).argmax())
    return float(values[gap : gap + 2].mean())


@pytest.fixture(scope="module")
def earlier(pair: Pair) -> NDArray[np.float32]:
    """Official logits to refine, of shape (1, mask_size, mask_size)."""
    _, _, logits = pair.official(
        point_coords=POINTS[1:2] * pair.engine.image_size,
        point_labels=np.array([1]),
        multimask_output=False,
    )
    return logits


@pytest.fixture(params=CASES)
def case(
    request: pytest.FixtureRequest, pair: Pair, earlier: NDArray[np.float32]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the same prompts in the words of both sides."""
    side = pair.engine.image_size
    points, labels, box, refine = CASES[request.param]
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    if points is not None:
        theirs |= {"point_coords": points * side, "point_labels": labels}
        ours["points"] = (points * side)[None].astype(np.float32)
        ours["labels"] = labels[None].astype(np.int32)
    if box is not None:
        theirs["box"] = box * side
        ours["boxes"] = (box * side)[None].astype(np.float32)
    if refine:
        theirs["mask_input"] = earlier
        ours["masks"] = earlier[None]
    return ours, theirs


@pytest.mark.parametrize("multimask", [False, True])
def test_logits_scores_and_masks_are_the_official_ones(
    pair: Pair, case: tuple[dict[str, Any], dict[str, Any]], multimask: bool
) -> None:
    ours, theirs = case
    masks, scores, logits = pair.official(
        **theirs, multimask_output=multimask, return_logits=True
    )
    decoded = pair.engine.decode(pair.embedding, **ours, multimask=multimask)

    assert decoded.logits.dtype == decoded.scores.dtype == np.float32
    assert decoded.logits.shape == (1, *logits.shape)
    np.testing.assert_allclose(decoded.scores[0], scores, atol=1e-4)
    view = View.whole(pair.image.shape[:2], pair.engine.image_size)
    for mine, low_res, mask in zip(decoded.logits[0], logits, masks, strict=True):
        assert agree(mine, low_res)
        # Where random weights leave a mask empty or full, the middle does not;
        # interpolation and threshold are compared all the same.
        threshold = 0.0 if 0.01 < (mask > 0).mean() < 0.99 else middle(mask)
        cut = Prediction(0.5, mine, view, Refinement(threshold)).mask
        assert 0.01 < cut.mean() < 0.99
        assert iou(cut, mask > threshold) >= 0.999


def test_half_a_pixel_matters_more_than_the_tolerance(pair: Pair) -> None:
    # Otherwise parity could not tell a wrong convention of coordinates.
    points = (POINT * pair.engine.image_size)[None].astype(np.float32)
    labels = np.ones((1, 1), dtype=np.int32)
    here = pair.engine.decode(pair.embedding, points=points, labels=labels).logits
    there = pair.engine.decode(pair.embedding, points=points + 0.5, labels=labels)
    assert not agree(there.logits, here)


def test_a_batch_is_its_prompts_one_by_one(pair: Pair) -> None:
    side = pair.engine.image_size
    points = (POINTS * side)[:, None].astype(np.float32)
    labels = LABELS[:, None].astype(np.int32)
    boxes = np.array([BOX, BOX + 0.1, BOX - 0.1], dtype=np.float32) * side
    together = pair.engine.decode(
        pair.embedding, points=points, labels=labels, boxes=boxes, multimask=True
    )
    for i in range(3):
        alone = pair.engine.decode(
            pair.embedding,
            points=points[i : i + 1],
            labels=labels[i : i + 1],
            boxes=boxes[i : i + 1],
            multimask=True,
        )
        assert agree(together.logits[i], alone.logits[0])
        np.testing.assert_allclose(together.scores[i], alone.scores[0], atol=1e-4)


def test_padding_with_label_minus_one_is_the_official_padding(pair: Pair) -> None:
    points = (POINTS * pair.engine.image_size)[None].astype(np.float32)
    labels = LABELS[None].astype(np.int32)
    nowhere = np.zeros((1, 1, 2), dtype=np.float32)
    padded = pair.engine.decode(
        pair.embedding,
        points=np.concatenate([points, nowhere], axis=1),
        labels=np.concatenate([labels, [[-1]]], axis=1).astype(np.int32),
    )
    _, scores, logits = pair.official(
        point_coords=np.concatenate([points[0], nowhere[0]]),
        point_labels=np.array([*LABELS, -1]),
        multimask_output=False,
    )
    assert agree(padded.logits[0], logits)
    np.testing.assert_allclose(padded.scores[0], scores, atol=1e-4)


@pytest.mark.parametrize("shape", [(256, 256), (190, 340), (700, 300), (31, 57)])
def test_whole_segmenter_at_any_image_size(
    engine: Engine, small_model: nn.Module, shape: tuple[int, int]
) -> None:
    image = picture(*shape)
    predictor = official(small_model)
    predictor.set_image(image)
    segmenter = Segmenter(engine=engine).set_image(image)
    rows_cols = np.array([[0.3, 0.4], [0.7, 0.6]]) * shape
    box = np.array([0.1, 0.2, 0.8, 0.9]) * np.tile(shape, 2)

    masks, scores, logits = predictor.predict(
        point_coords=to_official(rows_cols, shape, engine.image_size),
        point_labels=np.array([1, 0]),
        box=to_official(box.reshape(2, 2), shape, engine.image_size).reshape(4),
        multimask_output=True,
        return_logits=True,
    )
    answer = segmenter.predict(rows_cols, [1, 0], box=box, multimask=True)

    assert answer.score == pytest.approx(scores.max(), abs=1e-4)
    for mine, low_res, mask in zip(answer.alternatives, logits, masks, strict=True):
        assert agree(mine.logits, low_res)
        threshold = middle(mask)
        cut = Prediction(mine.score, mine.logits, mine.view, Refinement(threshold))
        assert cut.mask.shape == shape
        assert iou(cut.mask, mask > threshold) >= 0.999


def to_official(
    rows_cols: NDArray[np.float64], shape: tuple[int, int], side: int
) -> NDArray[np.float64]:
    """Name the place that the official predictor has to be told to mean ours.

    It maps ``x`` to ``x * side / width`` and then adds half a pixel of the
    model, where geometry asks for half a pixel of the image.
    """
    y_x = rows_cols + 0.5 - 0.5 * np.array(shape) / side
    return y_x[:, ::-1].copy()
