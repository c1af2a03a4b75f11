import { existsSync, readFileSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { editMainCf, type MainCfEdit, writeConfigFile } from '../../config/edit-main-cf.ts'
import { ExpansionError, expand, namesIn } from '../../config/expand.ts'
import { foreignOwner, unknownText, unusedText } from '../../config/known.ts'
import { buildConfig, inspectConfig } from '../../config/load-config.ts'
import { locateMainCf } from '../../config/locate.ts'
import { oneLine } from '../../config/main-cf.ts'
import { namedByDefaults } from '../../config/older-names.ts'
import { parameters } from '../../config/schema/schema.ts'
import { serviceParameters } from '../../config/service-parameters.ts'
import { errorCode } from '../../start-error.ts'
import { getopt, type Options } from '../getopt.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import { postconfServices } from './services.ts'

const usage =
  'postconf [-a (server SASL types)] [-A (client SASL types)] [-b (bounce templates)] [-c config_dir] [-c param_class] [-d (parameter defaults)] [-e (edit configuration)] [-f (fold lines)] [-F (master.cf fields)] [-h (no names)] [-H (no values)] [-l (lock types)] [-m (map types)] [-M (master.cf)] [-n (non-default parameters)] [-o name=value (override parameter value)] [-p (main.cf, default)] [-P (master.cf parameters)] [-t (bounce templates)] [-T compile-version|run-version|public-key-algorithms] [-v (verbose)] [-x (expand parameter values)] [-X (exclude)] [-# (comment-out)] [name...]'

/** Shows and edits main.cf. Exit code 0 also for unknown names, with a warning: scripts rely on it. Postfix: postconf(1). */
export async function postconf(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, 'aAbc:C:defFhHlmMno:pPtT:vxX#', usage)
  const warn = (text: string) => shell.err(`postconf: warning: ${text}\n`)
  refusePairs(options)
  for (const flag of ['a', 'A', 'l', 'T']) {
    if (options.has(flag)) return listFor(flag, options, shell)
  }
  const sources = { configOption: options.value('c'), environment: withOverrides(options, shell) }
  if (['M', 'F', 'P'].some((flag) => options.has(flag)))
    return postconfServices(options, inspectConfig(sources).config, shell)
  if (options.has('b') || options.has('t')) return showTemplates(options, sources, shell)
  const edits = requestedEdits(options)
  if (edits !== undefined) return edit(edits, sources, warn)
  if (options.has('m')) return print(shell, (await import('@posthorn/mta')).tableTypes())
  const { config, problems } = inspectConfig(sources)
  const names = options.rest.length > 0 ? options.rest : namesFor(options, config)
  for (const name of names) {
    const value = isKnown(name, config) ? shownValue(name, options, config) : undefined
    if (value !== undefined) shell.out(line(name, value, options))
    else
      warn(
        foreignOwner(name) === undefined
          ? `${name}: unknown parameter`
          : unusedText(name, foreignOwner(name) ?? ''),
      )
  }
  if (!options.has('d')) for (const text of [...config.warnings, ...problems]) warn(text)
  return exit.ok
}

/** What cannot be asked for at once. */
const apart = [
  '-F -M',
  '-M -P',
  '-F -P',
  '-d -n',
  '-h -H',
  '-a -m',
  '-a -A',
  '-l -m',
  '-e -n',
  '-e -d',
  '-e -X',
  '-e -#',
  '-X -#',
  '-m -t',
  '-M -t',
  '-F -t',
  '-P -t',
]

/** What means nothing beside the texts of reports (-b, -t). */
const notBesideTemplates = ['d', 'e', 'f', 'h', 'H', 'n', 'x', 'X', '#']

function refusePairs(options: Options): void {
  const found = apart.find((pair) => pair.split(' ').every((flag) => options.has(flag.slice(1))))
  if (found !== undefined) throw new CommandError(`specify one of ${found}`)
  const shown = ['b', 't'].find((flag) => options.has(flag))
  const beside = notBesideTemplates.find((flag) => options.has(flag))
  if (shown === undefined) return
  if (beside !== undefined) throw new CommandError(`with option -${shown}, do not specify -${beside}`)
  if (options.rest.length > 1) throw new CommandError('options -b and -t require at most one template file')
}

