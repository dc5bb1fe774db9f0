"""What is measured, one module a path."""
