"""The interactive session, without Qt: a script or a test can drive it."""
