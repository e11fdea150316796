"""Measure segmentation against ground truth."""
