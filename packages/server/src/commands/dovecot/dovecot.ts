import { getopt } from '../getopt.ts'
import { reloadServer, startInBackground, stopServer } from '../server-control.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import { doveconf } from './doveconf.ts'

const usage = 'dovecot [-c <config file>] [-n | -a | --version] [reload | stop]'

/** Starts, stops and reloads the one server. Dovecot: dovecot(1). */
export async function dovecot(args: readonly string[], shell: Shell): Promise<number> {
  if (args.includes('--version')) {
    shell.out('Posthorn 0.1.0\n')
    return exit.ok
  }
  const options = getopt(args, 'ac:FnNpv', usage)
  const site = { config: options.value('c') }
  if (options.has('n') || options.has('N') || options.has('a')) return doveconf(args, shell)
  const [command] = options.rest
  switch (command) {
    case undefined:
      await startInBackground(shell, site)
      return exit.ok
    case 'stop':
      if (await stopServer(shell, site)) return exit.ok
      throw new CommandError('Dovecot is not running')
    case 'reload':
      if ((await reloadServer(shell, site)) !== undefined) return exit.ok
      throw new CommandError('Dovecot is not running')
    default:
      throw new CommandError(`Unknown argument: ${command}\nusage: ${usage}`, exit.usage)
  }
}
