import { type ChildProcess, spawn } from 'node:child_process'
import type { LogEvent } from '@posthorn/mail'
import { isAtLeast } from './log-writer.ts'
import { bodyOf, tagOf } from './maillog.ts'

export interface SyslogOptions {
  /** Postfix: syslog_name. */
  readonly syslogName: string
  /** Postfix: syslog_facility. */
  readonly facility: string
  readonly pid: number
  readonly leastLevel: LogEvent['level']
  /** Default: logger(1). */
  readonly program?: string
}

/** RFC 3164 §4.1.1 */
const facilities: Readonly<Record<string, number>> = {
  user: 1,
  mail: 2,
  daemon: 3,
  auth: 4,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
}
const severities: Readonly<Record<LogEvent['level'], number>> = {
  debug: 7,
  info: 6,
  warning: 4,
  error: 3,
  fatal: 2,
}

/** Lines that wait for a logger that does not read; more are lost, and counted. */
const maxWaitingBytes = 4 << 20
const againMs = 5_000

/**
 * The system's log. Node has no datagram sockets of Unix, which /dev/log is; logger(1) is on every system and
 * finds the right place. One of it runs for each service, since it gives all lines one name.
 */
export class SyslogWriter {
  readonly #options: SyslogOptions
  readonly #loggers = new Map<string, ChildProcess>()
  readonly #notBeforeMs = new Map<string, number>()

  constructor(options: SyslogOptions) {
    this.#options = options
  }

  write(event: LogEvent): void {
    if (!isAtLeast(event.level, this.#options.leastLevel)) return
    const logger = this.#loggerOf(tagOf(event, this.#options.syslogName))
    if (logger?.stdin === null || logger === undefined || logger.stdin.writableLength > maxWaitingBytes)
      return
    const reader = logger.spawnargs.includes('dovecot') ? `${event.service}: ` : ''
    const priority = (facilities[this.#options.facility] ?? 2) * 8 + severities[event.level]
    logger.stdin.write(`<${priority}>${reader}${bodyOf(event)}\n`)
  }

  close(): void {
    for (const logger of this.#loggers.values()) logger.stdin?.end()
    this.#loggers.clear()
  }

  #loggerOf(name: string): ChildProcess | undefined {
    const known = this.#loggers.get(name)
    if (known !== undefined) return known
    if (performance.now() < (this.#notBeforeMs.get(name) ?? 0)) return undefined
    const args = ['--prio-prefix', `--id=${this.#options.pid}`, '--size=8KiB', '--tag', name]
    const logger = spawn(this.#options.program ?? 'logger', args, { stdio: ['pipe', 'ignore', 'ignore'] })
    const gone = (): void => {
      this.#notBeforeMs.set(name, performance.now() + againMs)
      if (this.#loggers.get(name) === logger) this.#loggers.delete(name)
    }
    logger.on('error', gone)
    logger.on('exit', gone)
    logger.stdin.on('error', () => {})
    logger.unref()
    this.#loggers.set(name, logger)
    return logger
  }
}
