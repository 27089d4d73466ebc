"""What clients keep: blobs in a store, files, and publishes that are under way."""
