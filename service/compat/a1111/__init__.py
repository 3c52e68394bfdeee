"""`/sdapi/v1` and `/internal`, as the A1111 web UI answers them."""
