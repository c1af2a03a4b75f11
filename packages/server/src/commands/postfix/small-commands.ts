/** Programs of Postfix whose work is small here, or not needed: each says so in words. */
import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { inspectConfig } from '../../config/load-config.ts'
import { printable, syslogTime } from '../../log/maillog.ts'
import { errorCode } from '../../start-error.ts'
import { getopt } from '../getopt.ts'
import { CommandError, exit, readLines, type Shell } from '../shell.ts'

const levels: Readonly<Record<string, string>> = {
  info: '',
  warn: 'warning: ',
  warning: 'warning: ',
  error: 'error: ',
  err: 'error: ',
  fatal: 'fatal: ',
  crit: 'fatal: ',
  panic: 'panic: ',
}

/** Writes lines of a script into the mail log. Postfix: postlog(1). */
export async function postlog(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, 'c:ip:t:v', 'postlog [-iv] [-c config_dir] [-p priority] [-t tag] [text...]')
  const { config } = inspectConfig({ configOption: options.value('c'), environment: shell.environment })
  const { values } = config
  const word = levels[options.value('p') ?? 'info']
  if (word === undefined) throw new CommandError(`bad priority: ${options.value('p')}`)
  const texts =
    options.rest.length > 0
      ? [options.rest.join(' ')]
      : (await readLines(shell))
          .toString('utf8')
          .split('\n')
          .filter((line) => line !== '')
  const tag = options.value('t') ?? `${values.syslog_name}/postlog`
  const host = values.myhostname.split('.')[0] ?? 'localhost'
  for (const text of texts) {
    const line = `${printable(tag)}[${process.pid}]: ${word}${printable(text)}`
    shell.err(`${options.has('i') ? line : `${printable(tag)}: ${word}${printable(text)}`}\n`)
    const file = values.maillog_file
    if (file === '' || file === '/dev/stdout') continue
    try {
      appendFileSync(file, `${syslogTime(shell.now())} ${host} ${line}\n`, { mode: 0o640 })
    } catch (error) {
      throw new CommandError(`${file}: cannot be written: ${errorCode(error)}`, exit.failure)
    }
  }
  return exit.ok
}

/** Runs a command while it holds a file's lock, by flock(1). Postfix: postlock(1). */
export async function postlock(args: readonly string[], shell: Shell): Promise<number> {
  const usage = 'postlock [-c config_dir] [-l lock_style] [-v] folder command...'
  const options = getopt(args, 'c:l:v', usage)
  const [file, ...command] = options.rest
  if (file === undefined || command.length === 0) throw new CommandError(`usage: ${usage}`, exit.tempFail)
  const child = spawn('flock', [file, ...command], { stdio: 'inherit' })
  return await new Promise((resolve) => {
    child.once('error', (error) => {
      shell.err(`postlock: fatal: cannot start flock: ${error.message}\n`)
      resolve(exit.tempFail)
    })
    child.once('exit', (code) => resolve(code ?? exit.tempFail))
  })
}

/** Postfix: postkick(1). The services here are no processes with sockets to be kicked. */
export async function postkick(): Promise<number> {
  throw new CommandError(
    'the services of Posthorn are no processes of their own: `postqueue -f` wakes the queue, `postfix reload` all else',
  )
}
