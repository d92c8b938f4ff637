// A list of people, of whom some are picked.

import { el } from "./dom.js";
import { avatar, drawAvatar } from "./ui-parts.js";

// users: [{ id, name }]. The hint after the list shows when there is nobody to pick.
export function offer(list, users) {
  list.replaceChildren(...users.map(row));
  list.nextElementSibling.hidden = users.length > 0;
}

export const picked = (list) => [...list.querySelectorAll("input:checked")].map((box) => Number(box.value));

function row({ id, name }) {
  const face = avatar();
  drawAvatar(face, name, id);
  const box = el("input", { type: "checkbox", value: String(id), data: { testid: "pick", userId: id } });
  return el("li", {}, el("label", {}, box, face, el("span", { text: name })));
}
