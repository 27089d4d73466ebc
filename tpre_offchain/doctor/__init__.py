"""Looks at everything that has to work, and says of each thing whether it does and what to do if it does not."""
