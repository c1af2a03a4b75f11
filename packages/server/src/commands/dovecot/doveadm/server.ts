import { notRunning, reloadServer, stopServer } from '../../server-control.ts'
import { CommandError, exit } from '../../shell.ts'
import { locateSiteAnyhow } from '../../site.ts'
import type { Call } from './call.ts'

/** Reads configuration, tables and certificate anew, and opens the log again. Dovecot: doveadm(1). */
export async function reload({ shell, site }: Call): Promise<number> {
  if ((await reloadServer(shell, site)) === undefined) throw new CommandError(notRunning(shell, site))
  return exit.ok
}

export async function stop({ shell, site }: Call): Promise<number> {
  if (!(await stopServer(shell, site))) throw new CommandError(notRunning(shell, site))
  return exit.ok
}

const levels = ['Debug', 'Info', 'Warning', 'Error', 'Fatal']

/** Where the log is written. Dovecot: doveadm-log(1). */
export async function logFind({ shell, site }: Call): Promise<number> {
  const { config } = locateSiteAnyhow(shell, site)
  const place =
    config.values.maillog_file === ''
      ? 'what the server was started with (journal)'
      : config.values.maillog_file
  for (const level of levels) shell.out(`${level}: ${place}\n`)
  return exit.ok
}
