import { el } from "./dom.js";
import * as session from "./session.js";

const LASTS_MS = 6_000;
const UNAUTHENTICATED = 100008;

const area = document.getElementById("toasts");

export function toast(text) {
  if ([...area.children].some((shown) => shown.textContent === text)) return;
  const shown = el("button", { class: "toast", data: { testid: "toast" }, title: "Dismiss", text });
  shown.addEventListener("click", () => shown.remove());
  setTimeout(() => shown.remove(), LASTS_MS);
  area.append(shown);
}

// When the session ends, its own notice says so; the calls that fail with it add nothing.
export function report(error) {
  if (error.code === UNAUTHENTICATED && !session.get()) return;
  console.warn(error);
  toast(error.message);
}
