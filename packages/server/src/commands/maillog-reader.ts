import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Config } from '../config/config.ts'
import { errorCode } from '../start-error.ts'
import { CommandError, exit } from './shell.ts'

/** One line of the server's log. */
export interface LogLine {
  readonly whole: string
  /** `Nov  1 09:05:07`. */
  readonly time: string
  /** `smtpd`, `qmgr`. */
  readonly service: string
  readonly queueId: string | undefined
  readonly text: string
}

const linePattern = /^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ ([^\s:]+): (.*)$/
const queueIdPattern = /^([0-9A-Za-z]{6,20}|NOQUEUE): (.*)$/

/** undefined for what is no line of ours. */
export function parseLogLine(whole: string): LogLine | undefined {
  const [, time, program, rest] = linePattern.exec(whole) ?? []
  if (time === undefined || program === undefined || rest === undefined) return undefined
  const service = program.slice(program.lastIndexOf('/') + 1).replace(/\[\d+\]$/, '')
  const [, queueId, text = rest] = queueIdPattern.exec(rest) ?? []
  return { whole, time, service, queueId, text }
}

/** The log as it stands, a line at a time. Throws CommandError when there is no file to read. */
export async function* readLog({ values, file }: Config): AsyncGenerator<LogLine> {
  if (values.maillog_file === '' || values.maillog_file === '/dev/stdout')
    throw new CommandError(`${file}: maillog_file is not set: the log went to standard output`, exit.config)
  if (values.log_format === 'json')
    throw new CommandError(`${file}: log_format = json: these lines are for other programs`, exit.config)
  try {
    for await (const whole of createInterface({ input: createReadStream(values.maillog_file) })) {
      const line = parseLogLine(whole)
      if (line !== undefined) yield line
    }
  } catch (error) {
    const code = errorCode(error)
    if (code === undefined) throw error
    throw new CommandError(`${values.maillog_file}: cannot be read: ${code}`, exit.unavailable)
  }
}
