// Whether this user may write in a conversation.

import { exact } from "./format.js";
import { isDissolved, isStaff } from "./roles.js";
import { isGroup, serverNow, state } from "./store.js";
import { say } from "./words.js";

// Returns why this user may not write in a group, "" when they may, or when that is not known yet.
export function whyNot(id) {
  const held = isGroup(id) && state.groups.get(id);
  if (!held) return "";
  if (isDissolved(held)) return say("chat.dissolved");
  if (held.role === 0) return say("chat.notIn");
  if (held.group.mute_all && !isStaff(held.role)) return say("chat.allMuted");
  const until = held.members.find(({ user_id }) => user_id === state.me.id)?.mute_end_time ?? 0;
  return until > serverNow() ? say("chat.muted", { time: exact(until) }) : "";
}
