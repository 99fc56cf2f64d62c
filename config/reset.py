"""Forget what the embedded servers hold: ``python -m config.reset``, or `make reset`."""

from config import embedded
from config.environment import DATA_DIR


def main() -> None:
    """A database that DATABASE_URL names is never touched."""
    embedded.remove(DATA_DIR)
    print(f"The embedded servers of {DATA_DIR} and their data are gone.")


if __name__ == "__main__":
    main()
