// The messages of one conversation: ordered by seq, one for each id, with those still being sent at the end.

export const SENDING = 0;
export const SENT = 1;
export const DELIVERED = 2;
export const READ = 3;
export const RECALLED = 4;
export const DELETED = 5;

// first: the first seq that this user may see. seq: no message up to it is missing; `ahead` holds the seqs above it that
// came while earlier ones were lost. changeSeq: every change up to it is known. floor: messages below it are not loaded
// yet. unread: the unread count when the chat was opened, and the seq after which it counts. A chat never opened holds no
// messages, and its counters follow the list.
export function newChat() {
  return {
    byId: new Map(),
    pending: new Map(),
    ahead: new Set(),
    first: 1,
    seq: 0,
    changeSeq: 0,
    floor: 0,
    unread: null,
    opened: false,
    loaded: false,
    hasMore: false,
  };
}

export function merge(chat, message) {
  const held = chat.byId.get(message.id);
  if (!held || isNewer(message, held)) chat.byId.set(message.id, message);
  follow(chat, message);
}

// A chat that was never opened keeps no message: opening it loads them from history.
export const take = (chat, message) => (chat.opened ? merge(chat, message) : follow(chat, message));

function isNewer(message, held) {
  if (message.change_seq !== held.change_seq) return message.change_seq > held.change_seq;
  return message.status >= held.status;
}

export function follow(chat, { seq, change_seq, client_msg_id, from_user_id }) {
  if (chat.pending.get(client_msg_id)?.from_user_id === from_user_id) chat.pending.delete(client_msg_id);
  if (seq > chat.seq) chat.ahead.add(seq);
  followChange(chat, change_seq);
  settle(chat, 0, 0);
}

// A change that is not the next one shows that others were missed, which only a sync can bring.
export function followChange(chat, changeSeq) {
  if (changeSeq === chat.changeSeq + 1) chat.changeSeq = changeSeq;
}

export function settle(chat, seq, changeSeq) {
  chat.changeSeq = Math.max(chat.changeSeq, changeSeq);
  chat.seq = Math.max(chat.seq, seq);
  for (const one of chat.ahead) if (one <= chat.seq) chat.ahead.delete(one);
  while (chat.ahead.delete(chat.seq + 1)) chat.seq += 1;
}

export const hasGap = (chat) => chat.ahead.size > 0;

// An answer is read at one instant, so it includes every change up to the newest in it.
export function mergeNewest(chat, { messages, has_more }) {
  mergeOlder(chat, { messages, has_more });
  settle(chat, messages.at(-1)?.seq ?? 0, highestChange(messages));
}

export function mergeOlder(chat, { messages, has_more }) {
  for (const message of messages) merge(chat, message);
  chat.hasMore = has_more;
  chat.floor = has_more ? (messages[0]?.seq ?? chat.floor) : 0;
}

export const highestChange = (messages) => Math.max(0, ...messages.map((message) => message.change_seq));

export function markRead(chat, messageId, changeSeq) {
  const held = chat.byId.get(messageId);
  if (held && held.status < READ) merge(chat, { ...held, status: READ, change_seq: changeSeq });
}

export function stored(chat) {
  const from = Math.max(chat.floor, chat.first);
  const shown = [...chat.byId.values()].filter(({ status, seq }) => status !== DELETED && seq >= from);
  return shown.sort((a, b) => a.seq - b.seq);
}

export const visible = (chat) => [...stored(chat), ...chat.pending.values()];

export function shownStatus(message, receipts) {
  if (!receipts || message.seq === null || message.status >= READ) return message.status;
  if (message.seq <= receipts.read) return READ;
  return message.seq <= receipts.delivered ? DELIVERED : message.status;
}
