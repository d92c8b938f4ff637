// The actions on a stored message or a conversation.

import * as api from "./api.js";
import { close, refreshList } from "./loading.js";
import { DELETED, RECALLED, merge } from "./messages.js";
import { changed, chatOf, isMine, noteChangedMessage, serverNow, state } from "./store.js";
import { report } from "./toast.js";

const RECALL_SECONDS = 120;

export const mayRecall = (message) =>
  isMine(message) &&
  message.message_type !== 0 &&
  message.status < RECALLED &&
  serverNow() - message.create_time < RECALL_SECONDS;

export const recall = ({ id }) => act(async () => take((await api.recall(id)).message));

export function remove(message, scope) {
  return act(async () => {
    await api.remove(message.id, scope);
    const held = chatOf(message.conversation_id).byId.get(message.id);
    take({ ...held, status: DELETED, content: "", extra: null });
  });
}

export const arrange = (id, how) => act(() => api.arrange(id, how));

export function hide(id) {
  return act(async () => {
    await api.arrange(id, { del_state: true });
    if (state.openId === id) close();
  });
}

function take(message) {
  merge(chatOf(message.conversation_id), message);
  noteChangedMessage(message);
  changed();
}

// The list is fetched after a refusal as well, because a refusal often means that the page is out of date.
async function act(change) {
  await change().catch(report);
  await refreshList();
}
