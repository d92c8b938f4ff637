// The only menu of the page, filled for the button that opens it. Escape or a click elsewhere closes it.

import { el, icon } from "./dom.js";

const ROW_PX = 40;
const EDGE_PX = 12;

const list = el("div", { class: "menu", popover: "auto", role: "menu" });
let opener = null;

document.getElementById("app").append(list);
list.addEventListener("keydown", move);
list.addEventListener("toggle", ({ newState }) => {
  opener?.setAttribute("aria-expanded", String(newState === "open"));
  if (newState === "open") list.firstChild.focus();
});

// key: the label's key, none when each drawing writes its own text. entries: () => [{ text, testid, run, danger }],
// called when the menu opens.
export function menuButton(key, entries, { testid, ...attributes } = {}) {
  const button = el(
    "button",
    {
      type: "button",
      class: "icon-button more",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      data: { ...(testid && { testid }), ...(key && { sayAriaLabel: key }) },
      ...attributes,
    },
    icon("more"),
  );
  button.popoverTargetElement = list;
  button.addEventListener("click", () => fill(button, entries()));
  return button;
}

function fill(button, entries) {
  opener?.setAttribute("aria-expanded", "false");
  opener = button;
  list.replaceChildren(...entries.map(entry));
  place(button.getBoundingClientRect(), entries.length * ROW_PX + EDGE_PX);
}

function entry({ text, testid, run, danger }) {
  const act = () => {
    list.hidePopover();
    run();
  };
  const attributes = { type: "button", role: "menuitem", class: danger ? "dangerous" : "" };
  return el("button", { ...attributes, text, data: testid ? { testid } : {}, on: { click: act } });
}

// The menu has no size before it is shown, and shown in the wrong position it would blink.
function place({ top, bottom, left, right }, height) {
  const { clientWidth, clientHeight } = document.documentElement;
  const above = bottom + height > clientHeight;
  list.style.top = above ? "auto" : `${bottom + 4}px`;
  list.style.bottom = above ? `${clientHeight - top + 4}px` : "auto";
  const onTheLeft = left < clientWidth / 2;
  list.style.left = onTheLeft ? `${left}px` : "auto";
  list.style.right = onTheLeft ? "auto" : `${clientWidth - right}px`;
}

function move(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...list.children];
  items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
}