/** `-t`: the template file, or the built-in texts in its form; `-b`: its texts as they are sent. */
async function showTemplates(
  options: Options,
  sources: Parameters<typeof inspectConfig>[0],
  shell: Shell,
): Promise<number> {
  const { config } = inspectConfig(sources)
  const [named = ''] = options.rest
  const file = named === '' ? config.values.bounce_template_file : named
  if (file !== '' && !existsSync(file)) {
    shell.err(`postfix/bounce: fatal: open ${file}: No such file or directory\n`)
    return exit.failure
  }
  const { bounceTemplates, builtTemplates, expandedTemplates } = await import(
    '../../services/bounce-templates.ts'
  )
  const templates = file === '' ? expandedTemplates(config, builtTemplates) : bounceTemplates(config, file)
  if (options.has('t')) shell.out(file === '' ? builtTemplates : readIfThere(file))
  else
    for (const [name, { text }] of Object.entries(templates ?? {}))
      shell.out(`expanded_${name}_text = <<EOF\n${text.join('\n')}\nEOF\n\n`)
  return exit.ok
}

function print(shell: Shell, lines: readonly string[]): number {
  for (const text of lines) shell.out(`${text}\n`)
  return exit.ok
}

function listFor(flag: string, options: Options, shell: Shell): number {
  if (flag === 'a' || flag === 'A') return print(shell, ['posthorn'])
  if (flag === 'T') {
    const what = options.value('T') ?? ''
    if (what === 'public-key-algorithms') return print(shell, ['ecdsa', 'rsa'])
    if (what === 'compile-version' || what === 'run-version')
      return print(shell, [`OpenSSL ${process.versions.openssl}`])
    shell.err(`postconf: warning: unknown 'postconf -T' mode: ${what}\n`)
    return exit.failure
  }
  // No file is locked: tables are replaced whole, and mail is in the store.
  return print(shell, ['none'])
}

/** `-o name=value` is a setting above all others: the environment is. */
function withOverrides(options: Options, shell: Shell): Readonly<Record<string, string | undefined>> {
  const overrides = options.values('o').map((setting) => {
    if (!setting.includes('='))
      throw new CommandError(`invalid parameter override: ${setting}: missing '=' after attribute name`)
    return splitSetting(setting)
  })
  return {
    ...shell.environment,
    ...Object.fromEntries(overrides.map(([name, value]) => [`POSTHORN_${name.toUpperCase()}`, value || ' '])),
  }
}

function namesFor(options: Options, config: Config): readonly string[] {
  if (options.has('n')) return config.setNames.filter((name) => isKnown(name, config)).sort()
  const group = options.value('C')
  if (group !== undefined) return namesOfClass(group, config)
  const all = new Set([...parameters.keys(), ...serviceParameters(config).keys()])
  if (!options.has('d')) for (const name of config.setNames) if (isKnown(name, config)) all.add(name)
  return [...all].sort()
}

/** `-C`: builtin, user (named by others in main.cf), service (of a transport), all. */
function namesOfClass(group: string, config: Config): readonly string[] {
  const service = [...serviceParameters(config).keys()]
  const isOwn = (name: string) => !parameters.has(name) && !service.includes(name)
  const set = config.setNames.filter((name) => isOwn(name) && isKnown(name, config))
  const user = set.filter((name) => foreignOwner(name) === undefined)
  const builtin = [...parameters.keys(), ...set.filter((name) => !user.includes(name))]
  const names = { builtin, user, service, all: [...new Set([...builtin, ...user, ...service])] }[group]
  if (names === undefined) throw new CommandError(`unknown -C option value "${group}" in "${group}"`)
  return names.toSorted()
}

/** Ours, Postfix's, or what something that counts names: `$name`, a restriction class. */
function isKnown(name: string, config: Config): boolean {
  return (
    parameters.has(name) ||
    foreignOwner(name) !== undefined ||
    serviceParameters(config).has(name) ||
    namedByDefaults.has(name) ||
    namedBySettings(config).has(name)
  )
}

/** Also by settings that nothing uses, as at the real one. */
function namedBySettings(config: Config): ReadonlySet<string> {
  const options = (config.masterCf?.services ?? []).flatMap((service) => service.options)
  const texts = [
    ...config.setNames.map((name) => config.raw(name) ?? ''),
    ...options.map(({ value }) => value),
  ]
  return new Set([...config.restrictionClasses.keys(), ...texts.flatMap((text) => namesIn(text))])
}

function shownValue(name: string, options: Options, config: Config): string | undefined {
  try {
    return rawOrExpanded(name, options, config)
  } catch (error) {
    if (error instanceof ExpansionError) throw new CommandError(`${name}: ${error.message}`)
    throw error
  }
}

