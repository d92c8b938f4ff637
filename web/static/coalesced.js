// Returns a function that runs `run` once at a time. All calls during a run share one more run, which follows it.
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
