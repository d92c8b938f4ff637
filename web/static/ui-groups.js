// The user's groups, beside their friends; making a new one, and joining one by its number.

import { el, keyed, setText } from "./dom.js";
import * as groups from "./groups.js";
import { open } from "./loading.js";
import { nameOf, state } from "./store.js";
import { toast } from "./toast.js";
import { mountDialog, openDialog } from "./ui-form.js";
import { avatar, drawFace } from "./ui-parts.js";
import { offer, picked } from "./ui-picker.js";
import { show } from "./ui-sidebar.js";
import { reportFailed } from "./ui-invite.js";
import { say } from "./words.js";

const byId = (id) => document.getElementById(id);
const parts = new WeakMap();

export function mountGroups() {
  byId("to-new-group").addEventListener("click", () => {
    offer(byId("first-members"), state.friends.map(({ id }) => ({ id, name: nameOf(id) })));
    openDialog(byId("new-group"));
  });
  byId("to-join-group").addEventListener("click", () => openDialog(byId("join-group")));
  mountDialog(byId("new-group"), create, ({ failed }) => reportFailed(failed ?? []));
  mountDialog(byId("join-group"), join, (joined) => joined || toast("group.asked"));
}

function create() {
  const { name, is_private, join_approval } = byId("new-group").querySelector("form").elements;
  const flags = { is_private: is_private.checked, join_approval: join_approval.checked };
  return groups.create({ name: name.value.trim(), member_ids: picked(byId("first-members")), ...flags });
}

function join() {
  const { number, message } = byId("join-group").querySelector("form").elements;
  const said = message.value.trim();
  return groups.join(Number(number.value), said ? { message: said } : {});
}

export function drawGroups() {
  keyed(byId("groups"), state.mine, { key: (group) => group.id, build, update });
}

function build({ conversation_id }) {
  const part = { avatar: avatar(), name: el("strong", { class: "name" }), note: el("span", { class: "preview" }) };
  const click = () => {
    show("chats");
    open(conversation_id);
  };
  const lines = el("span", { class: "lines" }, part.name, part.note);
  const button = el("button", { class: "item", data: { testid: "group" }, on: { click } }, part.avatar, lines);
  const node = el("li", {}, button);
  parts.set(node, part);
  return node;
}

function update(node, { conversation_id, name, member_count }) {
  const part = parts.get(node);
  drawFace(part.avatar, conversation_id);
  setText(part.name, name);
  setText(part.note, say("group.count", { count: member_count }));
}
