"""Run the training commands; options without a subcommand mean `train`."""

import sys

from napari_sam2.training.command import app

if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] not in {"train", "export", "--help"}:
        sys.argv.insert(1, "train")
    app()()
