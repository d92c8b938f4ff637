// The open conversation.

import { attribute, keyed, setText } from "./dom.js";
import { count, dayKey } from "./format.js";
import { close, loadBackTo, loadOlder } from "./loading.js";
import { shownStatus, visible } from "./messages.js";
import { changed, conversation, isGroup, isMine, peerOf, state, titleOf } from "./store.js";
import { buildEntry, entryKey, updateEntry } from "./ui-bubble.js";
import { report, toast } from "./toast.js";
import { drawFace, filled, presenceNote, typingNote } from "./ui-parts.js";
import { say } from "./words.js";

const NEAR_PX = 80;
const ABOVE_LINE_PX = 16;
const JOINED_SECONDS = 180;
const FOUND_MS = 2_000;

const byId = (id) => document.getElementById(id);
const scroll = byId("scroll");

let drawnId = null;
let placed = true;
let endedAt = 0;

export function mountChat() {
  filled(byId("chat-avatar"));
  byId("back").addEventListener("click", close);
  byId("older").addEventListener("click", () => loadOlder(state.openId));
  byId("jump").addEventListener("click", () => {
    toEnd();
    changed();
  });
  scroll.addEventListener("scroll", scrolled, { passive: true });
  // The window, the keyboard of a phone and the growing composer all change its height.
  new ResizeObserver(() => state.atEnd && toEnd()).observe(scroll);
}

const isNearEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_PX;

// The user has scrolled, but the scroll event has not come yet. Drawing must not undo the scroll meanwhile.
const hasLeftEnd = () => scroll.scrollTop < endedAt - NEAR_PX && !isNearEnd();

// Until the unread line has its place, the position is not the user's.
function scrolled() {
  const atEnd = placed && isNearEnd();
  if (atEnd !== state.atEnd) changed();
  state.atEnd = atEnd;
  if (scroll.scrollTop < NEAR_PX && state.chats.get(state.openId)?.loaded) loadOlder(state.openId);
}

export function toEnd() {
  state.atEnd = true;
  scroll.scrollTop = scroll.scrollHeight;
  endedAt = scroll.scrollTop;
}

// Goes to a message of the open chat, which is loaded first if need be.
export async function jumpTo(seq) {
  const id = state.openId;
  const loaded = await loadBackTo(id, seq).catch(report);
  if (state.openId !== id || loaded === undefined) return;
  drawChat();
  const node = loaded && byId("messages").querySelector(`[data-seq="${seq}"]`);
  if (!node) return toast(loaded ? "message.unavailable" : "message.tooFarBack");
  state.atEnd = false;
  node.scrollIntoView({ block: "center" });
  changed();
  node.focus({ preventScroll: true });
  node.classList.add("found");
  setTimeout(() => node.classList.remove("found"), FOUND_MS);
}

export function drawChat() {
  const id = state.openId;
  document.body.classList.toggle("chat-open", id !== null);
  byId("chat").hidden = id === null;
  byId("nothing-open").hidden = id !== null;
  if (id !== drawnId) begin(id);
  if (id === null) return;
  drawHeader(id);
  drawMessages(id);
}

// Messages at the end count as seen, so a chat with unread ones begins away from it, until its unread line is placed.
function begin(id) {
  drawnId = id;
  placed = !state.chats.get(id)?.unread;
  state.atEnd = placed;
  endedAt = 0;
}

function drawHeader(id) {
  const typing = state.typing.has(id);
  drawFace(byId("chat-avatar"), id);
  setText(byId("chat-name"), titleOf(id));
  setText(byId("chat-note"), isGroup(id) ? groupNote(id) : presenceNote(peerOf(id)));
  setText(byId("chat-typing"), typing ? typingNote(id) : "");
  byId("chat-typing").hidden = !typing;
  byId("chat-note").hidden = typing;
}

function groupNote(id) {
  const held = state.groups.get(id);
  return held?.role ? say("group.count", { count: held.group.member_count }) : "";
}

function drawMessages(id) {
  const chat = state.chats.get(id);
  const entries = entriesOf(id, visible(chat), chat.unread);
  if (hasLeftEnd()) state.atEnd = false;
  const fromEnd = scroll.scrollHeight - scroll.scrollTop;
  const grewAbove = firstKey(entries) !== byId("messages").dataset.first;
  keyed(byId("messages"), entries, { key: entryKey, build: buildEntry, update: updateEntry });
  attribute(byId("messages"), "data-first", firstKey(entries));
  byId("older").hidden = !chat.hasMore;
  byId("no-messages").hidden = !chat.loaded || entries.length > 0;
  if (!placed && chat.loaded) place();
  else if (state.atEnd) toEnd();
  else if (grewAbove) scroll.scrollTop = scroll.scrollHeight - fromEnd;
  drawJump(conversation(id)?.unread_count ?? 0);
}

function place() {
  placed = true;
  const line = byId("messages").querySelector(".unread-line");
  if (line) scroll.scrollTop += line.getBoundingClientRect().top - scroll.getBoundingClientRect().top - ABOVE_LINE_PX;
  else toEnd();
  state.atEnd = isNearEnd();
}

function drawJump(unread) {
  byId("jump").hidden = state.atEnd;
  byId("jump-count").hidden = unread === 0;
  setText(byId("jump-count"), count(unread));
  byId("jump").setAttribute("aria-label", unread ? say("chat.jumpUnread", { count: count(unread) }) : say("chat.jump"));
}

function firstKey(entries) {
  const first = entries.find(({ line }) => !line);
  return first ? String(entryKey(first)) : null;
}

function entriesOf(id, messages, unread) {
  const entries = [];
  let before = null;
  let line = unread;
  for (const message of messages) {
    const today = dayKey(message.create_time);
    const sameDay = before && dayKey(before.create_time) === today;
    if (!sameDay) entries.push({ line: `day ${today} ${message.id}`, message });
    if (line && message.seq > line.after && !isMine(message) && message.message_type !== 0) {
      entries.push({ line: "unread", message, unread: count(line.count) });
      line = null;
    }
    entries.push(entryOf(id, message, sameDay ? before : null));
    before = message;
  }
  return entries;
}

function entryOf(id, message, before) {
  const mine = isMine(message);
  const joined =
    before?.from_user_id === message.from_user_id &&
    before.message_type !== 0 &&
    message.create_time - before.create_time < JOINED_SECONDS;
  const status = mine ? shownStatus(message, state.receipts.get(id)) : message.status;
  return { message, mine, status, joined, named: isGroup(id) && !mine && message.message_type !== 0 };
}
