// One entry of a chat: a message, the day of the messages after it, or the line above the unread ones.

import { mayRecall, recall, remove } from "./actions.js";
import { attribute, el, icon, setIcon, setText } from "./dom.js";
import { clock, day, exact, textOf } from "./format.js";
import { RECALLED } from "./messages.js";
import { discard, retry } from "./sending.js";
import { menuButton } from "./ui-menu.js";
import { button, confirm } from "./ui-parts.js";
import { say } from "./words.js";

const TICKS = [
  { icon: "clock", label: "message.sending" },
  { icon: "tick", label: "message.sent" },
  { icon: "ticks", label: "message.delivered" },
  { icon: "ticks", label: "message.read" },
];
const FAILED = { icon: "failed", label: "message.notSent" };

const parts = new WeakMap();

// A bubble keeps its key when its pending message is stored, so that it does not blink.
export const entryKey = (entry) => entry.line ?? ((entry.mine && entry.message.client_msg_id) || entry.message.id);

export function buildEntry(entry) {
  if (entry.unread) return el("li", { class: "day unread-line", data: { testid: "unread-line" } });
  if (entry.line) return el("li", { class: "day" });
  const { conversation_id, client_msg_id } = entry.message;
  const part = {
    text: el("span", { class: "text", dir: "auto" }),
    time: el("time"),
    tick: icon("clock", "tick"),
    status: el("span", { class: "unseen" }),
    retry: button("message.retry", () => retry(conversation_id, client_msg_id), { testid: "retry", class: "retry" }),
    discard: button("message.discard", () => discard(conversation_id, client_msg_id), { testid: "discard", class: "retry" }),
  };
  part.menu = menuButton("message.more", () => entriesOf(part.message), { testid: "message-menu" });
  const meta = el("span", { class: "meta" }, part.time, part.tick, part.status);
  const bubble = el("div", { class: "bubble" }, part.text, meta);
  const node = el("li", { class: "entry", data: { testid: "message" } }, bubble, part.menu, part.retry, part.discard);
  parts.set(node, part);
  return node;
}

// entry: { message, mine, status, joined } or { line, message, unread }
export function updateEntry(node, entry) {
  if (entry.unread) return setText(node, say("list.unread", { count: entry.unread }));
  if (entry.line) return setText(node, day(entry.message.create_time));
  const { message, mine, status, joined } = entry;
  const part = parts.get(node);
  part.message = message;
  part.menu.hidden = message.id === null;
  attribute(node, "data-seq", message.seq);
  node.dataset.status = status || "sending";
  node.dataset.mine = String(mine);
  attribute(node, "data-failed", message.failed ? "true" : null);
  node.classList.toggle("system", message.message_type === 0);
  node.classList.toggle("joined", joined);
  setText(part.text, textOf(message));
  return drawMeta(part, message, mine, status);
}

function entriesOf(message) {
  const entries = [{ text: say("message.deleteForMe"), testid: "menu-delete-self", run: () => remove(message, "self") }];
  if (message.message_type !== 0) {
    const run = () => removeForEveryone(message);
    const text = say("message.deleteForEveryone");
    entries.unshift({ text, testid: "menu-delete-everyone", run, danger: true });
  }
  if (mayRecall(message)) {
    entries.unshift({ text: say("message.recall"), testid: "menu-recall", run: () => recall(message) });
  }
  return entries;
}

async function removeForEveryone(message) {
  if (await confirm(say("message.deleteQuestion"), say("message.delete"))) await remove(message, "everyone");
}

function drawMeta(part, message, mine, status) {
  setText(part.time, clock(message.create_time));
  part.time.title = exact(message.create_time);
  const told = message.failed ? FAILED : TICKS[status];
  const shown = mine && status < RECALLED;
  attribute(part.tick, "hidden", !shown);
  setText(part.status, shown ? say(told.label) : "");
  if (shown) setIcon(part.tick, told.icon);
  part.retry.hidden = part.discard.hidden = !message.failed;
}
