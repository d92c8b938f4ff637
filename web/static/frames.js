// Handles each frame from the server.

import { forgetAddresses } from "./addresses.js";
import { announce } from "./announce.js";
import { toldOfCode } from "./errors.js";
import { textOf } from "./format.js";
import { noteEvent, refreshOpenGroup } from "./groups.js";
import { answered, tell } from "./live.js";
import { refreshList, refreshListTwice } from "./loading.js";
import { RECALLED, followChange, hasGap, markRead, take } from "./messages.js";
import { refreshPeople } from "./people.js";
import { refreshReadBy } from "./receipts.js";
import { resume } from "./sending.js";
import { changed, chatOf, isMine, nameOf, noteChangedMessage, noteNewMessage, raiseReceipts, state } from "./store.js";
import { sync } from "./sync.js";
import { toast } from "./toast.js";
import { hasWritten, showTyping } from "./typing.js";
import { say } from "./words.js";

// The conversations with messages that came before backlog_end.
const backlog = new Set();
let live = false;

const handlers = {
  hello({ server_time, total_unread }) {
    live = false;
    backlog.clear();
    setClock(server_time);
    state.totalUnread = total_unread;
    sync();
    refreshPeople();
    refreshOpenGroup();
    refreshReadBy();
    resume();
  },
  pong({ server_time }) {
    setClock(server_time);
  },
  presence({ user_id, online, last_seen }) {
    state.presence.set(user_id, { online, last_seen });
  },
  new_message(message) {
    const isNew = !state.chats.get(message.conversation_id)?.byId.has(message.id);
    if (!live) backlog.add(message.conversation_id);
    keep(message);
    hasWritten(message.conversation_id, message.from_user_id);
    if (!noteNewMessage(message)) refreshListTwice();
    if (message.message_type === 0) noteEvent(message);
    if (isNew && !isMine(message)) announceMessage(message);
  },
  message_recalled: replace,
  message_deleted: replace,
  // Its thumbnail was made after it was sent.
  message_updated(message) {
    forgetAddresses(message.extra?.media_id);
    keep(message);
    noteChangedMessage(message);
  },
  delivered({ conversation_id, seq }) {
    raiseReceipts(conversation_id, { delivered: seq });
  },
  read_receipt({ conversation_id, user_id, read_seq, message_id, change_seq }) {
    const chat = chatOf(conversation_id);
    if (message_id) markRead(chat, message_id, change_seq);
    followChange(chat, change_seq);
    if (user_id === state.me.id) refreshList();
    else raiseReceipts(conversation_id, { read: read_seq });
    if (conversation_id === state.openId) refreshReadBy();
  },
  backlog_end({ truncated }) {
    live = true;
    if (truncated) syncAndAck([...backlog]);
    else refreshList();
  },
  friend({ event, user }) {
    if (event === "requested") announce(say("people.asks", { name: user.nickname || user.username }));
    if (event === "removed") state.presence.delete(user.id);
    refreshPeople();
  },
  typing: showTyping,
  // A resync of one conversation syncs all: sync sends every conversation not named, so all known ones must be named.
  resync() {
    sync();
    refreshPeople();
    refreshOpenGroup();
    refreshReadBy();
  },
  sent(content) {
    answered(content.client_msg_id, { type: "sent", content });
  },
  error(content) {
    const { detail, code, type, client_msg_id } = content;
    if (type === "send") answered(client_msg_id, { type: "error", content });
    // A user need not learn that their typing was not shown.
    else if (type !== "typing") toast(...toldOfCode(code, detail || code));
  },
};

// An unknown frame comes from a newer server, and is no fault.
export function handle({ type, content }) {
  handlers[type]?.(content ?? {});
  changed();
}

// The server does not say which of them were cut off. For the others the ack repeats what the pong has proven.
async function syncAndAck(ids) {
  if (!(await sync())) return;
  for (const id of ids) tell("ack", { conversation_id: id, seq: chatOf(id).seq });
}

function announceMessage(message) {
  const { conversation_id, from_user_id, message_type, status } = message;
  if (message_type === 0) announce(textOf(message));
  else if (status < RECALLED) announce(say("chat.arrived", { name: nameOf(from_user_id, conversation_id), text: textOf(message) }));
}

function setClock(serverTime) {
  state.clockAhead = serverTime - Date.now() / 1000;
}

function keep(message) {
  const chat = chatOf(message.conversation_id);
  take(chat, message);
  if (chat.loaded && hasGap(chat)) sync();
}

function replace(message) {
  keep(message);
  noteChangedMessage(message);
  refreshList();
}
