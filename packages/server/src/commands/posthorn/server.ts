import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { successful } from '../control-client.ts'
import { flushQueue } from '../postfix/postqueue.ts'
import { notRunning, reloadServer, serverStatus, startInBackground, stopServer } from '../server-control.ts'
import { CommandError, exit } from '../shell.ts'
import type { CommandContext } from './context.ts'
import { formatStatus } from './status.ts'

/** Runs the server in the foreground; resolves with its exit code. */
export type StartServer = (configOption: string | undefined) => Promise<number>

/** `posthorn start|stop|reload|status|check`. */
export function addServerCommands(program: Command, context: CommandContext, startServer: StartServer): void {
  const { shell, site, finish } = context
  program
    .command('start')
    .description('run the server; in the foreground unless told otherwise')
    .option('--background', 'return when it answers; its output goes to posthorn.log in the data folder')
    .action(async (options: { background?: boolean }) => {
      if (options.background) shell.out(`started, process ${await startInBackground(shell, site())}\n`)
      else finish(await startServer(site().config))
    })
  program
    .command('stop')
    .description('let sessions finish their command, then end')
    .option('--drain [seconds]', 'first try all mail now and wait for an empty queue, 60 seconds at most')
    .action(async ({ drain }: { drain?: string | true }) => {
      if (drain !== undefined) await drainQueue(context, drain === true ? 60 : secondsOf(drain))
      if (!(await stopServer(shell, site()))) throw new CommandError(notRunning(shell, site()))
      shell.out('stopped\n')
    })
  program
    .command('reload')
    .description('read configuration, tables and certificate anew')
    .action(async () => {
      const outcome = await reloadServer(shell, site())
      if (outcome === undefined) throw new CommandError(notRunning(shell, site()))
      shell.out(
        outcome.changed.length === 0
          ? 'reloaded, nothing changed\n'
          : `reloaded, changed: ${outcome.changed.join(', ')}\n`,
      )
      if (outcome.needRestart.length > 0)
        shell.out(`a restart is needed for: ${outcome.needRestart.join(', ')}\n`)
    })
  program
    .command('status')
    .description('what runs, listens and waits; exit code 3 when the server is stopped')
    .option('--json', 'as the server tells it')
    .action(async (options: { json?: boolean }) => {
      const answer = await serverStatus(shell, site())
      if (answer === undefined) {
        shell.out('the server is not running\n')
        // LSB: 3 is "program is not running".
        finish(3)
        return
      }
      successful(answer)
      shell.out(options.json ? `${JSON.stringify(answer['status'])}\n` : formatStatus(answer['status']))
      finish(exit.ok)
    })
  program
    .command('check')
    .description('configuration, tables and permissions')
    .action(async () => {
      // What it looks at is half the server: `status`, which containers ask for all the time, does without.
      const { checkSite } = await import('../check-site.ts')
      const { config, problems, warnings } = checkSite(shell, site())
      for (const warning of warnings) shell.err(`warning: ${warning}\n`)
      for (const problem of problems) shell.err(`error: ${problem}\n`)
      if (problems.length === 0) shell.out(`${config.file}: ok\n`)
      finish(problems.length === 0 ? exit.ok : exit.failure)
    })
}

function secondsOf(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new CommandError(`not a number of seconds: ${text}`, exit.usage)
  return Number(text)
}

const pollMs = 200

/** I24: a machine that runs a mail server for a report only. What cannot leave in time waits for the next start. */
async function drainQueue({ shell, site }: CommandContext, limitSeconds: number): Promise<void> {
  if ((await serverStatus(shell, site())) === undefined) return
  await flushQueue(shell, site(), {})
  const endMs = performance.now() + limitSeconds * 1000
  for (;;) {
    const queued = queuedOf((await serverStatus(shell, site()))?.['status'])
    if (queued === 0) return
    if (performance.now() > endMs) {
      shell.err(`${queued} message${queued === 1 ? ' waits' : 's wait'} for the next start\n`)
      return
    }
    await delay(pollMs)
  }
}

/** The same for every process. */
function queuedOf(status: unknown): number {
  const { processes } = (status ?? {}) as { readonly processes?: readonly { readonly queued?: number }[] }
  return processes?.[0]?.queued ?? 0
}
