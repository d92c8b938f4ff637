// Those who ask to join a group, for its owner and admins.

import * as api from "./api.js";
import { el, setText } from "./dom.js";
import { change } from "./groups.js";
import { state } from "./store.js";
import { button, drawAvatar, plainAvatar } from "./ui-parts.js";

const parts = new WeakMap();

export function buildAsking({ request_id }) {
  const part = { avatar: plainAvatar(), name: el("strong", { class: "name" }), note: el("span", { class: "preview" }) };
  const answer = (action) => () => change(state.openId, () => api.answerGroupRequest(request_id, action));
  const accept = button("people.accept", answer("accept"), { testid: "asking-accept", class: "primary" });
  const reject = button("people.reject", answer("reject"), { testid: "asking-reject" });
  const lines = el("span", { class: "lines" }, part.name, part.note);
  const node = el("li", { class: "person", data: { testid: "asking" } }, part.avatar, lines, accept, reject);
  parts.set(node, part);
  return node;
}

export function updateAsking(node, { user, message }) {
  const part = parts.get(node);
  const name = user.nickname || user.username;
  drawAvatar(part.avatar, name, user.id);
  setText(part.name, name);
  setText(part.note, message);
}
