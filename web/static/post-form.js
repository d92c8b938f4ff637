// Sends a form by XMLHttpRequest, because fetch does not tell how far an upload has got.

const SILENCE_MS = 60_000;

// onProgress gets the share that is sent, 0 to 1. Returns { status, answer, header }: the status is 0 without an answer,
// `header` returns a header of the answer. A link that brings nothing on for a minute counts as lost.
export function postForm(path, form, token, { signal, onProgress }) {
  const request = new XMLHttpRequest();
  const over = new AbortController();
  const abort = () => request.abort();
  let silence;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(abort, SILENCE_MS);
  };
  request.open("POST", path);
  request.responseType = "json";
  request.setRequestHeader("Authorization", `Bearer ${token}`);
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    heard();
    onProgress(loaded / total);
  });
  signal.addEventListener("abort", abort, { signal: over.signal });
  addEventListener("offline", abort, { signal: over.signal });
  return new Promise((resolve) => {
    request.addEventListener("loadend", () => {
      over.abort();
      clearTimeout(silence);
      resolve({ status: request.status, answer: request.response, header: (name) => request.getResponseHeader(name) });
    });
    heard();
    request.send(form);
  });
}
