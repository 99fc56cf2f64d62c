"""What the operations of keys, webhooks, notifications and people say to staff."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop as _

SENTENCES: Final = (
    _("This %(name)s is taken."),
    # API keys
    _("There is an API key named %(name)s already."),
    _("There is no API key named %(name)s."),
    _("There is no such API key."),
    _("The old secret may work on for 0 to 7 days."),
    _(
        "The secret needs 16 to 255 visible ASCII characters, and no typing error if it is one"
        " that Stockroom issued."
    ),
    _("A name is 1 to 100 printable characters without spaces around them."),
    _("There is no scope %(names)s."),
    _("A key needs at least one scope."),
    _("The quota is 0 (unlimited) to 1000000000."),
    _("The key would already have expired."),
    _("The API key %(name)s has been revoked."),
    _("This secret belongs to the API key %(name)s, which has been revoked. Choose another."),
    # Webhooks
    _("A URL has at most 2048 characters, all of them visible ASCII."),
    _("This is no URL."),
    _("Use an https URL."),
    _("Leave out user information and fragment."),
    _("A port is 1 to 65535."),
    _("The URL needs the name or the address of a host."),
    _("This address is not on the public internet."),
    _("There is no event type %(names)s."),
    _("Sequences start at 1."),
    _("The last event must not come before the first."),
    _("At most %(most)s events at once; ask for the rest afterwards."),
    _("There is no such webhook delivery."),
    _("There is no such webhook endpoint."),
    _("The endpoint has been deleted; nothing is sent to it any more."),
    _("The endpoint is switched off; switch it on first."),
    # Mail
    _("No e-mail address is on file."),
    _("The mail server refuses our user name or password."),
    _("The mail server refuses the address: %(said)s."),
    _("The mail server refuses: %(said)s."),
    _("The mail server broke the conversation off."),
    _("The mail server did not answer in time."),
    _("The mail server cannot be reached: %(why)s."),
    _("The address or the sender cannot be written in a mail."),
    _("The mail could not be sent: %(why)s."),
    # People
    _("Can undo an import"),
    _("There is no such user."),
)
