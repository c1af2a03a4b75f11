import type { LogEvent } from '@posthorn/mail'
import type { Config } from '../config/config.ts'
import { errorCode, StartError } from '../start-error.ts'
import { withInternalAddresses } from './internal-addresses.ts'
import { createLogWriter, type LogWriter, openLogFile } from './log-writer.ts'
import { SyslogWriter } from './syslog-writer.ts'

/** Other logs, open and not yet written to. */
export interface NextLog {
  commit(): void
  abandon(): void
}

export interface ConfiguredLog extends LogWriter {
  /** What `next` asks for. Throws StartError when a file cannot be written; then all stays as it is. */
  prepare(next: Config): NextLog
}

/** The log of this process as main.cf asks for it. Throws StartError when a file cannot be written. */
export function logWriterFor(config: Config, open = openLogFile): ConfiguredLog {
  let current = openLog(config, open)
  let settings = settingsOf(config)
  return {
    log: (event) => current.log(event),
    reopen: () => current.reopen(),
    flush: () => current.flush(),
    close: () => current.close(),
    prepare: (next) => {
      const wanted = settingsOf(next)
      if (wanted === settings) return { commit: () => {}, abandon: () => {} }
      const opened = openLog(next, open)
      return {
        commit: () => {
          const before = current
          current = opened
          settings = wanted
          before.close()
        },
        abandon: () => opened.close(),
      }
    },
  }
}

/** All that a writer is made of. */
function settingsOf({ values }: Config): string {
  return JSON.stringify([
    values.maillog_file,
    values.maillog_file_permissions,
    values.log_format,
    values.log_json_file,
    values.log_level,
    values.syslog,
    values.syslog_facility,
    values.syslog_name,
    values.myhostname,
    values.info_log_address_format,
  ])
}

function openLog(config: Config, open: typeof openLogFile): LogWriter {
  const writer = writerFor(config, open)
  if (config.values.info_log_address_format === 'external') return writer
  return { ...writer, log: (event) => writer.log({ ...event, text: withInternalAddresses(event.text) }) }
}

function writerFor(config: Config, open: typeof openLogFile): LogWriter {
  const { values } = config
  const file = values.maillog_file === '/dev/stdout' ? '' : values.maillog_file
  const writers = [fileWriter(config, 'maillog_file', file, values.log_format, open)]
  try {
    if (values.log_json_file !== '')
      writers.push(fileWriter(config, 'log_json_file', values.log_json_file, 'json', open))
  } catch (error) {
    for (const writer of writers) writer.close()
    throw error
  }
  const syslog = values.syslog
    ? new SyslogWriter({
        syslogName: values.syslog_name,
        facility: values.syslog_facility,
        pid: process.pid,
        leastLevel: values.log_level as LogEvent['level'],
      })
    : undefined
  const [only] = writers
  if (writers.length === 1 && syslog === undefined && only !== undefined) return only
  return {
    log: (event) => {
      for (const writer of writers) writer.log(event)
      syslog?.write(event)
    },
    reopen: () => {
      for (const writer of writers) writer.reopen()
    },
    flush: () => {
      for (const writer of writers) writer.flush()
      syslog?.close()
    },
    close: () => {
      for (const writer of writers) writer.close()
      syslog?.close()
    },
  }
}

function fileWriter(
  { values, file: mainCf }: Config,
  parameter: 'maillog_file' | 'log_json_file',
  file: string,
  format: 'maillog' | 'json',
  open: typeof openLogFile,
): LogWriter {
  try {
    return createLogWriter({
      file,
      format,
      syslogName: values.syslog_name,
      hostname: values.myhostname.split('.')[0] ?? 'localhost',
      pid: process.pid,
      leastLevel: values.log_level as LogEvent['level'],
      now: Date.now,
      mode: Number.parseInt(values.maillog_file_permissions, 8),
      open,
    })
  } catch (error) {
    throw new StartError(
      `${mainCf}: cannot write to ${parameter} = ${file}: ${errorCode(error)}`,
      `make the file writable for the user of the server (touch ${file}; chown ${values.mail_owner || 'USER'} ${file}), or name another`,
      { cause: error },
    )
  }
}
