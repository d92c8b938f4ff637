// The members of the open group, each with a menu of what this user may do with them.

import * as api from "./api.js";
import { el, keyed, setText } from "./dom.js";
import { exact } from "./format.js";
import { change, showMoreMembers } from "./groups.js";
import { duration } from "./phrases.js";
import { ADMIN, MEMBER, OWNER, mayManage, mayOwn } from "./roles.js";
import { nameOf, serverNow, state } from "./store.js";
import { reportFailed } from "./ui-invite.js";
import { menuButton } from "./ui-menu.js";
import { confirm, drawAvatar, plainAvatar } from "./ui-parts.js";
import { say } from "./words.js";

const ROLES = { [MEMBER]: "role.member", [ADMIN]: "role.admin", [OWNER]: "role.owner" };
const MUTES = [600, 3_600, 86_400];

const byId = (id) => document.getElementById(id);
const parts = new WeakMap();

export function mountMembers() {
  byId("more-members").addEventListener("click", () => showMoreMembers(state.openId));
}

export function drawMembers(id, { members, total, group, role }) {
  byId("members-section").hidden = role === 0;
  setText(byId("members-title"), say("group.count", { count: group.member_count }));
  keyed(byId("members"), members, { key: (member) => member.user_id, build, update });
  byId("more-members").hidden = members.length >= total;
}

function build({ user_id }) {
  const part = { avatar: plainAvatar(), name: el("strong", { class: "name", dir: "auto" }), note: el("span", { class: "preview" }) };
  part.menu = menuButton(null, () => entriesOf(part.member), { testid: "member-menu" });
  const lines = el("span", { class: "lines" }, part.name, part.note);
  const node = el("li", { class: "person", data: { testid: "member", userId: user_id } }, part.avatar, lines, part.menu);
  parts.set(node, part);
  return node;
}

function update(node, member) {
  const part = parts.get(node);
  const name = nameOf(member.user_id, state.openId);
  part.member = member;
  drawAvatar(part.avatar, name, member.user_id);
  setText(part.name, member.user_id === state.me.id ? say("group.me", { name }) : name);
  setText(part.note, noteOf(member));
  node.dataset.role = member.role;
  part.menu.hidden = entriesOf(member).length === 0;
  part.menu.setAttribute("aria-label", say("people.more", { name }));
}

const isMuted = ({ mute_end_time: end }) => end > serverNow();

function noteOf(member) {
  const role = say(ROLES[member.role]);
  return isMuted(member) ? say("group.mutedUntil", { role, time: exact(member.mute_end_time) }) : role;
}

function entriesOf(member) {
  const held = state.groups.get(state.openId);
  if (member.user_id === state.me.id || !mayManage(held, member.role)) return [];
  return [...(mayOwn(held) ? ownersEntries(member) : []), ...mutes(member), removal(member)];
}

function ownersEntries({ user_id, role }) {
  const id = state.openId;
  const isAdmin = role === ADMIN;
  const setRole = () => change(id, (groupId) => api.setRole(groupId, user_id, isAdmin ? MEMBER : ADMIN));
  const transfer = () => sure("group.transferQuestion", "group.transfer", user_id, api.transfer);
  return [
    { text: say(isAdmin ? "group.noAdmin" : "group.makeAdmin"), testid: "menu-role", run: setRole },
    { text: say("group.transfer"), testid: "menu-transfer", run: transfer },
  ];
}

function mutes(member) {
  const id = state.openId;
  const mute = (seconds) => async () => {
    reportFailed((await change(id, (groupId) => api.muteMember(groupId, member.user_id, seconds)))?.failed ?? []);
  };
  if (isMuted(member)) return [{ text: say("group.unmute"), testid: "menu-unmute", run: mute(0) }];
  return MUTES.map((seconds) => ({
    text: say("group.muteFor", { time: duration(seconds) }),
    testid: `menu-mute-${seconds}`,
    run: mute(seconds),
  }));
}

function removal({ user_id }) {
  const run = async () => {
    const answer = await sure("group.removeQuestion", "group.remove", user_id, api.removeMember);
    reportFailed(answer?.failed ?? []);
  };
  return { text: say("group.remove"), testid: "menu-remove", run, danger: true };
}

async function sure(question, action, userId, call) {
  const id = state.openId;
  const agreed = await confirm(say(question, { name: nameOf(userId, id) }), say(action));
  return agreed ? change(id, (groupId) => call(groupId, userId)) : null;
}
