"""Which weights exist, where they are, whether they are what they claim to be."""
