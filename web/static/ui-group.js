// The details of the open group: what it is, who asks to join, and this user's own part in it.

import * as api from "./api.js";
import { attribute, keyed, setText } from "./dom.js";
import { count } from "./format.js";
import { change, refreshGroup } from "./groups.js";
import { refreshPeople } from "./people.js";
import { isDissolved, isStaff, mayEdit, mayInvite, mayLeave, mayOwn } from "./roles.js";
import { changed, isGroup, state, titleOf } from "./store.js";
import { mountEdit, stopEditing } from "./ui-edit-group.js";
import { invite } from "./ui-invite.js";
import { drawMembers, mountMembers } from "./ui-members.js";
import { confirm } from "./ui-parts.js";
import { buildAsking, updateAsking } from "./ui-asking.js";
import { say } from "./words.js";

const byId = (id) => document.getElementById(id);
const details = byId("group");

let drawnId = null;

export function mountGroup() {
  byId("to-details").addEventListener("click", () => show(!state.detailsShown));
  byId("close-details").addEventListener("click", () => show(false));
  details.addEventListener("keydown", ({ key }) => key === "Escape" && show(false));
  byId("notice").addEventListener("click", () => show(true));
  byId("to-invite").addEventListener("click", invite);
  byId("name-myself").addEventListener("submit", nameMyself);
  byId("leave-group").addEventListener("click", () => end("group.leaveQuestion", "group.leave", api.leaveGroup));
  byId("dissolve-group").addEventListener("click", () => end("group.dissolveQuestion", "group.dissolve", api.dissolve));
  mountEdit();
  mountMembers();
}

// The focus goes into the details, and back to the button that showed them. Nobody is told who asks to join, so that is
// read whenever the details are shown.
function show(yes) {
  state.detailsShown = yes;
  if (yes) refreshGroup(state.openId);
  drawGroup();
  (yes ? byId("close-details") : byId("to-details")).focus();
  changed();
}

async function end(question, action, call) {
  const id = state.openId;
  if (!(await confirm(say(question, { name: titleOf(id) }), say(action)))) return;
  await change(id, call);
  refreshPeople();
}

function nameMyself(event) {
  event.preventDefault();
  const nickname = byId("my-nickname").value.trim();
  change(state.openId, (groupId) => api.nameMyself(groupId, nickname));
}

export function drawGroup() {
  const id = state.openId;
  const held = state.groups.get(id);
  if (id !== drawnId) begin(id);
  const shown = state.detailsShown && held?.group;
  details.hidden = !shown;
  document.body.classList.toggle("details-shown", Boolean(shown));
  byId("to-details").setAttribute("aria-expanded", String(Boolean(shown)));
  drawAbove(held, id);
  if (!shown) return;
  drawAbout(held);
  drawAsking(held);
  drawMembers(id, held);
  drawMyPart(held);
}

function begin(id) {
  drawnId = id;
  state.detailsShown = false;
  stopEditing();
  byId("my-nickname").value = "";
}

function drawAbove(held, id) {
  const asking = held?.requests.length ?? 0;
  byId("to-details").hidden = !isGroup(id) || !held?.group;
  byId("asking-count").hidden = asking === 0;
  setText(byId("asking-count"), count(asking));
  attribute(byId("asking-count"), "aria-label", say("group.askingCount", { count: count(asking) }));
  setText(byId("notice"), held?.role ? held.group.notice : "");
  byId("notice").hidden = byId("notice").textContent === "";
}

function drawAbout(held) {
  const { id, name, description, notice } = held.group;
  setText(byId("group-name"), name);
  setText(byId("group-number"), say("group.numbered", { number: id }));
  setText(byId("group-description"), description);
  setText(byId("group-notice"), notice);
  byId("group-notice").hidden = byId("group-notice-label").hidden = notice === "";
  byId("to-edit-group").hidden = !mayEdit(held);
  if (!mayEdit(held)) stopEditing();
}

function drawAsking(held) {
  byId("asking").hidden = held.requests.length === 0;
  const how = { key: (request) => request.request_id, build: buildAsking, update: updateAsking };
  keyed(byId("asking-list"), held.requests, how);
}

function drawMyPart(held) {
  const me = held.members.find(({ user_id }) => user_id === state.me.id);
  byId("to-invite").hidden = !mayInvite(held);
  byId("name-myself").hidden = held.role === 0 || isDissolved(held);
  byId("my-nickname").placeholder = me?.nickname ?? "";
  byId("leave-group").hidden = !mayLeave(held);
  byId("dissolve-group").hidden = !mayOwn(held);
}
