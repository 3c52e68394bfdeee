"""Where the bytes of pictures live."""
