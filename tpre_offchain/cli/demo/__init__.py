"""The story that `tpre demo` tells."""
