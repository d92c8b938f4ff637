// One entry of a chat: a message, the day of the messages after it, or the line above the unread ones.

import { mayRecall, mayRemoveForAll, recall, remove } from "./actions.js";
import { attribute, el, icon, setIcon, setPieces, setText } from "./dom.js";
import { clock, day, exact, hue, textOf } from "./format.js";
import { piecesOf } from "./mentions.js";
import { RECALLED } from "./messages.js";
import { isCounted } from "./receipts.js";
import { discard, retry } from "./sending.js";
import { isGroup, mentionsMe, nameOf, state } from "./store.js";
import { menuButton } from "./ui-menu.js";
import { button, confirm, drawAvatar, plainAvatar } from "./ui-parts.js";
import { showReaders } from "./ui-readers.js";
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
    avatar: plainAvatar(),
    author: el("strong", { class: "author", dir: "auto", data: { testid: "author" } }),
    text: el("span", { class: "text", dir: "auto" }),
    time: el("time"),
    tick: icon("clock", "tick"),
    status: el("span", { class: "unseen" }),
    retry: button("message.retry", () => retry(conversation_id, client_msg_id), { testid: "retry", class: "retry" }),
    discard: button("message.discard", () => discard(conversation_id, client_msg_id), { testid: "discard", class: "retry" }),
  };
  part.readBy = button(null, () => showReaders(part.message), { testid: "read-by", class: "read-by" });
  part.menu = menuButton("message.more", () => entriesOf(part.message), { testid: "message-menu" });
  const meta = el("span", { class: "meta" }, part.readBy, part.time, part.tick, part.status);
  const bubble = el("div", { class: "bubble" }, part.author, part.text, meta);
  const others = [part.menu, part.retry, part.discard];
  const node = el("li", { class: "entry", data: { testid: "message" } }, part.avatar, bubble, ...others);
  parts.set(node, part);
  return node;
}

// entry: { message, mine, status, joined, named } or { line, message, unread }
export function updateEntry(node, entry) {
  if (entry.unread) return setText(node, say("list.unread", { count: entry.unread }));
  if (entry.line) return setText(node, day(entry.message.create_time));
  const { message, mine, status, joined, named } = entry;
  const part = parts.get(node);
  part.message = message;
  part.menu.hidden = message.id === null;
  attribute(node, "data-seq", message.seq);
  node.dataset.status = status || "sending";
  node.dataset.mine = String(mine);
  attribute(node, "data-failed", message.failed ? "true" : null);
  node.classList.toggle("system", message.message_type === 0);
  node.classList.toggle("joined", joined);
  drawAuthor(part, message, named, joined);
  drawText(node, part, message, mine);
  return drawMeta(part, message, mine, status);
}

// The first of several messages of one author shows their name; the others leave the avatar's room free.
function drawAuthor(part, message, named, joined) {
  part.avatar.hidden = !named;
  part.author.hidden = !named || joined;
  if (!named) return;
  const name = nameOf(message.from_user_id, message.conversation_id);
  drawAvatar(part.avatar, name, message.from_user_id);
  setText(part.author, name);
  part.author.dataset.hue = hue(message.from_user_id);
}

function drawText(node, part, message, mine) {
  const written = message.status < RECALLED && isGroup(message.conversation_id);
  if (written) setPieces(part.text, piecesOf(message, textOf(message)));
  else setText(part.text, textOf(message));
  attribute(node, "data-mentions-me", written && !mine && mentionsMe(message) ? "true" : null);
}

function entriesOf(message) {
  const entries = [{ text: say("message.deleteForMe"), testid: "menu-delete-self", run: () => remove(message, "self") }];
  if (isGroup(message.conversation_id) && isCounted(message)) {
    entries.unshift({ text: say("message.readers"), testid: "menu-readers", run: () => showReaders(message) });
  }
  if (mayRemoveForAll(message)) {
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
  part.readBy.hidden = !shown || state.readBy?.id !== message.id;
  if (!part.readBy.hidden) setText(part.readBy, say("message.readBy", state.readBy));
  part.retry.hidden = part.discard.hidden = !message.failed;
}
