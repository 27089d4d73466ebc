"""What a proxy knows of a round, decides, and makes ready. Sends nothing."""
