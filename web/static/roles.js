// What the roles of a group allow. The server decides; this is what the page offers.

import { state } from "./store.js";

export const MEMBER = 1;
export const ADMIN = 2;
export const OWNER = 3;

const DISSOLVED = 2;

export const isStaff = (role) => role >= ADMIN;
export const roleIn = (id) => state.groups.get(id)?.role ?? 0;
export const isDissolved = (held) => held.group?.status === DISSOLVED;

const isOpenTo = (held, role) => !isDissolved(held) && held.role >= role;

export const mayEdit = (held) => isOpenTo(held, held.group?.allow_member_modify ? MEMBER : ADMIN);
export const mayArrange = (held) => isOpenTo(held, ADMIN);
export const mayInvite = (held) => isOpenTo(held, held.group?.allow_invite ? MEMBER : ADMIN);
export const mayOwn = (held) => isOpenTo(held, OWNER);
export const mayLeave = ({ role }) => role > 0 && role < OWNER;

// Returns whether one may remove and mute the other: the owner anyone, admins members.
export const mayManage = (held, theirs) => isOpenTo(held, ADMIN) && held.role > theirs;
