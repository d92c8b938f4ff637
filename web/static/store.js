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
  mine: [],
  groups: new Map(),
  detailsShown: false,
  readBy: null,
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

export const isGroup = (id) => id?.startsWith("group_") ?? false;
export const groupIdOf = (id) => Number(id.slice("group_".length));

// Returns the other user of a pair.
export function peerOf(id) {
  const [one, other] = id.split("_").map(Number);
  return one === state.me.id ? other : one;
}

// Returns what a user is called: in a group by its members, else by this user. Returns undefined when that is not known.
export function knownName(userId, id) {
  const friend = [state.me, ...state.friends].find((user) => user.id === userId);
  return state.groups.get(id)?.names.get(userId) || friend?.nickname || friend?.username || undefined;
}

export const nameOf = (userId, id) => knownName(userId, id) ?? say("people.unknown", { id: userId });

export function titleOf(id) {
  const name = conversation(id)?.name;
  if (name || !isGroup(id)) return name || nameOf(peerOf(id));
  const group = state.groups.get(id)?.group ?? state.mine.find((one) => one.conversation_id === id);
  return group?.name || say("group.unknown", { id: groupIdOf(id) });
}

// Returns the id that decides the colour of a conversation's avatar.
export const faceOf = (id) => (isGroup(id) ? groupIdOf(id) : peerOf(id));

export const mentionsMe = ({ conversation_id, extra }) =>
  isGroup(conversation_id) && (extra?.mentions ?? []).some((one) => one === state.me.id || one === "all");

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
  chatOf(next.conversation_id).first = next.first_seq;
  raiseReceipts(next.conversation_id, { delivered: next.peer_delivered_seq, read: next.peer_read_seq });
  const held = conversation(next.conversation_id);
  if (!held || held.last_seq <= next.last_seq) return next;
  const { last_seq, last_message, unread_count, unread_mentions } = held;
  return { ...next, last_seq, last_message, unread_count, unread_mentions };
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
  if (!isMine(message) && message.message_type !== 0 && message.status < 3) {
    setUnread(held, held.unread_count + 1, held.unread_mentions + Number(mentionsMe(message)));
  }
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
  setUnread(held, unread_count, Math.min(held.unread_mentions, unread_count));
}

function setUnread(held, unread_count, unread_mentions) {
  const before = shareOfTotal(held);
  Object.assign(held, { unread_count, unread_mentions });
  state.totalUnread += shareOfTotal(held) - before;
}

// Returns what a conversation adds to the total. Of one that is muted, mentions alone count.
export const shareOfTotal = (one) => (one.is_mute ? one.unread_mentions : one.unread_count);

function moveToFront(held) {
  const others = state.conversations.filter((one) => one !== held);
  const place = held.is_top ? 0 : others.filter((one) => one.is_top).length;
  state.conversations = others.toSpliced(place, 0, held);
}
