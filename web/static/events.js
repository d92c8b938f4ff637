// The text of a system message: what has happened in a group.

import { duration, enumeration } from "./phrases.js";
import { nameOf, state } from "./store.js";
import { say } from "./words.js";

const PLAIN = {
  created: "event.created",
  members_added: "event.added",
  member_joined: "event.joined",
  members_removed: "event.removed",
  member_left: "event.left",
  owner_changed: "event.owner",
  dissolved: "event.dissolved",
};
const ADMIN = 2;

export function eventText(message) {
  const { conversation_id: id, from_user_id: actor, extra } = message;
  const named = (userId, you) => (userId === state.me.id ? say(you) : say("event.name", { name: nameOf(userId, id) }));
  const users = (extra.user_ids ?? []).filter((userId) => extra.event !== "created" || userId !== actor);
  const names = enumeration(users.map((userId) => named(userId, "event.you")));
  return say(keyOf(extra, actor, users), { who: named(actor, "event.You"), names, ...detailsOf(extra) });
}

function keyOf({ event, fields = {}, role, seconds }, actor, users) {
  if (event === "created" && users.length) return "event.createdWith";
  if (event === "member_joined" && !users.includes(actor)) return "event.approved";
  if (event === "role_changed") return role === ADMIN ? "event.admin" : "event.noAdmin";
  if (event === "members_muted") return seconds ? "event.muted" : "event.unmuted";
  if (event === "updated") return updated(fields);
  return PLAIN[event] ?? "event.other";
}

function updated(fields) {
  if ("name" in fields) return "event.renamed";
  if ("notice" in fields) return fields.notice ? "event.notice" : "event.noNotice";
  if ("mute_all" in fields) return fields.mute_all ? "event.mutedAll" : "event.unmutedAll";
  return "event.updated";
}

const detailsOf = ({ fields = {}, seconds = 0 }) => ({ name: fields.name, notice: fields.notice, time: duration(seconds) });
