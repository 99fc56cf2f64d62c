"""What seed_demo loads: a small shop, and a month of its stock."""