function rawOrExpanded(name: string, options: Options, config: Config): string | undefined {
  const ofService = serviceParameters(config).get(name)
  const raw = (options.has('d') ? config.defaultText(name) : config.raw(name)) ?? ofService ?? unsetText(name)
  if (raw === undefined || !options.has('x') || parameters.get(name)?.raw) return raw
  if (!options.has('d') && config.raw(name) !== undefined) return config.text(name)
  return expand(raw, (other) => (options.has('d') ? config.defaultText(other) : config.text(other)))
}

/** What counts through a default, and is not set, is empty. */
const unsetText = (name: string): string | undefined =>
  namedByDefaults.has(name) && foreignOwner(name) === undefined ? '' : undefined

function line(name: string, value: string, options: Options): string {
  if (options.has('H')) return `${name}\n`
  const shown = oneLine(value)
  if (options.has('h')) return `${shown}\n`
  const text = shown === '' ? `${name} =` : `${name} = ${shown}`
  return `${options.has('f') ? fold(text) : text}\n`
}

/** Postfix: postconf -f, lines of at most 80 columns with four blanks before what continues. */
function fold(text: string): string {
  const lines: string[] = []
  let current = ''
  for (const word of text.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > 80) {
      lines.push(current)
      current = `    ${word}`
    } else current = current === '' ? word : `${current} ${word}`
  }
  return [...lines, current].join('\n')
}

function splitSetting(setting: string): [string, string] {
  const equals = setting.indexOf('=')
  const name = (equals === -1 ? setting : setting.slice(0, equals)).trim()
  if (equals === -1 || /\s/.test(name))
    throw new CommandError(`missing '=' after attribute name: "${setting.trim()}"`)
  if (name === '') throw new CommandError(`missing attribute name: "${setting.trim()}"`)
  if (name.startsWith('#')) throw new CommandError('-e, -X, or -# accepts no comment input')
  const value = setting.slice(equals + 1)
  if (/[\r\n]/.test(value.trim())) throw new CommandError(`-e accepts no multi-line input: "${name}"`)
  return [name, value.trim()]
}

/** `postconf name=value` edits without -e, as Postfix 2.8 and later. */
function requestedEdits(options: Options): readonly MainCfEdit[] | undefined {
  const names = (kind: 'remove' | 'comment', flag: string): readonly MainCfEdit[] => {
    if (options.rest.length === 0) throw new CommandError('missing service argument')
    return options.rest.map((name) => {
      if (name.includes('=')) throw new CommandError(`-${flag} accepts no name=value argument: "${name}"`)
      return { kind, name: name.trim() }
    })
  }
  if (options.has('X')) return names('remove', 'X')
  if (options.has('#')) return names('comment', '#')
  const editing = options.has('e') || (options.rest.some((word) => word.includes('=')) && !options.has('d'))
  if (!editing) return undefined
  if (options.rest.length === 0) throw new CommandError('-e requires name=value argument')
  return options.rest.map((setting) => {
    const [name, value] = splitSetting(setting)
    return { kind: 'set', name, value }
  })
}

function edit(
  edits: readonly MainCfEdit[],
  sources: Parameters<typeof inspectConfig>[0],
  warn: (text: string) => void,
): number {
  const { config } = inspectConfigForEdit(sources)
  const before = readIfThere(config.file)
  const after = editMainCf(before, edits)
  for (const name of after.repeated) warn(`${config.file}: multiple entries for "${name}"`)
  if (after.text !== before) writeConfigFile(config.file, after.text)
  const known = (name: string) =>
    parameters.has(name) || namedByDefaults.has(name) || foreignOwner(name) !== undefined
  for (const one of edits)
    if (one.kind === 'set' && !known(one.name)) warn(`${config.file}: ${unknownText(one.name)}`)
  const place = { file: config.file, folder: config.folder, named: false }
  const about = (text: string) => edits.some((one) => one.kind === 'set' && text.includes(` ${one.name} = `))
  for (const problem of buildConfig(place, after.text, sources).problems) if (about(problem)) warn(problem)
  return exit.ok
}

/** A main.cf that does not exist yet is made by the edit. */
function inspectConfigForEdit(sources: Parameters<typeof inspectConfig>[0]): { readonly config: Config } {
  const place = locateMainCf(sources.configOption, sources.environment)
  return buildConfig(place, readIfThere(place.file), sources)
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return ''
    throw new CommandError(`open ${file}: ${errorCode(error)}`)
  }
}
