"""What makes the vectors, file by file."""
