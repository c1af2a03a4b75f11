import { getopt } from '../getopt.ts'
import { notRunning, reloadServer, serverStatus, startInBackground, stopServer } from '../server-control.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import { locateSite, type SiteOptions } from '../site.ts'
import { flushQueue } from './postqueue.ts'
import { rotateLog } from './rotate-log.ts'

const usage = 'postfix [-c config_dir] [-Dv] command'

/** Starts, stops and checks the mail system. Postfix: postfix(1), with its words and exit codes. */
export async function postfix(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, 'c:Dv', usage)
  const [command, ...more] = options.rest
  if (command === undefined || more.length > 0) throw new CommandError(`usage: ${usage}`)
  const run = commands[command]
  if (run === undefined) {
    script(shell, `error: unknown command: '${command}'`)
    script(shell, 'fatal: usage: postfix start (or stop, reload, abort, flush, check, status, logrotate)')
    return exit.failure
  }
  return run(shell, { config: options.value('c') })
}

type Run = (shell: Shell, site: SiteOptions) => Promise<number>

const commands: Readonly<Record<string, Run>> = {
  check,
  start,
  'start-fg': notHere,
  stop,
  abort: stop,
  reload,
  flush,
  status,
  logrotate,
  'set-permissions': (shell) =>
    explained(shell, 'nothing is installed with other permissions than those that `postfix check` asks for'),
  'upgrade-configuration': (shell) =>
    explained(shell, 'main.cf needs no upgrade; the store is upgraded by a start'),
}

const script = (shell: Shell, text: string) => shell.err(`postfix/postfix-script: ${text}\n`)

async function check(shell: Shell, site: SiteOptions): Promise<number> {
  const { checkSite } = await import('../check-site.ts')
  const { problems, warnings } = checkSite(shell, site)
  for (const warning of warnings) shell.err(`postfix: warning: ${warning}\n`)
  for (const problem of problems) shell.err(`postfix: fatal: ${problem}\n`)
  return problems.length === 0 ? exit.ok : exit.failure
}

async function start(shell: Shell, site: SiteOptions): Promise<number> {
  if ((await check(shell, site)) !== exit.ok) return exit.failure
  if ((await serverStatus(shell, site)) !== undefined)
    return fatal(shell, 'the Postfix mail system is already running')
  const pid = await startInBackground(shell, site)
  script(shell, `starting the Postfix mail system: PID: ${pid}`)
  return exit.ok
}

async function notHere(): Promise<number> {
  throw new CommandError('use `posthorn start`: it stays in the foreground')
}

async function logrotate(shell: Shell, site: SiteOptions): Promise<number> {
  const { config } = locateSite(shell, site)
  await rotateLog(config, shell, site)
  return exit.ok
}

/** What packages ask for after an upgrade is no fault, and nothing to do. */
async function explained(shell: Shell, why: string): Promise<number> {
  script(shell, why)
  return exit.ok
}

async function stop(shell: Shell, site: SiteOptions): Promise<number> {
  if (!(await stopServer(shell, site))) return noServer(shell, site)
  script(shell, 'stopping the Postfix mail system')
  return exit.ok
}

async function reload(shell: Shell, site: SiteOptions): Promise<number> {
  const outcome = await reloadServer(shell, site)
  if (outcome === undefined) return noServer(shell, site)
  script(shell, 'refreshing the Postfix mail system')
  for (const name of outcome.needRestart)
    shell.err(`postfix: warning: ${name}: takes effect when the server is restarted\n`)
  return exit.ok
}

function noServer(shell: Shell, site: SiteOptions): number {
  script(shell, notRunning(shell, site))
  return fatal(shell, 'the Postfix mail system is not running')
}

async function flush(shell: Shell, site: SiteOptions): Promise<number> {
  return flushQueue(shell, site, {})
}

async function status(shell: Shell, site: SiteOptions): Promise<number> {
  const answer = await serverStatus(shell, site)
  if (answer === undefined) {
    script(shell, 'the Postfix mail system is not running')
    return exit.failure
  }
  script(shell, `the Postfix mail system is running: PID: ${pidOf(answer['status'])}`)
  return exit.ok
}

/** The primary's, or the first process's. */
export function pidOf(status: unknown): number {
  if (typeof status !== 'object' || status === null) return 0
  if ('pid' in status && typeof status.pid === 'number') return status.pid
  const processes =
    'processes' in status && Array.isArray(status.processes)
      ? status.processes
      : Array.isArray(status)
        ? status
        : []
  return processes.length > 0 ? pidOf(processes[0]) : 0
}

function fatal(shell: Shell, text: string): number {
  script(shell, `fatal: ${text}`)
  return exit.failure
}
