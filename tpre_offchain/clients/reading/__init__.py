"""From a grant to the data."""
