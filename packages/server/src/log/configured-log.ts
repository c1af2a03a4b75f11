import type { Config } from '../config/config.ts'
import { errorCode, StartError } from '../start-error.ts'
import { createLogWriter, type LogWriter, openLogFile } from './log-writer.ts'

/** The log of this process as main.cf asks for it. Throws StartError when the file cannot be written. */
export function logWriterFor({ values, file }: Config, open = openLogFile): LogWriter {
  try {
    return createLogWriter({
      file: values.maillog_file,
      format: values.log_format,
      syslogName: values.syslog_name,
      hostname: values.myhostname.split('.')[0] ?? 'localhost',
      pid: process.pid,
      verbose: values.log_level === 'debug',
      now: Date.now,
      open,
    })
  } catch (error) {
    throw new StartError(
      `${file}: cannot write to maillog_file = ${values.maillog_file}: ${errorCode(error)}`,
      'make the file writable for the user of the server, or name another',
      { cause: error },
    )
  }
}
