// One run at a time; calls made meanwhile are answered by one more run, which starts after them.
export function coalesced(run) {
  let running = null;
  let again = false;

  async function loop() {
    try {
      do {
        again = false;
        await run();
      } while (again);
    } finally {
      running = null;
    }
  }

  return () => {
    again = running !== null;
    running ??= loop();
    return running;
  };
}
