// The field in which a message is written. Every conversation keeps its own unfinished text.

import { send } from "./sending.js";
import { state } from "./store.js";
import { tellTyping } from "./typing.js";
import { toEnd } from "./ui-chat.js";

const form = document.getElementById("composer");
const text = document.getElementById("text");

const drafts = new Map();
let openId = null;

export function mountComposer() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  text.addEventListener("input", () => text.value.trim() && tellTyping(state.openId));
  text.addEventListener("keydown", (event) => {
    // In an input method Enter also confirms a character.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
}

function submit() {
  const content = text.value.trim();
  if (!content) return;
  if (send(state.openId, content)) {
    text.value = "";
    toEnd();
  }
  text.focus();
}

export function drawComposer() {
  if (state.openId === openId) return;
  if (openId) drafts.set(openId, text.value);
  openId = state.openId;
  text.value = drafts.get(openId) ?? "";
  if (openId && matchMedia("(hover: hover)").matches) text.focus();
}
