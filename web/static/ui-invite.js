// Invites friends to the open group.

import * as api from "./api.js";
import { toldOfCode } from "./errors.js";
import { refreshGroup } from "./groups.js";
import { groupIdOf, nameOf, state } from "./store.js";
import { toast } from "./toast.js";
import { mountDialog, openDialog } from "./ui-form.js";
import { offer, picked } from "./ui-picker.js";
import { say } from "./words.js";

const dialog = document.getElementById("invite");
const list = document.getElementById("invited");

export function mountInvite() {
  mountDialog(dialog, () => api.invite(groupIdOf(state.openId), picked(list)), told);
}

export function invite() {
  const members = new Set(state.groups.get(state.openId).members.map(({ user_id }) => user_id));
  offer(list, state.friends.filter(({ id }) => !members.has(id)).map(({ id }) => ({ id, name: nameOf(id) })));
  openDialog(dialog);
}

function told({ pending, failed }) {
  if (pending.length) toast("group.pending");
  reportFailed(failed);
  refreshGroup(state.openId);
}

// Says for each user of an answer's `failed` why.
export function reportFailed(failed) {
  for (const { user_id, code } of failed) {
    toast("group.failed", { name: nameOf(user_id, state.openId), why: say(...toldOfCode(code, code)) });
  }
}
