"""The six contracts, one thin class each, and where they are deployed."""
