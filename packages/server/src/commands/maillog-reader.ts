import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import type { Config } from '../config/config.ts'
import { dataFolderAt } from '../start/data-folder.ts'
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

/**
 * Where the log is: maillog_file, or what a server in the background wrote.
 * @throws CommandError when it went elsewhere
 */
export function logFile({ values, file }: Config): string {
  const { maillog_file: named, data_directory: data } = values
  if (named !== '' && named !== '/dev/stdout') return named
  const { outputFile } = dataFolderAt(data)
  if (existsSync(outputFile)) return outputFile
  throw new CommandError(
    `${file}: maillog_file is not set: the log went to standard output (set it, or under systemd: journalctl -u posthorn)`,
    exit.config,
  )
}

/** The log as it stands, a line at a time, or with what was rotated away before it. Throws CommandError when there is no file to read. */
export async function* readLog(
  config: Config,
  extent: 'current' | 'rotated-too' = 'current',
): AsyncGenerator<LogLine> {
  const { values, file } = config
  const log = logFile(config)
  if (values.log_format === 'json')
    throw new CommandError(`${file}: log_format = json: these lines are for other programs`, exit.config)
  const before = extent === 'current' ? [] : rotatedLogs(log)
  try {
    for (const one of [...before, log]) {
      const octets = createReadStream(one)
      const unzip = one.endsWith('.gz') ? createGunzip() : undefined
      if (unzip !== undefined) octets.on('error', (error) => unzip.destroy(error)).pipe(unzip)
      const input = unzip ?? octets
      for await (const whole of createInterface({ input })) {
        const line = parseLogLine(whole)
        if (line !== undefined) yield line
      }
    }
  } catch (error) {
    const code = errorCode(error)
    if (code === undefined) throw error
    throw new CommandError(`${log}: cannot be read: ${code}`, exit.unavailable)
  }
}

/** `maillog.2.gz`, `maillog.1`, `maillog.20261121-000500.gz`: the oldest first, by the time they were last written. */
function rotatedLogs(path: string): readonly string[] {
  const folder = dirname(path)
  const prefix = `${basename(path)}.`
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith(prefix) && /^[\d-]+(?:\.gz)?$/.test(name.slice(prefix.length)))
      .map((name) => ({ file: join(folder, name), atMs: statSync(join(folder, name)).mtimeMs }))
      .toSorted((a, b) => a.atMs - b.atMs)
      .map((one) => one.file)
  } catch {
    return []
  }
}
