import type { Config } from '../config/config.ts'
import { errorCode, StartError } from '../start-error.ts'
import { createLogWriter, type LogWriter, openLogFile } from './log-writer.ts'
import { SyslogWriter } from './syslog-writer.ts'

/** The log of this process as main.cf asks for it. Throws StartError when a file cannot be written. */
export function logWriterFor(config: Config, open = openLogFile): LogWriter {
  const { values } = config
  const file = values.maillog_file === '/dev/stdout' ? '' : values.maillog_file
  const writers = [fileWriter(config, 'maillog_file', file, values.log_format, open)]
  if (values.log_json_file !== '')
    writers.push(fileWriter(config, 'log_json_file', values.log_json_file, 'json', open))
  const syslog = values.syslog
    ? new SyslogWriter({
        syslogName: values.syslog_name,
        facility: values.syslog_facility,
        pid: process.pid,
        verbose: values.log_level === 'debug',
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
      verbose: values.log_level === 'debug',
      now: Date.now,
      open,
    })
  } catch (error) {
    throw new StartError(
      `${mainCf}: cannot write to ${parameter} = ${file}: ${errorCode(error)}`,
      'make the file writable for the user of the server, or name another',
      { cause: error },
    )
  }
}
