"""All text that a terminal shows."""
