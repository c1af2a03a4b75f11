/**
 * What systemd wants to hear of a service of Type=notify: sd_notify(3). Its socket takes datagrams, which Node cannot
 * send, so systemd's own `systemd-notify` sends them; it is wherever systemd is.
 */
import { execFile } from 'node:child_process'
import type { Log } from '@posthorn/mail'

export interface Supervisor {
  /** Everything listens; also the end of a reload. */
  ready(status: string): void
  reloading(): void
  /** Resolves when it is told, or cannot be. */
  stopping(): Promise<void>
}

type Environment = Readonly<Record<string, string | undefined>>

const tellTimeoutMs = 10_000

/** Without NOTIFY_SOCKET nobody listens, and nothing is done. */
export function createSupervisor(environment: Environment, log: Log): Supervisor {
  const { NOTIFY_SOCKET: socket } = environment
  if (socket === undefined || socket === '') return silent
  let failed = false
  let last: Promise<void> = Promise.resolve()

  /** One after the other: READY must not overtake RELOADING. */
  function tell(...words: readonly string[]): Promise<void> {
    last = last
      .then(() => send(words, environment))
      .catch((error: Error) => {
        if (!failed) log({ level: 'error', service: 'master', text: `systemd-notify: ${error.message}` })
        failed = true
      })
    return last
  }

  const watchdogMs = watchdogIntervalMs(environment)
  return {
    ready(status) {
      void tell('READY=1', `MAINPID=${process.pid}`, `STATUS=${status}`)
      if (watchdogMs !== undefined) keepAlive(watchdogMs, () => tell('WATCHDOG=1'))
    },
    reloading() {
      void tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`, 'STATUS=reloading')
    },
    stopping: () => tell('STOPPING=1', 'STATUS=stopping'),
  }
}

const silent: Supervisor = { ready: () => {}, reloading: () => {}, stopping: async () => {} }

function send(words: readonly string[], environment: Environment): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  execFile('systemd-notify', [...words], { env: { ...environment }, timeout: tellTimeoutMs }, (error) => {
    if (error === null) resolve()
    else reject(error)
  })
  return promise
}

let beating: NodeJS.Timeout | undefined

/** An event loop that stands still says nothing, and systemd starts the server anew. */
function keepAlive(everyMs: number, beat: () => Promise<void>): void {
  if (beating !== undefined) return
  beating = setInterval(() => void beat(), everyMs)
  beating.unref()
}

/** Half of what systemd allows; undefined: it does not watch, or not this process. */
function watchdogIntervalMs({ WATCHDOG_USEC: micros, WATCHDOG_PID: pid }: Environment): number | undefined {
  if (micros === undefined || !/^\d+$/.test(micros)) return undefined
  if (pid !== undefined && Number(pid) !== process.pid) return undefined
  return Math.max(1_000, Math.floor(Number(micros) / 2_000))
}
