"""Saving a view of a list, and removing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from common.database import in_transaction
from common.errors import Invalid, NotFound
from common.saved_views.models import MOST_LETTERS, SavedView

if TYPE_CHECKING:
    from uuid import UUID

MOST: Final = 30
"""Views that one person has of one list; more are no tabs any more."""


@in_transaction
def save_view(*, owner_id: int, of_list: str, name: str, query: str, is_shared: bool) -> SavedView:
    """Keep a view; in place of the one that the same person has of the list under this name.

    Refuses with Invalid where there is nothing to keep, too much of it, or too many views.

    Locks: the user's row, so that two forms of one person do not meet (docs/locking.md).
    """
    if not query:
        raise Invalid(_("Search, filter or sort the list first."), attribute="query")
    if len(query) > MOST_LETTERS:
        raise Invalid(_("This view is too long to be saved."), attribute="query")
    User.objects.select_for_update(no_key=True).get(pk=owner_id)
    own = SavedView.objects.filter(owner=owner_id, of_list=of_list)
    if not own.filter(name=name).exists() and own.count() >= MOST:
        said = _("You have %(most)s views of this list: delete one first.") % {"most": MOST}
        raise Invalid(said, attribute="name")
    view, _is_new = SavedView.objects.update_or_create(
        owner_id=owner_id,
        of_list=of_list,
        name=name,
        defaults={"query": query, "is_shared": is_shared},
    )
    return view


@in_transaction
def remove_view(*, owner_id: int, of_list: str, view_id: UUID) -> str:
    """Delete a view for its owner, or a shared one for who may change users; returns its name.

    So what somebody shared who is gone can go too. Refuses with NotFound what is no such view.

    Locks: the view (docs/locking.md).
    """
    removable = SavedView.objects.removable_by(User.objects.get(pk=owner_id), of_list)
    view = removable.filter(pk=view_id).select_for_update(no_key=True).first()
    if view is None:
        raise NotFound(_("You have no such view; it may have been deleted already."))
    view.delete()
    return view.name
