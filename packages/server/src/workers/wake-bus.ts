import type { Wake, WakeBus } from '@posthorn/storage'
import type { PrimaryMessage, WorkerMessage } from './messages.ts'

/**
 * Wake-ups between the workers, relayed by the primary. One that is lost costs latency, never correctness:
 * sessions look into the store at their next command anyway.
 */
export function clusterWakeBus(): WakeBus {
  const listeners = new Set<(wake: Wake) => void>()
  process.on('message', (message: PrimaryMessage) => {
    if (message.kind !== 'wake') return
    for (const listener of listeners) listener(message.wake)
  })
  return {
    publish: (wake) => {
      const message: WorkerMessage = { kind: 'wake', wake }
      if (process.connected) process.send?.(message, undefined, undefined, () => {})
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

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
