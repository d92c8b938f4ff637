// All REST calls. A call that is answered 401 is repeated once with a renewed token.

import { postForm } from "./post-form.js";
import * as session from "./session.js";

const TIMEOUT_MS = 15_000;
const PAGE = 50;
const MEMBERS_PAGE = 100;

export class ApiError extends Error {
  // status: 0 without an answer. fields: the names of the refused fields. retryAfter: seconds that the server asks for.
  // The message is the server's own, in English. errors.js has the text for the user.
  constructor(status, problem, retryAfter = 0) {
    super(explain(problem) || String(status));
    this.status = status;
    this.code = problem?.code;
    this.fields = Object.keys(problem?.errors ?? {});
    this.retryAfter = retryAfter;
  }
}

function explain(problem) {
  const fields = Object.entries(problem?.errors ?? {}).map(([field, why]) => `${field}: ${[why].flat().join(" ")}`);
  return [problem?.detail || problem?.title, ...fields].filter(Boolean).join(" · ");
}

async function post(path, body, token) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const request = { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS) };
  const response = await fetch(path, request).catch(unreachable);
  const answer = await response.json().catch(() => null);
  const header = (name) => response.headers.get(name);
  if (!response.ok || answer === null) throw refusal({ status: response.status, answer, header });
  return answer;
}

function refusal({ status, answer, header }) {
  const retryAfter = status === 429 || status === 503 ? Number(header("Retry-After")) || 0 : 0;
  return new ApiError(status, answer, retryAfter);
}

function unreachable() {
  throw new ApiError(0, null);
}

const call = (path, body = {}) => authorized((token) => post(path, body, token));

async function authorized(attempt) {
  const token = session.get()?.access_token;
  try {
    return await attempt(token);
  } catch (error) {
    if (error.status !== 401 || error.code !== 100008 || !session.get()) throw error;
  }
  // Another call may have renewed the token meanwhile, and a refresh token works only once.
  if (session.get().access_token === token) await refresh();
  return attempt(session.get()?.access_token);
}

let refreshing = null;

export function refresh() {
  refreshing ??= renew().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function renew() {
  const held = session.get();
  try {
    const pair = await post("/user/v1/refresh", {}, held.refresh_token);
    if (session.get() === held) session.set({ ...held, ...pair });
  } catch (error) {
    if (error.status === 401) session.expire();
    throw error;
  }
}

async function everything(path, key, fields = {}) {
  const all = [];
  for (let page = 1; ; page += 1) {
    const answer = await call(path, { ...fields, page, limit: PAGE });
    all.push(...answer[key]);
    if (all.length >= answer.total || answer[key].length === 0) return all;
  }
}

export async function demoUsers() {
  const response = await fetch("/demo.json").catch(() => null);
  return response?.ok ? (await response.json()).users : [];
}

export const login = (form) => post("/user/v1/login", form);
export const register = (form) => post("/user/v1/register", form);
export const logout = () => call("/user/v1/logout");
export const search = async (keyword) => (await call("/user/v1/search", { keyword, page: 1, limit: 20 })).users;

export const friends = () => everything("/friend/v1/list", "friends");
export const requests = () => everything("/friend/v1/requests", "requests");
export const blocks = () => everything("/friend/v1/blocks", "users");
export const befriend = (to_user_id) => call("/friend/v1/request", { to_user_id });
export const answerRequest = (request_id, action) => call("/friend/v1/handle", { request_id, action });
export const unfriend = (user_id) => call("/friend/v1/delete", { user_id });
export const block = (user_id) => call("/friend/v1/block", { user_id });
export const unblock = (user_id) => call("/friend/v1/unblock", { user_id });

export const conversations = (page) => call("/message/v1/conversations", { page, limit: PAGE });
export const history = (query) => call("/message/v1/history", query);
export const sync = (known) => call("/message/v1/sync", known);
export const read = (what) => call("/message/v1/read", what);
export const recall = (message_id) => call("/message/v1/recall", { message_id });
export const remove = (message_id, scope) => call("/message/v1/delete", { message_id, scope });
export const arrange = (conversation_id, how) => call("/message/v1/conversation/update", { conversation_id, ...how });
export const send = (message) => call("/message/v1/send", message);
export const forward = (what) => call("/message/v1/forward", what);
export const receipts = (message_id, limit) => call("/message/v1/receipts", { message_id, page: 1, limit });

export const groups = () => everything("/group/v1/mine", "groups");
export const createGroup = (fields) => call("/group/v1/create", fields);
export const joinGroup = (group_id, fields) => call("/group/v1/join", { group_id, ...fields });
export const groupInfo = (group_id) => call("/group/v1/info", { group_id });
export const updateGroup = (group_id, changes) => call("/group/v1/update", { group_id, ...changes });
export const members = (group_id, page) => call("/group/v1/members", { group_id, page, limit: MEMBERS_PAGE });
export const groupRequests = (group_id) => everything("/group/v1/requests", "requests", { group_id });
export const answerGroupRequest = (request_id, action) => call("/group/v1/handle", { request_id, action });
export const invite = (group_id, user_ids) => call("/group/v1/invite", { group_id, user_ids });
export const removeMember = (group_id, user_id) => call("/group/v1/remove", { group_id, user_ids: [user_id] });
export const muteMember = (group_id, user_id, seconds) => call("/group/v1/mute", { group_id, user_ids: [user_id], seconds });
export const setRole = (group_id, user_id, role) => call("/group/v1/role", { group_id, user_id, role });
export const transfer = (group_id, user_id) => call("/group/v1/transfer", { group_id, user_id });
export const nameMyself = (group_id, nickname) => call("/group/v1/member/update", { group_id, nickname });
export const leaveGroup = (group_id) => call("/group/v1/leave", { group_id });
export const dissolve = (group_id) => call("/group/v1/dissolve", { group_id });
export const ticket = async () => (await call("/message/v1/ws/ticket")).ticket;

export const media = async (media_id) => (await call("/media/v1/url", { media_id })).media;

// watch: { signal, onProgress }, as in post-form.js.
export const upload = (form, watch) =>
  authorized(async (token) => {
    const found = await postForm("/media/v1/upload", form, token, watch);
    if (found.status !== 200 || !found.answer) throw refusal(found);
    return found.answer.media;
  });
