import type { MainCf } from './main-cf.ts'
import type { MasterCf, ServiceOption } from './master-cf.ts'
import { type ConfigValues, type ParameterName, parameters } from './schema/schema.ts'
import type { Services } from './services.ts'
import type { Setting } from './settings.ts'

/** The texts that a configuration was read from: a worker must not read files that nobody has reloaded yet. */
export interface ConfigTexts {
  /** '' when there is no such file. */
  readonly mainCf: string
  /** undefined: there is no such file. */
  readonly masterCf: string | undefined
}

/** A configuration that has been read and found right. Immutable; a reload makes another. */
export interface Config {
  /** The main.cf it was read from; the file need not exist. */
  readonly file: string
  readonly folder: string
  readonly texts: ConfigTexts
  /** What the server was started with, as far as import_environment names it: for `environ:` tables and commands. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly values: ConfigValues
  /** What an administrator should know, each `main.cf:12: …`. */
  readonly warnings: readonly string[]
  /** smtpd_restriction_classes: name → its restrictions. */
  readonly restrictionClasses: ReadonlyMap<string, readonly string[]>
  readonly mainCf: MainCf
  /** undefined: there is no master.cf beside main.cf. */
  readonly masterCf: MasterCf | undefined
  /** Listeners and named transports. */
  readonly services: Services
  /** This configuration with the options of one service of master.cf before everything else. */
  withOptions(options: readonly ServiceOption[]): Config
  /** Everything that is wrong when these settings come before all others. */
  problemsWith(settings: readonly Setting[]): readonly string[]
  /** Set in main.cf or by the environment. */
  isSet(name: string): boolean
  /** As it stands, `$name` not filled in; the default when not set; undefined for an unknown name. */
  raw(name: string): string | undefined
  /** `$name` filled in. Throws ExpansionError. */
  text(name: string): string | undefined
  /** The default, `$name` not filled in. */
  defaultText(name: string): string | undefined
  /** Names set in main.cf or the environment, in order of the file, each once. */
  readonly setNames: readonly string[]
}

/** Which parameters differ, and which of them take effect only after a restart. */
export function compareConfigs(
  before: Config,
  after: Config,
): { readonly changed: readonly string[]; readonly needRestart: readonly string[] } {
  const changed = [...parameters.keys()].filter(
    (name) =>
      JSON.stringify(before.values[name as ParameterName]) !==
      JSON.stringify(after.values[name as ParameterName]),
  )
  const classes = new Set([...before.restrictionClasses.keys(), ...after.restrictionClasses.keys()])
  for (const name of classes) if (before.text(name) !== after.text(name)) changed.push(name)
  const needRestart = changed.filter((name) => parameters.get(name)?.change === 'restart')
  if (before.texts.masterCf !== after.texts.masterCf) changed.push('master.cf')
  if (listenersOf(before) !== listenersOf(after) && changed.includes('master.cf'))
    needRestart.push('master.cf')
  return { changed, needRestart }
}

/** Sockets are opened at the start; the options of a service are not. */
const listenersOf = ({ services }: Config): string =>
  JSON.stringify([
    ...services.smtp.map(({ key, kind, port, host, socket }) => [key, kind, port, host, socket]),
    ...services.reading.map(({ kind, port, host }) => [kind, port, host]),
  ])
