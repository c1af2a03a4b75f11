import { existsSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { inspectConfig } from '../../config/load-config.ts'
import { parameters } from '../../config/schema/schema.ts'
import { getopt } from '../getopt.ts'
import { CommandError, exit, type Shell } from '../shell.ts'

const usage = 'doveconf [-adnNPx] [-c <config file>] [-h] [<section>...]'

/** Dovecot: FATAL_CONF, the code of every error about its configuration. */
const configFault = 89

/** Shows the settings of the reading side under Dovecot's names. Dovecot: doveconf(1). */
export async function doveconf(args: readonly string[], shell: Shell): Promise<number> {
  try {
    return show(args, shell)
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    if (error.notice !== undefined) shell.err(`doveconf: ${error.notice}\n`)
    else shell.err(`doveconf: Fatal: ${error.message}\n`)
    return configFault
  }
}

function show(args: readonly string[], shell: Shell): number {
  const options = getopt(args, 'ac:df:hm:nNpPsSwxv', usage)
  const file = options.value('c')
  if (file !== undefined && !existsSync(file))
    throw new CommandError(`open(${file}) failed: No such file or directory`)
  const { config, problems } = inspectConfig({ configOption: file, environment: shell.environment })
  const shown = (name: string) => (options.has('d') ? config.defaultText(name) : config.text(name)) ?? ''
  const form = (name: string, value: string): string => {
    if (options.has('h')) return `${value}\n`
    return options.has('S') ? `${name}=${value}\n` : `${`${name} = ${value}`.trimEnd()}\n`
  }
  if (options.rest.length > 0) {
    for (const path of options.rest) {
      const name = listenerPorts[path] ?? path
      if (!parameters.has(name)) throw new CommandError(`Unknown setting: ${path}`)
      shell.out(form(path, shown(name)))
    }
    return exit.ok
  }
  const changedOnly = (options.has('n') || options.has('N')) && !options.has('a') && !options.has('d')
  shell.out(`# ${config.values.mail_version}: ${config.file}\n`)
  for (const name of readingNames(changedOnly ? config : undefined)) shell.out(form(name, shown(name)))
  for (const problem of problems) shell.err(`doveconf: Warning: ${problem}\n`)
  return exit.ok
}

/** Where Dovecot keeps the ports. */
const listenerPorts: Readonly<Record<string, string>> = Object.fromEntries(
  ['imap', 'imaps', 'pop3', 'pop3s'].map((service) => [
    `service/${service.replace(/s$/, '')}-login/inet_listener/${service}/port`,
    `${service}_port`,
  ]),
)

const sharedWithDovecot = new Set(['recipient_delimiter', 'workers'])

/** Those of Dovecot, and of ours what is about reading; with a configuration only what it sets. */
function readingNames(setIn: Config | undefined): readonly string[] {
  return [...parameters]
    .filter(([name, { origin }]) =>
      origin === 'posthorn'
        ? /^(?:imap|pop3)/.test(name) || sharedWithDovecot.has(name)
        : origin !== 'postfix' || sharedWithDovecot.has(name),
    )
    .map(([name]) => name)
    .filter((name) => setIn?.isSet(name) ?? true)
    .sort()
}
