// A list of people, of whom some are picked.

import { el } from "./dom.js";
import { drawAvatar, plainAvatar } from "./ui-parts.js";

// users: [{ id, name, value }], where the value is what is picked, the id without one. The hint after the list shows when
// there is nobody to pick.
export function offer(list, users) {
  list.replaceChildren(...users.map(row));
  list.nextElementSibling.hidden = users.length > 0;
}

export const pickedValues = (list) => [...list.querySelectorAll("input:checked")].map((box) => box.value);
export const picked = (list) => pickedValues(list).map(Number);

function row({ id, name, value = String(id) }) {
  const face = plainAvatar();
  drawAvatar(face, name, id);
  const box = el("input", { type: "checkbox", value, data: { testid: "pick", userId: id } });
  return el("li", {}, el("label", {}, box, face, el("span", { text: name })));
}
