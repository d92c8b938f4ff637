// The first page: sign in, register, or become a demo user with one click.

import * as api from "./api.js";
import { el } from "./dom.js";
import { toldOf } from "./errors.js";
import * as session from "./session.js";
import { toast } from "./toast.js";
import { erase, write } from "./translate.js";

const WRONG_PASSWORD = 101003;
const NAME_TAKEN = 101002;
const RULES = { username: "refused.username", password: "refused.password", nickname: "refused.nickname" };

const byId = (id) => document.getElementById(id);
const page = byId("sign-in");
const forms = { signIn: byId("sign-in-form"), register: byId("register-form") };

export function showSignIn(onSignedIn) {
  page.hidden = false;
  if (session.takeExpired()) toast("signIn.ended");
  listen(forms.signIn, api.login, onSignedIn);
  listen(forms.register, api.register, onSignedIn);
  byId("to-register").addEventListener("click", () => show(forms.register));
  byId("to-sign-in").addEventListener("click", () => show(forms.signIn));
  offerDemoUsers(onSignedIn);
  show(forms.signIn);
}

function show(form) {
  for (const one of Object.values(forms)) one.hidden = one !== form;
  form.elements.username.focus();
}

function listen(form, ask, onSignedIn) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    enter(form, () => ask(filledIn(form)), onSignedIn);
  });
  form.addEventListener("input", ({ target }) => tell(form, target.name));
}

// An empty field is left out.
function filledIn(form) {
  const { password, ...names } = Object.fromEntries(new FormData(form));
  const given = Object.entries(names).map(([name, text]) => [name, text.trim()]);
  return { ...Object.fromEntries(given.filter(([, text]) => text)), password };
}

async function enter(form, ask, onSignedIn) {
  for (const place of form.querySelectorAll("[data-error]")) tell(form, place.dataset.error);
  busy(true);
  try {
    session.set(await ask());
    page.hidden = true;
    onSignedIn();
  } catch (error) {
    explain(form, error);
  } finally {
    busy(false);
  }
  form.querySelector(".field:has(.error:not(:empty)) input")?.focus();
}

function explain(form, error) {
  if (!(error instanceof api.ApiError)) throw error;
  if (error.code === WRONG_PASSWORD) {
    form.elements.username.setAttribute("aria-invalid", "true");
    return tell(form, "password", ...toldOf(error));
  }
  if (error.code === NAME_TAKEN) return tell(form, "username", ...toldOf(error));
  const refused = error.fields.filter((name) => form.elements[name] && RULES[name]);
  for (const name of refused) tell(form, name, RULES[name]);
  return refused.length ? undefined : tell(form, "", ...toldOf(error));
}

// Shows an error at the named field, or of the whole form without a name. Without a key it removes the error.
function tell(form, name, key, values) {
  const place = form.querySelector(`[data-error="${name}"]`);
  if (key) write(place, key, values);
  else erase(place);
  const field = name && form.elements[name];
  if (key && field) field.setAttribute("aria-invalid", "true");
  if (!key) for (const one of form.querySelectorAll("[aria-invalid]")) clear(form, one);
}

function clear(form, field) {
  if (!form.querySelector(`[data-error="${field.name}"]`).textContent) field.removeAttribute("aria-invalid");
}

function busy(yes) {
  for (const button of page.querySelectorAll("button")) button.disabled = yes;
}

async function offerDemoUsers(onSignedIn) {
  const users = await api.demoUsers();
  byId("demo-users").hidden = users.length === 0;
  byId("demo-buttons").append(...users.map((user) => demoButton(user, onSignedIn)));
}

function demoButton(user, onSignedIn) {
  const click = () => enter(forms.signIn, () => api.login(user), onSignedIn);
  const button = el("button", { type: "button", data: { testid: `demo-${user.username}` }, on: { click } });
  write(button, "signIn.demoUser", { name: user.username });
  return button;
}
