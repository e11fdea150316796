"""Write an 8-bit copy of a folder of labeled images, as training reads it.

Training sees 8 bits, every fourth plane of a stack, and open data only. A copy that
holds no more than that is small enough to be sent to another machine.

    python scripts/pack_training_data.py data/train packed
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from PIL import Image

from napari_sam2.training.data import read_folder

QUALITY = 88  # of JPEG: its errors are far below those that training adds
COLUMNS = ("dataset", "file", "labels_file", "licence_class", "annotation", "modality")


def main(source: Path, target: Path) -> None:
    """Write the copy and say how large it is."""
    rows = []
    for dataset, samples in read_folder(source).items():
        (target / dataset).mkdir(parents=True, exist_ok=True)
        for number, sample in enumerate(samples):
            files = (
                f"{dataset}/{number:04}_image.jpg",
                f"{dataset}/{number:04}_labels.png",
            )
            Image.fromarray(sample.image).save(target / files[0], quality=QUALITY)
            Image.fromarray(sample.labels).save(target / files[1])
            rows.append((dataset, *files, "open", "SPARSE" * sample.sparse, ""))
    with (target / "MANIFEST.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    size = sum(path.stat().st_size for path in target.rglob("*.*"))
    print(f"{len(rows)} images, {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
