import type { Config } from '../config/config.ts'
import { createLogWriter, type LogWriter } from './log-writer.ts'

/** The log of this process as main.cf asks for it. */
export function logWriterFor({ values }: Config): LogWriter {
  return createLogWriter({
    file: values.maillog_file,
    format: values.log_format,
    syslogName: values.syslog_name,
    hostname: values.myhostname.split('.')[0] ?? 'localhost',
    pid: process.pid,
    verbose: values.log_level === 'debug',
    now: Date.now,
  })
}
