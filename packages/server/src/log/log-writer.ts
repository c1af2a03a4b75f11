import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  type Stats,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Log, LogEvent } from '@posthorn/mail'
import pino from 'pino'
import { makeFolders } from '../make-folders.ts'
import { asOwner, type MailOwner } from '../start/mail-owner.ts'
import { errorCode } from '../start-error.ts'
import { formatMaillog, type MaillogNames } from './maillog.ts'

export interface LogWriterOptions extends MaillogNames {
  /** Path of the log file, or '' for standard output (Postfix: maillog_file). */
  readonly file: string
  /** `maillog` for people, grep and pflogsumm; `json` for collectors, one object a line. */
  readonly format: 'maillog' | 'json'
  readonly leastLevel: LogEvent['level']
  readonly now: () => number
  /** Opens the file for appending; default: as who we are. */
  readonly open?: (file: string, mode: number) => number
  /** Of a file that is made. Postfix: maillog_file_permissions. Default: 0640. */
  readonly mode?: number
}

export interface LogWriter {
  readonly log: Log
  /** Opens the file anew after rotation (SIGHUP). When it cannot, the old one stays and is told so. */
  reopen(): void
  /** Writes out everything buffered; at exit. */
  flush(): void
  /** What is buffered is still written; another writer takes over. */
  close(): void
}

type Destination = ReturnType<typeof pino.destination>

/** Lines wait at most this long; a batch costs one write however many messages pass. */
const flushEveryMs = 200
const batchLength = 65_536
/** A second. */
const ticksBetweenLooks = 5

const defaultMode = 0o640

/** Makes the folder of the file, too. Throws the system's error. */
export function openLogFile(file: string, mode = defaultMode): number {
  makeFolders(dirname(file), 0o755)
  const isNew = !existsSync(file)
  const fd = openSync(file, 'a', mode)
  // Whatever the umask is.
  if (isNew) fchmodSync(fd, mode)
  return fd
}

/**
 * As openLogFile, with the rights of the owner. What he may not make, `/var/log/maillog`, root makes for him, as long as
 * it is root, and the folder root's. Postfix: postlogd(8), which keeps its file open for such as him.
 */
export function openOwnersLog(file: string, mode = defaultMode, owner?: MailOwner): number {
  try {
    return asOwner(owner, () => openLogFile(file, mode))
  } catch (error) {
    if (owner === undefined || errorCode(error) !== 'EACCES' || !makeLogFor(owner, file, mode)) throw error
    return asOwner(owner, () => openLogFile(file, mode))
  }
}

/** False when it is there already, or others could have put something in its way. */
function makeLogFor({ uid, gid }: MailOwner, file: string, mode: number): boolean {
  const folder = statSync(dirname(file), { throwIfNoEntry: false })
  if (folder === undefined || folder.uid !== 0 || (folder.mode & 0o002) !== 0) return false
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  let fd: number
  try {
    fd = openSync(file, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode)
  } catch {
    return false
  }
  try {
    fchownSync(fd, uid, gid)
    fchmodSync(fd, mode)
    return true
  } finally {
    closeSync(fd)
  }
}

function destinationOf(fd: number): Destination {
  const destination = pino.destination({ dest: fd, minLength: 1, sync: false })
  destination.on('error', () => {}) // a full disk or a closed pipe must not end the server
  return destination
}

function isAt(file: string, { ino, dev }: Stats): boolean {
  try {
    const there = statSync(file, { throwIfNoEntry: false })
    return there?.ino === ino && there.dev === dev
  } catch {
    // Its folder is closed to us: what is open is all there is.
    return true
  }
}

const ranks = { debug: 0, info: 1, warning: 2, error: 3, fatal: 4 } as const

export function isAtLeast(level: LogEvent['level'], least: LogEvent['level']): boolean {
  return ranks[level] >= ranks[least]
}

/** The one place that writes logs: maillog lines or JSON, to standard output or a file. Throws when it cannot open it. */
export function createLogWriter(options: LogWriterOptions): LogWriter {
  const { file, mode = defaultMode } = options
  let written: Stats | undefined
  const open = (): Destination => {
    const fd = file === '' ? 1 : (options.open ?? openLogFile)(file, mode)
    if (file !== '') written = fstatSync(fd)
    return destinationOf(fd)
  }
  const batch = new Batch(open())
  /** Removed, or renamed by somebody who tells nobody. */
  const followFile = (): void => {
    if (written === undefined || isAt(file, written) || !existsSync(dirname(file))) return
    try {
      batch.moveTo(open())
    } catch {
      // The primary may make it, and does: a second later it is there.
    }
  }
  let ticks = 0
  const timer = setInterval(() => {
    batch.handOver()
    if (++ticks % ticksBetweenLooks === 0) followFile()
  }, flushEveryMs)
  timer.unref()
  const stream = { write: (line: string) => batch.write(line) }
  const write = options.format === 'json' ? jsonLines(stream, options) : textLines(stream, options)
  return {
    log: (event) => {
      if (isAtLeast(event.level, options.leastLevel)) write(event)
    },
    reopen: () => {
      if (file === '') return
      try {
        batch.moveTo(open())
      } catch (error) {
        write({ level: 'error', service: 'master', text: `cannot open ${file} anew`, error })
      }
    },
    flush: () => {
      try {
        batch.flushSync()
      } catch {
        // the other end is gone
      }
    },
    close: () => {
      clearInterval(timer)
      batch.end()
    },
  }
}

/** Joins lines: what is handed over line by line is measured and queued line by line. */
class Batch {
  #destination: Destination
  #lines = ''

  constructor(destination: Destination) {
    this.#destination = destination
  }

  write(line: string): void {
    this.#lines += line
    if (this.#lines.length >= batchLength) this.handOver()
  }

  handOver(): void {
    if (this.#lines === '') return
    const lines = this.#lines
    this.#lines = ''
    this.#destination.write(lines)
  }

  moveTo(next: Destination): void {
    this.end()
    this.#destination = next
  }

  end(): void {
    this.handOver()
    this.#destination.end()
  }

  flushSync(): void {
    this.handOver()
    this.#destination.flushSync()
  }
}

interface LineStream {
  write(line: string): void
}

function textLines(stream: LineStream, options: LogWriterOptions): Log {
  return (event) => stream.write(formatMaillog(event, options, options.now()))
}

function jsonLines(stream: LineStream, options: LogWriterOptions): Log {
  const logger = pino(
    {
      level: 'debug',
      base: { pid: options.pid, host: options.hostname },
      timestamp: () => `,"time":"${new Date(options.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  )
  return (event: LogEvent) => {
    const { level, text, error, fields, service, syslogName, queueId } = event
    const row = {
      service,
      ...(syslogName === undefined ? {} : { syslogName }),
      ...(queueId === undefined ? {} : { queueId }),
      ...fields,
      ...(error === undefined ? {} : { err: error instanceof Error ? error : new Error(String(error)) }),
    }
    logger[level === 'warning' ? 'warn' : level](row, text)
  }
}
