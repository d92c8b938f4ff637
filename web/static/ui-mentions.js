// Completes the name of a member after "@" in the composer.

import { attribute, el } from "./dom.js";
import { candidates, choose } from "./mentions.js";
import { isGroup, state } from "./store.js";
import { drawAvatar, plainAvatar } from "./ui-parts.js";

const text = document.getElementById("text");
const list = document.getElementById("mentions");
// A name may have spaces, so all up to the "@" is taken as its beginning, until no name begins so.
const BEGUN = /(?:^|[^\p{L}\p{N}])@([^@\n]{0,50})$/u;

let offered = [];
let chosen = 0;

export function mountMentions() {
  for (const event of ["input", "click", "focus"]) text.addEventListener(event, offer);
  text.addEventListener("blur", close);
}

function begun() {
  return isGroup(state.openId) ? BEGUN.exec(text.value.slice(0, text.selectionStart))?.[1] : undefined;
}

function offer() {
  const beginning = begun();
  offered = beginning === undefined ? [] : candidates(state.openId, beginning);
  chosen = 0;
  draw();
}

function close() {
  offered = [];
  draw();
}

function draw() {
  list.replaceChildren(...offered.map(option));
  list.hidden = offered.length === 0;
  attribute(text, "aria-activedescendant", list.hidden ? null : optionId(chosen));
}

const optionId = (at) => `mention-${at}`;

function option(one, at) {
  const face = plainAvatar();
  drawAvatar(face, one.name, Number(one.user_id) || 0);
  // With the mouse button's default the composer would lose its focus before the click.
  const on = { mousedown: (event) => event.preventDefault(), click: () => complete(one) };
  const attributes = { id: optionId(at), role: "option", "aria-selected": String(at === chosen), on };
  return el("li", { ...attributes, data: { testid: "mention" } }, face, el("span", { text: one.name }));
}

function complete(one) {
  choose(state.openId, one);
  const end = text.selectionStart;
  const start = end - begun().length;
  text.setRangeText(`${one.name} `, start, end, "end");
  close();
  text.focus();
}

const KEYS = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  Enter: () => complete(offered[chosen]),
  Tab: () => complete(offered[chosen]),
  Escape: close,
};

function move(step) {
  chosen = (chosen + step + offered.length) % offered.length;
  draw();
}

// Returns whether a key was meant for the completion.
export function takesKey({ key }) {
  if (list.hidden || !(key in KEYS)) return false;
  KEYS[key]();
  return true;
}
