import type { Wake, WakeBus } from '@posthorn/storage'

export interface SoloWakeBus extends WakeBus {
  /** A wake-up from outside: a command changed the store beside the running server. */
  receive(wake: Wake): void
}

/** One process: nobody to tell, but commands of the shell may wake it. */
export function soloWakeBus(): SoloWakeBus {
  const listeners = new Set<(wake: Wake) => void>()
  return {
    publish: () => {},
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    receive: (wake) => {
      for (const listener of listeners) listener(wake)
    },
  }
}
