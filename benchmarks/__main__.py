"""``python -m benchmarks NAME``: run one benchmark; options after the name."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = {
    "engines": "encode and decode, against the official predictor",
    "hover": "how long the window takes to answer, and stands still",
}


def main() -> None:
    """Hand over to the benchmark of that name."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in NAMES:
        print("python -m benchmarks NAME [options]\n")
        for known, about in NAMES.items():
            print(f"  {known:<10} {about}")
        sys.exit(0 if name in ("", "-h", "--help") else 2)
    sys.argv = [f"python -m benchmarks {name}", *sys.argv[2:]]
    import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
