// The form that changes a group. It is filled when it is shown, so that nothing typed is lost while the group changes.

import * as api from "./api.js";
import { refreshGroup } from "./groups.js";
import { refreshList } from "./loading.js";
import { mayArrange } from "./roles.js";
import { groupIdOf, state } from "./store.js";
import { onSubmit } from "./ui-form.js";

const byId = (id) => document.getElementById(id);
const form = byId("edit-group");
const flags = byId("edit-flags");

export function mountEdit() {
  byId("to-edit-group").addEventListener("click", edit);
  byId("cancel-edit").addEventListener("click", done);
  onSubmit(form, save, done);
}

function edit() {
  const held = state.groups.get(state.openId);
  for (const field of fields()) fill(field, held.group[field.name]);
  // Members may change the texts alone.
  flags.hidden = flags.disabled = !mayArrange(held);
  show(true);
  form.elements.name.focus();
}

export const stopEditing = () => show(false);

function done() {
  stopEditing();
  byId("to-edit-group").focus();
}

function show(yes) {
  form.hidden = !yes;
  byId("about").hidden = yes;
}

const fields = () => [...form.elements].filter(({ name }) => name);
const valueOf = (field) => (field.type === "checkbox" ? field.checked : field.value.trim());

function fill(field, value) {
  if (field.type === "checkbox") field.checked = value;
  else field.value = value;
}

// Sends what has been changed, and nothing else: another admin may be changing the rest.
async function save() {
  const { openId: id } = state;
  const { group } = state.groups.get(id);
  const given = fields().filter((field) => !field.matches(":disabled") && valueOf(field) !== group[field.name]);
  if (given.length) {
    await api.updateGroup(groupIdOf(id), Object.fromEntries(given.map((field) => [field.name, valueOf(field)])));
  }
  await Promise.all([refreshGroup(id), refreshList()]);
}
