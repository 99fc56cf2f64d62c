"""A client may send the same request again: it is applied once and answered the same."""
