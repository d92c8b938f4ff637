// Sends that the user is typing, and shows who else is.

import { tell } from "./live.js";
import { changed, state } from "./store.js";

const TELL_MS = 1_000;
const SHOW_MS = 3_000;

let toldAt = -Infinity;

export function tellTyping(conversationId) {
  if (performance.now() - toldAt < TELL_MS) return;
  toldAt = performance.now();
  tell("typing", { conversation_id: conversationId });
}

export function showTyping({ conversation_id, user_id }) {
  stopTyping(conversation_id);
  const timer = setTimeout(() => stopTyping(conversation_id), SHOW_MS);
  state.typing.set(conversation_id, { user_id, timer });
}

// Called when a message of the user has come.
export function hasWritten(conversationId, userId) {
  if (state.typing.get(conversationId)?.user_id === userId) stopTyping(conversationId);
}

function stopTyping(conversationId) {
  clearTimeout(state.typing.get(conversationId)?.timer);
  if (state.typing.delete(conversationId)) changed();
}
