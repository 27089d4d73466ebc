"""The chain's history as facts that were checked: records, grants, rounds."""
