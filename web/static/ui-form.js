// Forms that ask the server, in dialogs and elsewhere: each shows its own error, and is busy until the answer is there.

import { ApiError } from "./api.js";
import { toldOf } from "./errors.js";
import { erase, write } from "./translate.js";

// Calls `ask` when the form is sent; `done` gets the answer.
export function onSubmit(form, ask, done) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    busy(form, true);
    erase(errorOf(form));
    try {
      done(await ask());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      write(errorOf(form), ...toldOf(error));
    } finally {
      busy(form, false);
    }
  });
}

// Opens a dialog whose form asks. The form is empty, without an error of the last time.
export function openDialog(dialog) {
  const form = dialog.querySelector("form");
  form.reset();
  erase(errorOf(form));
  dialog.showModal();
}

export function mountDialog(dialog, ask, done) {
  dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
  onSubmit(dialog.querySelector("form"), ask, (answer) => {
    dialog.close();
    done(answer);
  });
}

const errorOf = (form) => form.querySelector(".error");

function busy(form, yes) {
  for (const button of form.querySelectorAll("button")) button.disabled = yes;
}
