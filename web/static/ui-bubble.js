// One entry of a chat: a message, or the day that the next ones are of.

import { mayRecall, recall, remove } from "./actions.js";
import { attribute, el, icon, setIcon, setText } from "./dom.js";
import { clock, day, exact, textOf } from "./format.js";
import { RECALLED } from "./messages.js";
import { retry } from "./sending.js";
import { isMine } from "./store.js";
import { menuButton } from "./ui-menu.js";

const TICKS = [
  { icon: "clock", label: "Sending" },
  { icon: "tick", label: "Sent" },
  { icon: "ticks", label: "Delivered" },
  { icon: "ticks", label: "Read" },
];
const FAILED = { icon: "failed", label: "Not sent" };

const parts = new WeakMap();

// A bubble keeps its key when its message turns from pending to stored, so that it does not blink.
export const entryKey = (entry) => entry.day ?? ((entry.mine && entry.message.client_msg_id) || entry.message.id);

export function buildEntry(entry) {
  if (entry.day) return el("li", { class: "day", text: day(entry.message.create_time) });
  const { conversation_id, client_msg_id } = entry.message;
  const part = {
    author: el("strong", { class: "author" }),
    text: el("span", { class: "text", dir: "auto" }),
    time: el("time"),
    tick: icon("clock", "tick"),
    status: el("span", { class: "unseen" }),
    retry: el("button", {
      class: "retry",
      text: "Retry",
      data: { testid: "retry" },
      on: { click: () => retry(conversation_id, client_msg_id) },
    }),
  };
  part.menu = menuButton("More about this message", () => entriesOf(part.message), { testid: "message-menu" });
  const meta = el("span", { class: "meta" }, part.time, part.tick, part.status);
  const bubble = el("div", { class: "bubble" }, part.author, part.text, meta);
  const node = el("li", { class: "entry", data: { testid: "message" } }, bubble, part.menu, part.retry);
  parts.set(node, part);
  return node;
}

// entry: { message, mine, status, author } or { day, message }
export function updateEntry(node, entry) {
  if (entry.day) return;
  const { message, mine, status, author, joined } = entry;
  const part = parts.get(node);
  part.message = message;
  part.menu.hidden = message.id === null;
  attribute(node, "data-seq", message.seq);
  node.dataset.status = status || "sending";
  node.dataset.mine = String(mine);
  attribute(node, "data-failed", message.failed ? "true" : null);
  node.classList.toggle("system", message.message_type === 0);
  node.classList.toggle("joined", joined);
  setText(part.author, author);
  setText(part.text, textOf(message));
  drawMeta(part, message, mine, status);
}

function entriesOf(message) {
  const entries = [{ text: "Delete for me", testid: "menu-delete-self", run: () => remove(message, "self") }];
  if (isMine(message)) {
    const run = () => remove(message, "everyone");
    entries.unshift({ text: "Delete for everyone", testid: "menu-delete-everyone", run, danger: true });
  }
  if (mayRecall(message)) entries.unshift({ text: "Recall", testid: "menu-recall", run: () => recall(message) });
  return entries;
}

function drawMeta(part, message, mine, status) {
  setText(part.time, clock(message.create_time));
  part.time.title = exact(message.create_time);
  const told = message.failed ? FAILED : TICKS[status];
  const shown = mine && status < RECALLED;
  attribute(part.tick, "hidden", !shown);
  setText(part.status, shown ? told.label : "");
  if (shown) setIcon(part.tick, told.icon);
  part.retry.hidden = !message.failed;
}
