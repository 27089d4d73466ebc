"""The players and props of the fault tests."""
