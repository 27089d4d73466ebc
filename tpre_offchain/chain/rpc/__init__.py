"""Asking nodes: one connection over several endpoints, with typed errors."""
