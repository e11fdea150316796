"""Train the models that the package bundles; never imported by the viewer."""
