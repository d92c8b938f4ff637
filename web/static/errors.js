// What a user is told of an error, as a key and its values: by the code, so that it is in their language.

import { ApiError } from "./api.js";
import { isSaid } from "./words.js";

export function toldOf(error) {
  if (!(error instanceof ApiError)) return ["error.unexpected"];
  if (error.status === 0) return ["error.unreachable"];
  return toldOfCode(error.code, error.message);
}

// answer: what the server says itself, for a code that is newer than this page.
export function toldOfCode(code, answer) {
  const key = `error.${code}`;
  return isSaid(key) ? [key] : ["error.other", { answer }];
}
