"""What staff decide about their notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import User

from common.database import in_transaction
from common.errors import NotFound
from common.notifications.models import Notification, Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.notifications.models import Mode, Topic


@in_transaction
def subscribe(*, user_id: int, modes: Mapping[Topic, Mode | None]) -> list[Topic]:
    """Tell a user of these topics at once or daily, or (None) no more; the others stay as they are.

    A new subscription gets what occurs from now on; one that changes its mode keeps its
    beginning. What has not been mailed of a topic that goes is not mailed. Returns the topics
    that were changed. Refuses with NotFound.

    Locks: the user (docs/locking.md).
    """
    if not User.objects.select_for_update(no_key=True).filter(pk=user_id).exists():
        raise NotFound("There is no such user.")
    before = {one.topic: one for one in Subscription.objects.filter(user_id=user_id)}
    return [topic for topic, mode in modes.items() if _set(user_id, topic, mode, before.get(topic))]


def _set(user_id: int, topic: Topic, mode: Mode | None, before: Subscription | None) -> bool:
    """Whether anything had to be changed."""
    if (before.mode if before else None) == mode:
        return False
    if mode is None:
        Subscription.objects.filter(user_id=user_id, topic=topic).delete()
        Notification.objects.filter(user_id=user_id, topic=topic, mail=None).delete()
    elif before is None:
        Subscription.objects.create(user_id=user_id, topic=topic, mode=mode)
    else:
        Subscription.objects.filter(pk=before.pk).update(mode=mode)
    return True
