// The text of an error, as a key and its values. The code decides it, so that it is in the user's language.

import { ApiError } from "./api.js";
import { isSaid } from "./words.js";

export function toldOf(error) {
  if (!(error instanceof ApiError)) return ["error.unexpected"];
  if (error.status === 0) return ["error.unreachable"];
  return toldOfCode(error.code, error.message);
}

// answer: the server's own text, used for a code that is newer than this page.
export function toldOfCode(code, answer) {
  const key = `error.${code}`;
  return isSaid(key) ? [key] : ["error.other", { answer }];
}
