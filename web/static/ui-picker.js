// A list of people, of whom some are picked.

import { el } from "./dom.js";
import { drawAvatar, plainAvatar } from "./ui-parts.js";

// users: [{ id, name }]. The hint after the list shows when there is nobody to pick.
export function offer(list, users) {
  list.replaceChildren(...users.map(row));
  list.nextElementSibling.hidden = users.length > 0;
}

export const picked = (list) => [...list.querySelectorAll("input:checked")].map((box) => Number(box.value));

function row({ id, name }) {
  const face = plainAvatar();
  drawAvatar(face, name, id);
  const box = el("input", { type: "checkbox", value: String(id), data: { testid: "pick", userId: id } });
  return el("li", {}, el("label", {}, box, face, el("span", { text: name })));
}
