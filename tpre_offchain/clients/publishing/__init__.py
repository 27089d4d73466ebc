"""From a file to a record on the chain."""
