from django.core.management.base import BaseCommand

from common.access.models import ApiKey

HEADINGS = ("NAME", "STATUS", "QUOTA", "EXPIRES (UTC)", "LAST USED (UTC)", "ENDS IN", "SCOPES")
MOMENT = "%Y-%m-%d %H:%M"


class Command(BaseCommand):
    help = "List the API keys: name, status, quota, expiry, last use and scopes; never a secret."

    def handle(self, *_args, **_options):
        keys = ApiKey.objects.order_by("name").prefetch_related("secrets")
        rows = [HEADINGS, *(_row(key) for key in keys)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())


def _row(key: ApiKey) -> tuple[str, ...]:
    return (
        key.name,
        key.status,
        key.quota_in_words,
        f"{key.expires_at:{MOMENT}}" if key.expires_at else "never",
        f"{key.last_used_at:{MOMENT}}" if key.last_used_at else "never",
        " ".join(secret.last_four for secret in key.usable_secrets) or "-",
        " ".join(key.scopes),
    )
