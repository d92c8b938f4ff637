// The open conversation.

import { attribute, keyed, setText } from "./dom.js";
import { dayKey, lastSeen } from "./format.js";
import { close, loadOlder } from "./loading.js";
import { shownStatus, visible } from "./messages.js";
import { changed, groupOf, isMine, nameOf, online, peerOf, state, titleOf } from "./store.js";
import { buildEntry, entryKey, updateEntry } from "./ui-bubble.js";
import { drawAvatar, filled } from "./ui-parts.js";

const NEAR_PX = 80;
const JOINED_SECONDS = 180;

const byId = (id) => document.getElementById(id);
const scroll = byId("scroll");

let drawnId = null;

export function mountChat() {
  filled(byId("chat-avatar"));
  byId("back").addEventListener("click", close);
  byId("older").addEventListener("click", () => loadOlder(state.openId));
  byId("jump").addEventListener("click", toEnd);
  scroll.addEventListener("scroll", scrolled, { passive: true });
  // The window, the keyboard of a phone and the growing composer all change its height.
  new ResizeObserver(() => state.atEnd && toEnd()).observe(scroll);
}

function scrolled() {
  const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_PX;
  if (atEnd !== state.atEnd) changed();
  state.atEnd = atEnd;
  if (scroll.scrollTop < NEAR_PX && state.chats.get(state.openId)?.loaded) loadOlder(state.openId);
}

export function toEnd() {
  state.atEnd = true;
  scroll.scrollTop = scroll.scrollHeight;
}

export function drawChat() {
  const id = state.openId;
  document.body.classList.toggle("chat-open", id !== null);
  byId("chat").hidden = id === null;
  byId("nothing-open").hidden = id !== null;
  if (id !== drawnId) state.atEnd = true;
  drawnId = id;
  if (id === null) return;
  drawHeader(id);
  drawMessages(id);
}

function drawHeader(id) {
  drawAvatar(byId("chat-avatar"), titleOf(id), peerOf(id) || groupOf(id), groupOf(id) ? undefined : online(peerOf(id)));
  setText(byId("chat-name"), titleOf(id));
  setText(byId("chat-note"), note(id));
  setText(byId("chat-typing"), typing(id));
  byId("chat-typing").hidden = !state.typing.has(id);
  byId("chat-note").hidden = state.typing.has(id);
}

function typing(id) {
  return groupOf(id) ? `${nameOf(state.typing.get(id)?.user_id)} is typing…` : "typing…";
}

function note(id) {
  if (groupOf(id)) return "";
  return online(peerOf(id)) ? "online" : lastSeen(state.presence.get(peerOf(id))?.last_seen);
}

function drawMessages(id) {
  const chat = state.chats.get(id);
  const entries = entriesOf(id, visible(chat));
  const fromEnd = scroll.scrollHeight - scroll.scrollTop;
  const grewAbove = firstKey(entries) !== byId("messages").dataset.first;
  keyed(byId("messages"), entries, { key: entryKey, build: buildEntry, update: updateEntry });
  attribute(byId("messages"), "data-first", firstKey(entries));
  byId("older").hidden = !chat.hasMore;
  byId("no-messages").hidden = !chat.loaded || entries.length > 0;
  byId("jump").hidden = state.atEnd;
  if (state.atEnd) toEnd();
  else if (grewAbove) scroll.scrollTop = scroll.scrollHeight - fromEnd;
}

const firstKey = (entries) => (entries.length ? String(entryKey(entries[1])) : null);

function entriesOf(id, messages) {
  const entries = [];
  let before = null;
  for (const message of messages) {
    const today = dayKey(message.create_time);
    const sameDay = before && dayKey(before.create_time) === today;
    if (!sameDay) entries.push({ day: `day ${today} ${message.id}`, message });
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
  const status = mine ? shownStatus(message, groupOf(id) ? null : state.receipts.get(id)) : message.status;
  const author = groupOf(id) && !mine && !joined && message.message_type !== 0 ? nameOf(message.from_user_id) : "";
  return { message, mine, status, author, joined };
}
