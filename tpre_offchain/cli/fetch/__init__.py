"""What is fetched once from the npm registry and kept in the user's cache folder, each byte of it pinned."""
