"""What the package costs: every claim as a ratio, both sides timed in one run."""

import os

# What is measured is what is computed: nothing comes from the disk of another day.
os.environ.setdefault("NAPARI_SAM2_CACHE_GB", "0")
