// Elements that several parts of the page use.

import { el, setText } from "./dom.js";
import { hue, initials, lastSeen } from "./format.js";
import { faceOf, isGroup, nameOf, online, peerOf, presenceOf, state, titleOf } from "./store.js";
import { say } from "./words.js";

export const avatar = () => filled(el("span", { class: "avatar", "aria-hidden": "true" }));

// Returns an avatar that never shows presence.
export const plainAvatar = () => el("span", { class: "avatar", "aria-hidden": "true" }, el("span"));

export function filled(node) {
  node.append(el("span"), el("i", { class: "presence", hidden: true, data: { testid: "presence-dot" } }));
  return node;
}

// `online` is left out when it is unknown or need not be shown.
export function drawAvatar(node, name, id, online) {
  const [letters, dot] = node.children;
  setText(letters, initials(name));
  node.dataset.hue = hue(id);
  if (!dot) return;
  dot.hidden = online === undefined;
  dot.dataset.online = String(online ?? false);
}

// Draws the avatar of a conversation: a group's has another shape, and no presence.
export function drawFace(node, id) {
  node.dataset.group = String(isGroup(id));
  drawAvatar(node, titleOf(id), faceOf(id), isGroup(id) ? undefined : online(peerOf(id)));
}

export const presenceNote = (id) => (online(id) ? say("people.online") : lastSeen(presenceOf(id)?.last_seen));

// Says who is typing: in a pair it can only be the other.
export function typingNote(id) {
  const { user_id } = state.typing.get(id);
  return isGroup(id) ? say("chat.typingIn", { name: nameOf(user_id, id) }) : say("chat.typing");
}

// key: the key of the text, none when each drawing writes its own.
export function button(key, onClick, { testid, ...attributes } = {}) {
  return el("button", { type: "button", ...attributes, data: { ...(testid && { testid }), ...(key && { say: key }) }, on: { click: onClick } });
}

const dialog = document.getElementById("confirm");
const question = document.getElementById("confirm-question");
const yes = document.getElementById("confirm-yes");

export function confirm(text, action) {
  question.textContent = text;
  yes.textContent = action;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
