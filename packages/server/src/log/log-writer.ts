import type { Log, LogEvent } from '@posthorn/mail'
import pino from 'pino'
import { formatMaillog, type MaillogNames } from './maillog.ts'

export interface LogWriterOptions extends MaillogNames {
  /** Path of the log file, or '' for standard output (Postfix: maillog_file). */
  readonly file: string
  /** `maillog` for people, grep and pflogsumm; `json` for collectors, one object a line. */
  readonly format: 'maillog' | 'json'
  readonly verbose: boolean
  readonly now: () => number
}

export interface LogWriter {
  readonly log: Log
  /** Opens the file anew after rotation (SIGHUP). */
  reopen(): void
  /** Writes out everything buffered; at exit. */
  flush(): void
}

type Destination = ReturnType<typeof pino.destination>

/** Lines wait at most this long; a batch costs one write however many messages pass. */
const flushEveryMs = 200

/** The one place that writes logs: maillog lines or JSON, to standard output or a file. */
export function createLogWriter(options: LogWriterOptions): LogWriter {
  const destination = pino.destination({
    dest: options.file === '' ? 1 : options.file,
    minLength: 8_192,
    sync: false,
    append: true,
    mkdir: true,
  })
  destination.on('error', () => {}) // a full disk or a closed pipe must not end the server
  const timer = setInterval(() => destination.flush(), flushEveryMs)
  timer.unref()
  const write = options.format === 'json' ? jsonLines(destination, options) : textLines(destination, options)
  return {
    log: (event) => {
      if (event.level !== 'debug' || options.verbose) write(event)
    },
    reopen: () => {
      if (options.file !== '') destination.reopen()
    },
    flush: () => {
      try {
        destination.flushSync()
      } catch {
        // nothing was opened yet, or the other end is gone
      }
    },
  }
}

function textLines(destination: Destination, options: LogWriterOptions): Log {
  return (event) => {
    destination.write(formatMaillog(event, options, options.now()))
  }
}

function jsonLines(destination: Destination, options: LogWriterOptions): Log {
  const logger = pino(
    {
      level: 'debug',
      base: { pid: options.pid, host: options.hostname },
      timestamp: () => `,"time":"${new Date(options.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return (event: LogEvent) => {
    const { level, text, error, fields, service, queueId } = event
    const row = {
      service,
      ...(queueId === undefined ? {} : { queueId }),
      ...fields,
      ...(error === undefined ? {} : { err: error instanceof Error ? error : new Error(String(error)) }),
    }
    logger[level === 'warning' ? 'warn' : level](row, text)
  }
}
