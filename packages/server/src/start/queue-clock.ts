interface QueueClock {
  readonly now: () => number
  readonly steadyNow?: () => number
}

/** CLOCK_MONOTONIC: of the machine, not of the process, and it never jumps. */
const steadyNow = (): number => Number(process.hrtime.bigint() / 1_000_000n)

/** A test with a clock of its own has no other. */
export const queueClock = (now: () => number): QueueClock => (now === Date.now ? { now, steadyNow } : { now })
