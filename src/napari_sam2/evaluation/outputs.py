"""The files that an evaluation can leave behind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sam2.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sam2.evaluation.outcome import Evaluation


@dataclass(frozen=True)
class Outputs:
    """Files to write, if any.

    Attributes
    ----------
    json, csv, plot, worst : pathlib.Path or None
        Numbers, rows of objects, picture of IoU over prompts, and picture of the
        worst objects.
    """

    json: Path | None = None
    csv: Path | None = None
    plot: Path | None = None
    worst: Path | None = None

    def check(self) -> None:
        """Raise if something could not be written, before hours are spent.

        Raises
        ------
        ExportError
            If a folder is missing, a suffix is not one of a picture, or matplotlib
            is needed and not installed.
        """
        for path in (self.json, self.csv, self.plot, self.worst):
            if path is not None and not path.parent.is_dir():
                raise ExportError(
                    f"“{path}” cannot be written: there is no folder “{path.parent}”."
                )
        if self.worst is not None and self.worst.suffix.lower() not in (".png", ".jpg"):
            raise ExportError(
                f"“{self.worst}” is no picture: let it end in .png or .jpg."
            )
        if self.plot is not None:
            from napari_sam2.evaluation.plot import require_matplotlib

            require_matplotlib()
            if self.plot.suffix.lower() not in (".png", ".pdf", ".svg"):
                raise ExportError(
                    f"“{self.plot}” is no picture: let it end in .png, .pdf or .svg."
                )

    def write(self, evaluation: Evaluation) -> None:
        """Write what was asked for.

        Parameters
        ----------
        evaluation : Evaluation
            What came out.
        """
        clicks = evaluation.settings.clicks
        if self.json is not None:
            text = json.dumps(evaluation.to_json(), indent=2, allow_nan=False)
            self.json.write_text(text, encoding="utf-8")
        if self.csv is not None:
            from napari_sam2.evaluation.rows import write_csv

            write_csv(self.csv, evaluation.results, clicks)
        if self.plot is not None:
            from napari_sam2.evaluation.plot import write_plot

            write_plot(self.plot, evaluation.results, clicks)
        if self.worst is not None:
            from napari_sam2.evaluation.sheet import write_sheet
            from napari_sam2.evaluation.worst import EACH

            model = evaluation.candidates.model
            title = f"{model}: the worst objects, of each data set at most {EACH}"
            write_sheet(self.worst, evaluation.exhibits, title)
