"""Image and prompts in, masks out: headless."""
