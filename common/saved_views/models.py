"""The table of saved views."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q

from common.database import ClockTimestamp
from common.ids import new_id

MOST_LETTERS = 2_000


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def seen_by(self, user: User, of_list: str) -> SavedViewQuerySet:
        """Somebody's own views of a list, and those that others share."""
        return self.filter(Q(owner=user) | Q(is_shared=True), of_list=of_list)

    def removable_by(self, user: User, of_list: str) -> SavedViewQuerySet:
        """Their own, and for who looks after users also those that others share."""
        if user.has_perm("auth.change_user"):
            return self.seen_by(user, of_list)
        return self.filter(owner=user, of_list=of_list)


class SavedView(models.Model):
    """A search, filters and an order of one list, under a name.

    ``of_list`` is the label of the model whose list it is; ``query`` is what stands behind the
    list's address, never an address: it leads nowhere else.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(User, models.CASCADE, related_name="saved_views", db_index=False)
    of_list = models.CharField(max_length=100)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=MOST_LETTERS)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "of_list", "name"], name="saved_view_name_unique"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="saved_view_name_not_blank"),
        ]
        indexes = [models.Index(fields=["of_list", "name"], name="saved_view_of_list")]

    def __str__(self) -> str:
        return self.name
