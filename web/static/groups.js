// What is known of groups: the group itself, this user's role, its first members, and who asks to join.

import * as api from "./api.js";
import { coalesced } from "./coalesced.js";
import { open, refreshList } from "./loading.js";
import { refreshPeople } from "./people.js";
import { isDissolved, isStaff } from "./roles.js";
import { changed, groupIdOf, isGroup, knownName, state } from "./store.js";
import { report } from "./toast.js";

const NO_SUCH_GROUP = 103001;
const NOT_IN_THIS_ROLE = 103007;
const FIRST_PAGES = 5; // of a hundred members each; who comes after them has no name here, until more are shown

const PAUSE_MS_A_MEMBER = 10;
const LONGEST_PAUSE_MS = 5_000;

const loaders = new Map();
const waiting = new Set();
let shownId = null;

// names: user id → name, also of those who have left. pages: how many pages of members are shown.
const nothingKnown = () => ({ group: null, role: 0, members: [], total: 0, names: new Map(), requests: [], pages: FIRST_PAGES });

export function refreshGroup(id) {
  if (!loaders.has(id)) loaders.set(id, coalesced(() => load(id).catch(reportUnlessStale)));
  return loaders.get(id)();
}

export const refreshOpenGroup = () => isGroup(state.openId) && refreshGroup(state.openId);

const isOutside = (error) => [NO_SUCH_GROUP, NOT_IN_THIS_ROLE].includes(error.code);

// A role that ends between two calls is told by a message, for which the group is read anew.
const reportUnlessStale = (error) => isOutside(error) || report(error);

async function load(id) {
  const held = state.groups.get(id) ?? nothingKnown();
  const { group, my_role: role } = await infoOf(id, held);
  const { members, total } = role ? await membersOf(id, held.pages) : { members: [], total: 0 };
  const seesRequests = isStaff(role) && !isDissolved({ group });
  const requests = seesRequests ? await api.groupRequests(groupIdOf(id)) : [];
  const { names, pages } = held;
  for (const { user_id, nickname } of members) names.set(user_id, nickname);
  state.groups.set(id, { group, role, members, total, names, requests, pages });
  changed();
}

// A private group answers who was in it that they may not, and all others as one that does not exist.
async function infoOf(id, held) {
  try {
    return await api.groupInfo(groupIdOf(id));
  } catch (error) {
    if (!isOutside(error)) throw error;
    return { group: held.group, my_role: 0 };
  }
}

async function membersOf(id, pages) {
  const members = [];
  for (let page = 1; ; page += 1) {
    const answer = await api.members(groupIdOf(id), page);
    members.push(...answer.members);
    if (page >= pages || members.length >= answer.total || answer.members.length === 0) return { members, total: answer.total };
  }
}

export function showMoreMembers(id) {
  state.groups.get(id).pages += 1;
  return refreshGroup(id);
}

// A change of a group comes as a message. What it has become is read anew, after a pause in which a large group, whose
// members take many pages, may change again.
export function noteEvent({ conversation_id: id, extra }) {
  if (!isGroup(id)) return;
  if (extra?.user_ids?.includes(state.me.id)) refreshPeople();
  if (extra?.event === "updated") refreshList(); // it may have another name
  const held = state.groups.get(id);
  if (!held || waiting.has(id)) return;
  waiting.add(id);
  setTimeout(() => waiting.delete(id) && refreshGroup(id), Math.min(held.total * PAUSE_MS_A_MEMBER, LONGEST_PAUSE_MS));
}

// Reads a group when its chat is opened, and when the list would show a name that is not known.
export function watchGroups() {
  if (state.openId !== shownId) {
    shownId = state.openId;
    if (isGroup(shownId)) refreshGroup(shownId);
  }
  const unnamed = state.conversations.find((one) => isGroup(one.conversation_id) && hasUnknown(one));
  if (unnamed && state.connection === "online") learnNames();
}

function hasUnknown({ conversation_id: id, last_message }) {
  if (!last_message || loaders.has(id)) return false;
  const shown = [last_message.from_user_id, ...(last_message.extra?.user_ids ?? [])];
  return shown.some((userId) => knownName(userId, id) === undefined);
}

// One group after the other, each once.
const learnNames = coalesced(async () => {
  const unnamed = state.conversations.filter((one) => isGroup(one.conversation_id) && hasUnknown(one));
  for (const { conversation_id } of unnamed) await refreshGroup(conversation_id);
});

// Returns the answer. Raises ApiError, as `join` does: the form that asks shows it.
export async function create(fields) {
  const answer = await api.createGroup(fields);
  await enter(answer.group.conversation_id);
  return answer;
}

// Returns whether the user is in the group now. Else the group's admins are asked.
export async function join(groupId, fields) {
  const { joined } = await api.joinGroup(groupId, fields);
  if (joined) await enter(`group_${groupId}`);
  return joined;
}

async function enter(id) {
  await Promise.all([refreshList(), refreshPeople()]);
  state.panel = "chats";
  open(id);
}

// Runs a change and reads the group anew, after a refusal as well: a refusal often means that the page is out of date.
// Returns the answer, null after a refusal.
export async function change(id, call) {
  const answer = await call(groupIdOf(id)).catch(report);
  await Promise.all([refreshGroup(id), refreshList()]);
  return answer ?? null;
}
