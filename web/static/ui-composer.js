// The field in which a message is written. Every conversation keeps its own unfinished text.

import { setText } from "./dom.js";
import { mentionsIn } from "./mentions.js";
import { cancelReply, replied, replyOf } from "./replying.js";
import { send } from "./sending.js";
import { state } from "./store.js";
import { tellTyping } from "./typing.js";
import { attachedTo, drawAttachments, mountAttachments, sendAttached } from "./ui-attachments.js";
import { toEnd } from "./ui-chat.js";
import { mountMentions, takesKey } from "./ui-mentions.js";
import { drawReplying, mountReplying } from "./ui-quote.js";
import { drawRecorder, isRecording, mountRecorder } from "./ui-recorder.js";
import { whyNot } from "./writing.js";

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
  for (const mount of [mountMentions, mountAttachments, mountRecorder, mountReplying]) mount();
}

function pressed(event) {
  if (event.isComposing) return; // in an input method Enter also confirms a character
  if (takesKey(event)) return event.preventDefault();
  if (event.key === "Escape") cancelReply(state.openId);
  if (event.key !== "Enter" || event.shiftKey) return;
  event.preventDefault();
  submit();
}

// With files, the text is the caption of the first.
function submit() {
  const id = state.openId;
  const content = text.value.trim();
  const attached = attachedTo(id).length > 0;
  if (!content && !attached) return;
  const message = answering(id, content);
  if (attached ? sendAttached(id, message) : send(id, message)) {
    text.value = "";
    cancelReply(id);
    toEnd();
  }
  text.focus();
}

function answering(id, content) {
  const mentions = mentionsIn(id, content);
  const original = replied(id);
  if (!mentions && !original) return { content };
  const extra = { mentions, reply_to: original?.id };
  return { content, extra, reply: original && replyOf(original) };
}

export function drawComposer() {
  const reason = whyNot(state.openId);
  noWriting.hidden = !reason;
  drawRecorder();
  form.hidden = Boolean(reason) || isRecording();
  if (reason) setText(noWriting, reason);
  drawAttachments();
  drawReplying();
  if (state.openId === openId) return;
  if (openId) drafts.set(openId, text.value);
  openId = state.openId;
  text.value = drafts.get(openId) ?? "";
  if (openId && matchMedia("(hover: hover)").matches) text.focus();
}
