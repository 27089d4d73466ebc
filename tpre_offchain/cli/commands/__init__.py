"""One module for each verb of ``tpre``; each has a click ``command``."""
