"""Train the starter model: windows of virtual views, simulated prompts, a clock.

Nothing here is imported by the viewer.
"""
