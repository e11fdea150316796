"""``python -m napari_sam2.demo``: drive the window on the screen that there is."""

import sys
import time
from pathlib import Path

from napari_sam2.demo.play import main

if __name__ == "__main__":
    since = float(sys.argv[1]) if len(sys.argv) > 1 else time.time()
    sys.exit(main(Path("demo"), since))
