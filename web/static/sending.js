// A message is shown at once and sent in the background, after its file, if it has one. It is kept, and repeated with its
// client_msg_id so that it is stored once, until the server has stored it or refused it for good. It goes over the live
// connection, and by REST when that brings no answer.

import * as api from "./api.js";
import { ask } from "./live.js";
import { SENDING, take } from "./messages.js";
import { Patience, isWorthRepeating } from "./patience.js";
import * as pending from "./pending.js";
import * as session from "./session.js";
import { changed, chatOf, conversation, groupIdOf, isGroup, noteNewMessage, peerOf, serverNow, state } from "./store.js";
import { report, toast } from "./toast.js";
import { cancelUpload, resumeUploads, upload } from "./uploads.js";

// Codes of refusals over the live connection that say nothing about the message: the token has ended, too many sends,
// the database is away. REST renews a token, and says how long to wait.
const WORTH_A_CALL = new Set([100008, 100010, 100014]);

// Messages are sent one after the other, so that they are stored in the order of writing.
const queue = [];
const patience = new Patience();
let working = false;

export function sendWhatWasKept() {
  for (const draft of pending.restore()) {
    chatOf(draft.conversation_id).pending.set(draft.client_msg_id, draft);
    if (!draft.failed) queue.push(draft);
  }
  work();
}

// message: { message_type, content, extra, reply, kind, file }; all but the content may be left out. Returns false when too
// many messages wait already.
export function send(conversationId, { content, ...message }) {
  if (!pending.hasRoom(content)) {
    toast("chat.full");
    return false;
  }
  const draft = {
    id: null,
    seq: null,
    status: SENDING,
    failed: false,
    conversation_id: conversationId,
    from_user_id: state.me.id,
    message_type: 1,
    content,
    ...message,
    client_msg_id: newKey(),
    create_time: Math.floor(serverNow()),
  };
  chatOf(conversationId).pending.set(draft.client_msg_id, draft);
  enqueue(draft);
  return true;
}

export function retry(conversationId, clientMsgId) {
  const draft = chatOf(conversationId).pending.get(clientMsgId);
  if (draft?.failed) enqueue(draft);
}

export function discard(conversationId, clientMsgId) {
  const chat = chatOf(conversationId);
  const draft = chat.pending.get(clientMsgId);
  cancelUpload(draft);
  pending.drop(draft);
  chat.pending.delete(clientMsgId);
  changed();
}

// Called when the link is back.
export function resume() {
  patience.hurry();
  resumeUploads();
}

// randomUUID exists on https and localhost only.
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function enqueue(draft) {
  draft.failed = false;
  pending.keep(draft);
  changed();
  if (draft.file) return bring(draft);
  queue.push(draft);
  work();
}

async function bring(draft) {
  try {
    const media = await upload(draft);
    if (!media) return;
    draft.extra = { ...draft.extra, media_id: media.media_id };
    delete draft.file;
    enqueue(draft);
  } catch (error) {
    settle(draft, error);
  }
}

async function work() {
  if (working) return;
  working = true;
  while (queue.length) {
    const error = isPending(queue[0]) ? await attempt(queue[0]) : null;
    if (!session.get()) break; // the message is kept until the user signs in again
    if (error && isWorthRepeating(error) && isPending(queue[0])) await patience.pause(error);
    else settle(queue.shift(), error);
  }
  working = false;
}

// A message is no longer pending when its answer was lost but its frame has come.
const isPending = (draft) => chatOf(draft.conversation_id).pending.has(draft.client_msg_id);

// JSON leaves out an `extra` that is undefined.
async function attempt({ conversation_id, message_type, content, extra, client_msg_id }) {
  try {
    const body = { ...addressOf(conversation_id), message_type, content, extra, client_msg_id };
    const { message } = (await sendLive(body)) ?? (await api.send(body));
    take(chatOf(conversation_id), message);
    noteSent(message);
    return null;
  } catch (error) {
    return error;
  }
}

// Returns the fields by which a call names a conversation.
export const addressOf = (id) => (isGroup(id) ? { group_id: groupIdOf(id) } : { to_user_id: peerOf(id) });

// Returns null when REST has to send it.
async function sendLive(body) {
  const answer = await ask("send", body, body.client_msg_id);
  if (!answer || WORTH_A_CALL.has(answer.content.code)) return null;
  if (answer.type === "error") throw new api.ApiError(400, answer.content);
  return answer.content;
}

function settle(draft, error) {
  patience.reset();
  if (error && isPending(draft)) {
    draft.failed = true;
    pending.keep(draft);
    report(error);
  } else pending.drop(draft);
  changed();
}

// A peer's message stored just before this one may still be on its way, and the list must not run ahead of it.
function noteSent(message) {
  if (message.seq === (conversation(message.conversation_id)?.last_seq ?? -1) + 1) noteNewMessage(message);
}
