// Friends, groups, requests and the search. A frame only hints that these have changed, and the lists are fetched anew.

import * as api from "./api.js";
import { coalesced } from "./coalesced.js";
import { changed, state } from "./store.js";
import { report } from "./toast.js";

export const refreshPeople = coalesced(() => loadPeople().catch(report));

async function loadPeople() {
  const lists = [api.friends(), api.requests(), api.blocks(), api.groups()];
  const [friends, requests, blocks, mine] = await Promise.all(lists);
  Object.assign(state, { friends, requests, blocks, mine });
  for (const friend of friends) state.asked.delete(friend.id);
  state.loaded.people = true;
  changed();
}

let asked = 0;

export async function search(keyword) {
  asked += 1;
  const mine = asked;
  try {
    const found = keyword ? await api.search(keyword) : null;
    // A slow answer to an earlier keystroke must not replace this one's.
    if (mine !== asked) return;
    state.found = found?.filter((user) => user.id !== state.me.id) ?? null;
    changed();
  } catch (error) {
    report(error);
  }
}

export async function befriend(userId) {
  await act(async () => {
    await api.befriend(userId);
    state.asked.add(userId);
  });
}

export const answerRequest = (requestId, action) => act(() => api.answerRequest(requestId, action));
export const unfriend = (userId) => act(() => api.unfriend(userId));
export const block = (userId) => act(() => api.block(userId));
export const unblock = (userId) => act(() => api.unblock(userId));

// The lists are fetched after a refusal as well, because a refusal often means that the page is out of date.
async function act(change) {
  await change().catch(report);
  await refreshPeople();
}
