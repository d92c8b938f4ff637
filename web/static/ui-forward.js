// Forwards a message to several conversations.

import * as api from "./api.js";
import { toldOfCode } from "./errors.js";
import { refreshListTwice } from "./loading.js";
import { take } from "./messages.js";
import { addressOf, newKey } from "./sending.js";
import { changed, chatOf, conversationWith, faceOf, state, titleOf } from "./store.js";
import { toast } from "./toast.js";
import { mountDialog, openDialog } from "./ui-form.js";
import { offer, pickedValues } from "./ui-picker.js";
import { say } from "./words.js";

const MOST = 20;

const dialog = document.getElementById("forward");
const list = document.getElementById("forward-to");
const filter = document.getElementById("forward-filter");

let messageIds = [];
let keys = new Map();

export function mountForward() {
  mountDialog(dialog, ask, told);
  filter.addEventListener("input", narrow);
  list.addEventListener("change", bound);
}

// Every target has a key of its own that stays while the dialog is open, so that trying again stores nothing twice, even
// when other targets are chosen then.
export function forward(message) {
  messageIds = [message.id];
  keys = new Map();
  offer(list, targets().map((id) => ({ id: faceOf(id), value: id, name: titleOf(id) })));
  openDialog(dialog);
  bound();
}

// Returns the ids of conversations, the newest first, then those not begun yet.
function targets() {
  const listed = state.conversations.map((one) => one.conversation_id);
  const friends = state.friends.map(({ id }) => conversationWith(id));
  const open = new Set([...friends, ...state.mine.map((group) => group.conversation_id)]);
  return [...new Set([...listed, ...open])].filter((id) => open.has(id));
}

function narrow() {
  const wanted = filter.value.trim().toLowerCase();
  for (const row of list.children) row.hidden = !row.textContent.toLowerCase().includes(wanted);
}

function bound() {
  const chosen = pickedValues(list).length;
  for (const box of list.querySelectorAll("input:not(:checked)")) box.disabled = chosen >= MOST;
  dialog.querySelector(".primary").disabled = chosen === 0;
}

async function ask() {
  const answers = [];
  for (const id of pickedValues(list)) answers.push(await copyTo(id));
  return answers;
}

function copyTo(id) {
  if (!keys.has(id)) keys.set(id, newKey());
  return api.forward({ message_ids: messageIds, client_msg_id: keys.get(id), to: [addressOf(id)] });
}

function told(answers) {
  const [messages, failed] = ["messages", "failed"].map((part) => answers.flatMap((answer) => answer[part]));
  for (const message of messages) take(chatOf(message.conversation_id), message);
  for (const one of failed) {
    const id = one.group_id ? `group_${one.group_id}` : conversationWith(one.to_user_id);
    toast("group.failed", { name: titleOf(id), why: say(...toldOfCode(one.code, one.code)) });
  }
  if (messages.length) toast("forward.done");
  changed();
  refreshListTwice();
}
