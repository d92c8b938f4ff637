// The state of the page. Code that changes it calls changed(), and every part of the page draws itself from it.

import { newChat, settle } from "./messages.js";
import { say } from "./words.js";

export const state = {
  me: null,
  connection: "offline",
  panel: "chats",
  conversations: [],
  total: 0,
  totalUnread: 0,
  clockAhead: 0,
  pages: 1,
  openId: null,
  atEnd: true,
  chats: new Map(),
  receipts: new Map(),
  presence: new Map(),
  typing: new Map(),
  friends: [],
  requests: [],
  blocks: [],
  found: null,
  asked: new Set(),
  loaded: { conversations: false, people: false },
};

const listeners = new Set();
let announced = false;

export function subscribe(listener) {
  listeners.add(listener);
}

// Changes are collected, so that a backlog of two hundred frames is drawn as few times as possible.
export function changed() {
  if (announced) return;
  announced = true;
  queueMicrotask(() => {
    announced = false;
    for (const listener of listeners) listener(state);
  });
}

export const isMine = (message) => message.from_user_id === state.me.id;
export const isFriend = (userId) => state.friends.some((friend) => friend.id === userId);
export const conversation = (id) => state.conversations.find((one) => one.conversation_id === id);
export const conversationWith = (userId) => [state.me.id, userId].sort((a, b) => a - b).join("_");
export const isBlocked = (userId) => state.blocks.some((user) => user.id === userId);
export const serverNow = () => Date.now() / 1000 + state.clockAhead;

export function peerOf(id) {
  const [one, other] = id.split("_").map(Number);
  return one === state.me.id ? other : one;
}

export function nameOf(userId) {
  const friend = [state.me, ...state.friends].find((user) => user.id === userId);
  return friend ? friend.nickname || friend.username : say("people.unknown", { id: userId });
}

export const titleOf = (id) => conversation(id)?.name || nameOf(peerOf(id));

// The server sends no presence of users who are blocked or no longer friends, so what is known of them is stale.
export function presenceOf(userId) {
  return isFriend(userId) && !isBlocked(userId) ? state.presence.get(userId) : undefined;
}

export const online = (userId) => presenceOf(userId)?.online ?? false;

export function chatOf(id) {
  if (!state.chats.has(id)) state.chats.set(id, newChat());
  return state.chats.get(id);
}

export function raiseReceipts(id, { delivered = 0, read = 0 }) {
  const held = state.receipts.get(id) ?? { delivered: 0, read: 0 };
  state.receipts.set(id, { delivered: Math.max(held.delivered, delivered, read), read: Math.max(held.read, read) });
}

// A chat never opened holds no message that could have missed a change.
export function replaceConversations(answered, { total, total_unread }) {
  state.conversations = answered.map(upToDate);
  for (const one of answered) {
    const chat = chatOf(one.conversation_id);
    if (!chat.opened) settle(chat, one.last_seq, one.change_seq);
  }
  state.total = total;
  state.totalUnread = total_unread;
  state.loaded.conversations = true;
}

// A push may have overtaken the answer, and then the pushed values are newer.
function upToDate(next) {
  raiseReceipts(next.conversation_id, { delivered: next.peer_delivered_seq, read: next.peer_read_seq });
  const held = conversation(next.conversation_id);
  if (!held || held.last_seq <= next.last_seq) return next;
  const { last_seq, last_message, unread_count } = held;
  return { ...next, last_seq, last_message, unread_count };
}

// Updates a listed conversation. Only the list's own answer can add one.
export function noteConversation(next) {
  const now = upToDate(next);
  state.conversations = state.conversations.map((one) => (one.conversation_id === now.conversation_id ? now : one));
}

// Returns false when the list must be fetched again to be right.
export function noteNewMessage(message) {
  const held = conversation(message.conversation_id);
  if (!held || message.status === 5) return false;
  if (message.seq <= held.last_seq) {
    noteChangedMessage(message);
    return true;
  }
  const gapless = message.seq === held.last_seq + 1;
  if (!isMine(message) && message.message_type !== 0 && message.status < 3) setUnread(held, held.unread_count + 1);
  held.last_seq = message.seq;
  held.last_message = message;
  moveToFront(held);
  return gapless;
}

export function noteChangedMessage(message) {
  const held = conversation(message.conversation_id);
  if (held?.last_message?.id === message.id) held.last_message = message;
}

export function noteRead(id, { read_seq, unread_count }) {
  const held = conversation(id);
  if (!held) return;
  held.read_seq = Math.max(held.read_seq, read_seq);
  setUnread(held, unread_count);
}

function setUnread(held, unread) {
  if (!held.is_mute) state.totalUnread += unread - held.unread_count;
  held.unread_count = unread;
}

function moveToFront(held) {
  const others = state.conversations.filter((one) => one !== held);
  const place = held.is_top ? 0 : others.filter((one) => one.is_top).length;
  state.conversations = others.toSpliced(place, 0, held);
}
