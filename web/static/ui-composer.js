// The field in which a message is written. Every conversation keeps its own unfinished text.

import { setText } from "./dom.js";
import { exact } from "./format.js";
import { mentionsIn } from "./mentions.js";
import { isDissolved, isStaff } from "./roles.js";
import { send } from "./sending.js";
import { isGroup, serverNow, state } from "./store.js";
import { tellTyping } from "./typing.js";
import { toEnd } from "./ui-chat.js";
import { mountMentions, takesKey } from "./ui-mentions.js";
import { say } from "./words.js";

const form = document.getElementById("composer");
const text = document.getElementById("text");
const noWriting = document.getElementById("no-writing");

const drafts = new Map();
let openId = null;

export function mountComposer() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  text.addEventListener("input", () => text.value.trim() && tellTyping(state.openId));
  text.addEventListener("keydown", pressed);
  mountMentions();
}

function pressed(event) {
  if (event.isComposing) return; // in an input method Enter also confirms a character
  if (takesKey(event)) return event.preventDefault();
  if (event.key !== "Enter" || event.shiftKey) return;
  event.preventDefault();
  submit();
}

function submit() {
  const content = text.value.trim();
  if (!content) return;
  const mentions = mentionsIn(state.openId, content);
  if (send(state.openId, content, mentions && { mentions })) {
    text.value = "";
    toEnd();
  }
  text.focus();
}

export function drawComposer() {
  const reason = whyNot(state.openId);
  noWriting.hidden = !reason;
  form.hidden = Boolean(reason);
  if (reason) setText(noWriting, reason);
  if (state.openId === openId) return;
  if (openId) drafts.set(openId, text.value);
  openId = state.openId;
  text.value = drafts.get(openId) ?? "";
  if (openId && matchMedia("(hover: hover)").matches) text.focus();
}

// Returns why this user may not write in a group, "" when they may, or when that is not known yet.
function whyNot(id) {
  const held = isGroup(id) && state.groups.get(id);
  if (!held) return "";
  if (isDissolved(held)) return say("chat.dissolved");
  if (held.role === 0) return say("chat.notIn");
  if (held.group.mute_all && !isStaff(held.role)) return say("chat.allMuted");
  const until = held.members.find(({ user_id }) => user_id === state.me.id)?.mute_end_time ?? 0;
  return until > serverNow() ? say("chat.muted", { time: exact(until) }) : "";
}
