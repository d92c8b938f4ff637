// The actions on a stored message or a conversation.

import * as api from "./api.js";
import { close, refreshList } from "./loading.js";
import { DELETED, RECALLED, merge } from "./messages.js";
import { isStaff, roleIn } from "./roles.js";
import { changed, chatOf, isGroup, isMine, noteChangedMessage, serverNow, state } from "./store.js";
import { report } from "./toast.js";

const RECALL_SECONDS = 120;

// Owner and admins of a group may recall at any time, whoever wrote.
export function mayRecall(message) {
  if (message.message_type === 0 || message.status >= RECALLED) return false;
  if (!isGroup(message.conversation_id)) return isMine(message) && isFresh(message);
  const role = roleIn(message.conversation_id);
  return isStaff(role) || (role > 0 && isMine(message) && isFresh(message));
}

const isFresh = ({ create_time }) => serverNow() - create_time < RECALL_SECONDS;

export function mayRemoveForAll(message) {
  if (message.message_type === 0) return false;
  if (!isGroup(message.conversation_id)) return true;
  const role = roleIn(message.conversation_id);
  return isStaff(role) || (role > 0 && isMine(message));
}

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
