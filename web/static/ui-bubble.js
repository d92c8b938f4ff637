// One entry of a chat: a message, the day of the messages after it, or the line above the unread ones.

import { mayRecall, mayRemoveForAll, recall, remove } from "./actions.js";
import { attribute, el, icon, setIcon, setPieces, setText } from "./dom.js";
import { clock, day, exact, hue, textOf } from "./format.js";
import { linked } from "./links.js";
import { IMAGE, hasMedia } from "./media.js";
import { piecesOf } from "./mentions.js";
import { RECALLED } from "./messages.js";
import { isCounted } from "./receipts.js";
import { replyTo } from "./replying.js";
import { discard, retry } from "./sending.js";
import { isGroup, knownName, mentionsMe, nameOf, state } from "./store.js";
import { report, toast } from "./toast.js";
import { forward } from "./ui-forward.js";
import { drawMedia } from "./ui-media.js";
import { menuButton } from "./ui-menu.js";
import { button, confirm, drawAvatar, plainAvatar } from "./ui-parts.js";
import { drawQuote, quote } from "./ui-quote.js";
import { showReaders } from "./ui-readers.js";
import { say } from "./words.js";
import { whyNot } from "./writing.js";

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
    origin: el("span", { class: "origin", dir: "auto", data: { testid: "forwarded" } }),
    quote: quote(),
    media: el("div", { class: "media" }),
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
  const bubble = el("div", { class: "bubble" }, part.author, part.origin, part.quote, part.media, part.text, meta);
  const others = [part.menu, part.retry, part.discard];
  const node = el("li", { class: "entry", tabindex: -1, data: { testid: "message" } }, part.avatar, bubble, ...others);
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
  drawOrigin(part.origin, message);
  drawQuote(part.quote, message);
  drawMedia(part.media, message);
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

function drawOrigin(node, { conversation_id, status, extra }) {
  const from = status < RECALLED ? extra?.forwarded_from?.user_id : undefined;
  node.hidden = from === undefined;
  if (node.hidden) return;
  const name = knownName(from, conversation_id);
  setText(node, name ? say("message.forwardedFrom", { name }) : say("message.forwarded"));
}

// What is carried is shown above its caption. What cannot be shown is named; what lies elsewhere is a link.
function drawText(node, part, message, mine) {
  const written = message.status < RECALLED;
  const elsewhere = message.message_type >= IMAGE && written && message.extra?.url;
  const text = hasMedia(message) ? message.content : [textOf(message), elsewhere].filter(Boolean).join(" ");
  part.text.hidden = !text;
  setPieces(part.text, written && message.message_type !== 0 ? linked(piecesIn(message, text)) : [{ text }]);
  attribute(node, "data-mentions-me", written && !mine && mentionsMe(message) ? "true" : null);
}

const piecesIn = (message, text) => (isGroup(message.conversation_id) ? piecesOf(message, text) : [{ text }]);

function entriesOf(message) {
  return [...repeatingEntries(message), ...withdrawingEntries(message)];
}

function repeatingEntries(message) {
  const { id, conversation_id, message_type, status, content } = message;
  if (id === null || message_type === 0 || status >= RECALLED) return [];
  const entries = [{ text: say("message.forward"), testid: "menu-forward", run: () => forward(message) }];
  if (content && navigator.clipboard) entries.push({ text: say("message.copy"), testid: "menu-copy", run: () => copy(content) });
  if (!whyNot(conversation_id)) entries.unshift({ text: say("message.reply"), testid: "menu-reply", run: () => reply(message) });
  return entries;
}

function reply(message) {
  replyTo(message);
  document.getElementById("text").focus();
}

async function copy(text) {
  await navigator.clipboard.writeText(text).then(() => toast("message.copied"), report);
}

function withdrawingEntries(message) {
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
