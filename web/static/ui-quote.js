// The lines that show which message is answered: in a bubble, where they lead to it, and over the composer.

import { attribute, el, setText } from "./dom.js";
import { textOf } from "./format.js";
import { cancelReply, quoteOf, replied } from "./replying.js";
import { nameOf, state } from "./store.js";
import { jumpTo } from "./ui-chat.js";

const bar = document.getElementById("replying");
const parts = new WeakMap();

export function quote() {
  const author = el("strong");
  const text = el("span", { class: "quoted", dir: "auto" });
  const node = el("button", { type: "button", class: "quote", data: { testid: "quote", sayTitle: "message.toQuoted" } }, author, text);
  const part = { author, text, quoted: null };
  node.addEventListener("click", () => jumpTo(part.quoted.seq));
  parts.set(node, part);
  return node;
}

export function drawQuote(node, message) {
  const part = parts.get(node);
  part.quoted = quoteOf(message);
  node.hidden = !part.quoted;
  if (node.hidden) return;
  setText(part.author, part.quoted.author);
  setText(part.text, part.quoted.text);
  attribute(node, "disabled", part.quoted.seq === undefined);
}

export function mountReplying() {
  document.getElementById("cancel-reply").addEventListener("click", () => {
    cancelReply(state.openId);
    document.getElementById("text").focus();
  });
}

export function drawReplying() {
  const message = state.openId && replied(state.openId);
  bar.hidden = !message;
  if (!message) return;
  setText(document.getElementById("replying-author"), nameOf(message.from_user_id, state.openId));
  setText(document.getElementById("replying-text"), textOf(message));
}
