// The first page: sign in, register, or be a demo user with one click.

import * as api from "./api.js";
import { el } from "./dom.js";
import * as session from "./session.js";
import { report, toast } from "./toast.js";

const page = document.getElementById("sign-in");
const form = document.getElementById("sign-in-form");

export function showSignIn(onSignedIn) {
  page.hidden = false;
  const notice = session.takeNotice();
  if (notice) toast(notice);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(event.submitter?.value === "register", onSignedIn);
  });
  offerDemoUsers(onSignedIn);
  form.elements.username.focus();
}

function submit(registering, onSignedIn) {
  const { username, password, nickname } = Object.fromEntries(new FormData(form));
  const credentials = { username: username.trim(), password };
  if (!registering) return enter(() => api.login(credentials), onSignedIn);
  const named = nickname.trim() ? { nickname: nickname.trim() } : {};
  return enter(() => api.register({ ...credentials, ...named }), onSignedIn);
}

async function enter(ask, onSignedIn) {
  busy(true);
  try {
    session.set(await ask());
    page.hidden = true;
    onSignedIn();
  } catch (error) {
    report(error);
  } finally {
    busy(false);
  }
}

function busy(yes) {
  for (const button of form.querySelectorAll("button")) button.disabled = yes;
}

async function offerDemoUsers(onSignedIn) {
  const users = await api.demoUsers();
  document.getElementById("demo-users").hidden = users.length === 0;
  document.getElementById("demo-buttons").append(...users.map((user) => demoButton(user, onSignedIn)));
}

function demoButton(user, onSignedIn) {
  return el("button", {
    type: "button",
    data: { testid: `demo-${user.username}` },
    text: `Sign in as ${user.username}`,
    on: { click: () => enter(() => api.login(user), onSignedIn) },
  });
}
