"""Why a backup or a restore does not happen."""


class BackupRefused(Exception):
    """It cannot be done, or was not: the sentence says why, and what to do."""
