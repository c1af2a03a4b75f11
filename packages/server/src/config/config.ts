import type { MainCf } from './main-cf.ts'
import { type ConfigValues, type ParameterName, parameters } from './schema/schema.ts'

/** A configuration that has been read and found right. Immutable; a reload makes another. */
export interface Config {
  /** The main.cf it was read from; the file need not exist. */
  readonly file: string
  readonly folder: string
  /** The text of main.cf; '' when there is no such file. */
  readonly source: string
  readonly values: ConfigValues
  /** What an administrator should know, each `main.cf:12: …`. */
  readonly warnings: readonly string[]
  /** smtpd_restriction_classes: name → its restrictions. */
  readonly restrictionClasses: ReadonlyMap<string, readonly string[]>
  readonly mainCf: MainCf
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
  return { changed, needRestart: changed.filter((name) => parameters.get(name)?.change === 'restart') }
}
