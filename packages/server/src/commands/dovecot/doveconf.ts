import { inspectConfig } from '../../config/load-config.ts'
import { parameters } from '../../config/schema/schema.ts'
import { getopt } from '../getopt.ts'
import { CommandError, exit, type Shell } from '../shell.ts'

const usage = 'doveconf [-adnNPx] [-c <config file>] [-h] [<section>...]'

/** Shows the settings of the reading side under Dovecot's names. Dovecot: doveconf(1). */
export async function doveconf(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, 'ac:df:hm:nNpPsSwxv', usage)
  const { config, problems } = inspectConfig({
    configOption: options.value('c'),
    environment: shell.environment,
  })
  const shown = (name: string) => (options.has('d') ? config.defaultText(name) : config.text(name)) ?? ''
  if (options.rest.length > 0) {
    for (const name of options.rest) {
      if (!parameters.has(name)) throw new CommandError(`Unknown setting: ${name}`, exit.failure)
      shell.out(options.has('h') ? `${shown(name)}\n` : `${name} = ${shown(name)}\n`)
    }
    return exit.ok
  }
  const changedOnly = (options.has('n') || options.has('N')) && !options.has('a') && !options.has('d')
  shell.out(`# ${config.values.mail_version}: ${config.file}\n`)
  for (const [name, parameter] of [...parameters].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (parameter.origin === 'postfix' && !sharedWithDovecot.has(name)) continue
    if (changedOnly && !config.isSet(name)) continue
    shell.out(`${name} = ${shown(name)}`.trimEnd().concat('\n'))
  }
  for (const problem of problems) shell.err(`doveconf: Warning: ${problem}\n`)
  return exit.ok
}

const sharedWithDovecot = new Set(['recipient_delimiter'])
