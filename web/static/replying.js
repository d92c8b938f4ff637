// Which message the next one of each conversation answers, and what a message answers.

import { textOf } from "./format.js";
import { RECALLED } from "./messages.js";
import { changed, chatOf, nameOf } from "./store.js";
import { say } from "./words.js";

const chosen = new Map();

export function replyTo(message) {
  chosen.set(message.conversation_id, message.id);
  changed();
}

export function cancelReply(id) {
  if (chosen.delete(id)) changed();
}

// Returns the message that the next one of a conversation answers, undefined without one. One that was withdrawn
// meanwhile cannot be answered.
export function replied(id) {
  const message = chatOf(id).byId.get(chosen.get(id));
  return message && message.status < RECALLED ? message : undefined;
}

// Returns how a message that is about to be sent tells what it answers, as the server would.
export function replyOf({ id, seq, from_user_id, message_type, status, content }) {
  return { id, seq, from_user_id, message_type, status, content };
}

// Returns { seq, author, text } of what a message answers, null when it answers nothing. The seq is undefined when that
// is not there to be seen. What this page holds of it is newer than what the answer tells.
export function quoteOf({ conversation_id: id, status, reply }) {
  if (!reply || status >= RECALLED) return null;
  const told = chatOf(id).byId.get(reply.id) ?? reply;
  if (told.status >= RECALLED) return { author: "", text: textOf(told) };
  if (!reply.from_user_id) return { author: "", text: say("message.unavailable") };
  return { seq: told.seq, author: nameOf(told.from_user_id, id), text: told === reply ? reply.content : textOf(told) };
}
