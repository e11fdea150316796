"""The plugin in napari: the only floor that knows napari and Qt."""
