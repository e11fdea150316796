"""What the package costs: every claim as a ratio, both sides timed in one run."""
