"""Run `python -m napari_sam2.evaluation FOLDER`."""

import typer

from napari_sam2.evaluation.command import evaluate

if __name__ == "__main__":
    typer.run(evaluate)
