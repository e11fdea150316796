"""What becomes of the labels: files, measures, classes. Uses arrays only."""
