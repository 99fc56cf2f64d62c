"""Facts that happened, recorded in the transaction that made them true."""
