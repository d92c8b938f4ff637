"""Who may do what in a group: one table, which says it all."""

from enum import Enum, StrEnum, auto

from sqlalchemy.orm import Session

from messaging.conversation_id import group
from messaging.errors import Code, Refused
from messaging.groups import views
from messaging.groups.roles import Role
from messaging.groups.standing import Standing


class Action(StrEnum):
    """What users do with a group."""

    INFO = auto()
    JOIN = auto()
    MEMBERS = auto()
    LEAVE = auto()
    NICKNAME = auto()
    DESCRIBE = auto()  # the name, the avatar, the description, the notice
    CONFIGURE = auto()  # the flags
    INVITE = auto()
    REQUESTS = auto()
    HANDLE = auto()
    REMOVE = auto()
    MUTE = auto()
    SET_ROLE = auto()
    TRANSFER = auto()
    DISSOLVE = auto()


class Grant(Enum):
    """What a role has of an action."""

    NO = auto()
    YES = auto()
    PUBLIC = auto()  # where the group is not private
    INVITE = auto()  # where it has `allow_invite`
    MODIFY = auto()  # where it has `allow_member_modify`
    MEMBERS = auto()  # upon those whose role is member
    OTHERS = auto()  # upon all but oneself


_NO, _YES, _PUBLIC, _INVITE, _MODIFY, _MEMBERS, _OTHERS = Grant

PERMISSIONS: dict[Action, tuple[Grant, Grant, Grant, Grant]] = {
    #                 nobody   member   admin     owner
    Action.INFO: (_PUBLIC, _YES, _YES, _YES),
    Action.JOIN: (_PUBLIC, _NO, _NO, _NO),
    Action.MEMBERS: (_NO, _YES, _YES, _YES),
    Action.LEAVE: (_NO, _YES, _YES, _NO),
    Action.NICKNAME: (_NO, _YES, _YES, _YES),
    Action.DESCRIBE: (_NO, _MODIFY, _YES, _YES),
    Action.CONFIGURE: (_NO, _NO, _YES, _YES),
    Action.INVITE: (_NO, _INVITE, _YES, _YES),
    Action.REQUESTS: (_NO, _NO, _YES, _YES),
    Action.HANDLE: (_NO, _NO, _YES, _YES),
    Action.REMOVE: (_NO, _NO, _MEMBERS, _OTHERS),
    Action.MUTE: (_NO, _NO, _MEMBERS, _OTHERS),
    Action.SET_ROLE: (_NO, _NO, _NO, _OTHERS),
    Action.TRANSFER: (_NO, _NO, _NO, _OTHERS),
    Action.DISSOLVE: (_NO, _NO, _NO, _YES),
}
OF_DISSOLVED = frozenset({Action.INFO, Action.MEMBERS, Action.REQUESTS, Action.LEAVE})  # all that is left

_REFUSALS = {
    Action.JOIN: Code.ALREADY_A_MEMBER,
    Action.LEAVE: Code.OWNER_CANNOT_LEAVE,
    Action.INVITE: Code.INVITING_NOT_ALLOWED,
}


def require(session: Session, standing: Standing, action: Action) -> None:
    """Raises Refused unless the user may do this: one of _REFUSALS, ROLE_TOO_LOW, NO_SUCH_GROUP, GROUP_DISSOLVED.

    Whoever was never in a private group is told that there is none.
    """
    granted = _granted(standing, action)
    if standing.role is Role.NONE and not granted:
        raise Refused(refusal_of_stranger(session, standing))
    if standing.dissolved:
        if action not in OF_DISSOLVED:
            raise Refused(Code.GROUP_DISSOLVED)
        if action is Action.LEAVE:  # also for its owner, who could neither transfer nor dissolve it
            return
    if not granted:
        raise Refused(_REFUSALS.get(action, Code.ROLE_TOO_LOW))


def refusal_of_target(actor: Standing, action: Action, target: Standing) -> Code | None:
    """Returns why the actor, who may do this, may not do it to that user, or None when they may."""
    if target.role is Role.NONE:
        return Code.NOT_A_MEMBER
    match PERMISSIONS[action][actor.role]:
        case Grant.MEMBERS if target.role is Role.MEMBER:
            return None
        case Grant.OTHERS if target.user_id != actor.user_id:
            return None
    return Code.ROLE_TOO_LOW


def refusal_of_stranger(session: Session, standing: Standing) -> Code:
    """Returns what a user who is not in the group is told: that they may not, or that there is no such group."""
    if not standing.group.is_private:
        return Code.ROLE_TOO_LOW
    known = views.find(session, conversation_id=group(standing.group.id), user_id=standing.user_id)
    return Code.ROLE_TOO_LOW if known else Code.NO_SUCH_GROUP


def _granted(standing: Standing, action: Action) -> bool:
    match PERMISSIONS[action][standing.role]:
        case Grant.NO:
            return False
        case Grant.PUBLIC:
            return not standing.group.is_private
        case Grant.INVITE:
            return bool(standing.group.allow_invite)
        case Grant.MODIFY:
            return bool(standing.group.allow_member_modify)
    return True
