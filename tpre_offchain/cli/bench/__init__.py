"""What `tpre bench` measures, put together: nets, plans, reports."""
