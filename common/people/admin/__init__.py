"""Users, groups and the audit trail in the back office."""

from common.people.admin.groups import GroupAdmin
from common.people.admin.trail import AuditEntryAdmin
from common.people.admin.users import UserAdmin

__all__ = ["AuditEntryAdmin", "GroupAdmin", "UserAdmin"]
