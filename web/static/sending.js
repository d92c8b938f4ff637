// A message shows at once and is sent behind the bubble; a retry repeats its client_msg_id, so that it is stored once.

import * as api from "./api.js";
import { SENDING, merge } from "./messages.js";
import { changed, chatOf, conversation, groupOf, noteNewMessage, peerOf, serverNow, state } from "./store.js";
import { report } from "./toast.js";

const queues = new Map();

export function send(conversationId, content) {
  const draft = {
    id: null,
    seq: null,
    status: SENDING,
    failed: false,
    conversation_id: conversationId,
    from_user_id: state.me.id,
    message_type: 1,
    content,
    client_msg_id: newKey(),
    create_time: Math.floor(serverNow()),
  };
  chatOf(conversationId).pending.set(draft.client_msg_id, draft);
  enqueue(draft);
}

export function retry(conversationId, clientMsgId) {
  const draft = chatOf(conversationId).pending.get(clientMsgId);
  if (draft?.failed) enqueue(draft);
}

// randomUUID exists on https and localhost only.
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// One at a time per conversation, so that what was typed first is stored first.
function enqueue(draft) {
  draft.failed = false;
  changed();
  const before = queues.get(draft.conversation_id) ?? Promise.resolve();
  queues.set(draft.conversation_id, before.then(() => attempt(draft)));
}

async function attempt(draft) {
  const chat = chatOf(draft.conversation_id);
  try {
    const { message } = await api.send(bodyOf(draft));
    merge(chat, message);
    noteSent(message);
  } catch (error) {
    fail(chat, draft, error);
  }
  changed();
}

// The answer may be lost while the message was stored, and its frame has come.
function fail(chat, draft, error) {
  if (!chat.pending.has(draft.client_msg_id)) return;
  draft.failed = true;
  report(error);
}

function bodyOf({ conversation_id, message_type, content, client_msg_id }) {
  const group = groupOf(conversation_id);
  const target = group ? { group_id: group } : { to_user_id: peerOf(conversation_id) };
  return { ...target, message_type, content, client_msg_id };
}

// A peer's message stored just before this one may still be on its way: the list must not run ahead of it.
function noteSent(message) {
  if (message.seq === (conversation(message.conversation_id)?.last_seq ?? -1) + 1) noteNewMessage(message);
}
