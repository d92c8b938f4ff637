// Notices that disappear by themselves.

import { el } from "./dom.js";
import { toldOf } from "./errors.js";
import * as session from "./session.js";
import { write } from "./translate.js";
import { say } from "./words.js";

const LASTS_MS = 6_000;
const UNAUTHENTICATED = 100008;

const area = document.getElementById("toasts");

export function toast(key, values) {
  const text = say(key, values);
  if ([...area.children].some((shown) => shown.textContent === text)) return;
  const shown = el("button", { class: "toast", data: { testid: "toast", sayTitle: "toast.dismiss" } });
  write(shown, key, values);
  shown.addEventListener("click", () => shown.remove());
  setTimeout(() => shown.remove(), LASTS_MS);
  area.append(shown);
}

// The end of a session has its own notice, so the calls that fail with it add none.
export function report(error) {
  if (error.code === UNAUTHENTICATED && !session.get()) return;
  console.warn(error);
  toast(...toldOf(error));
}
