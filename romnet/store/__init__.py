"""Results on disk: artefacts in HDF5, snapshots, meshes, foreign formats and export."""
