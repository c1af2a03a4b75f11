import { readFileSync } from 'node:fs'
import { errorCode, StartError } from '../start-error.ts'
import { checkConsistency } from './check-consistency.ts'
import { type Machine, thisMachine } from './computed.ts'
import type { Config } from './config.ts'
import { ConfigError } from './config-error.ts'
import { environmentSettings } from './environment.ts'
import { ExpansionError, namesIn } from './expand.ts'
import { foreignOwner, unknownText, unusedText } from './known.ts'
import { locateMainCf, type MainCfPlace } from './locate.ts'
import { type MainCf, parseMainCf } from './main-cf.ts'
import type { Parameter } from './schema/parameter.ts'
import { type ConfigValues, parameters } from './schema/schema.ts'
import { Settings, settingsOf } from './settings.ts'
import { parseValue, splitList, type Value, ValueError } from './value.ts'

export interface ConfigSources {
  /** `--config`: a file, or the folder of main.cf. */
  readonly configOption?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly machine?: Machine
}

/** Reads, checks and completes the configuration. Throws ConfigError with every fault found. */
export function loadConfig(sources: ConfigSources): Config {
  const { config, problems } = inspectConfig(sources)
  if (problems.length > 0) throw new ConfigError(problems, config.file)
  return config
}

/** As loadConfig, from a text that was in the file some time ago. */
export function loadConfigText(text: string, sources: ConfigSources): Config {
  const place = locateMainCf(sources.configOption, sources.environment)
  const { config, problems } = buildConfig(place, text, sources)
  if (problems.length > 0) throw new ConfigError(problems, config.file)
  return config
}

/** As loadConfig, for commands that must work with a faulty file: faulty values are the defaults. */
export function inspectConfig(sources: ConfigSources): {
  readonly config: Config
  readonly problems: readonly string[]
} {
  const place = locateMainCf(sources.configOption, sources.environment)
  return buildConfig(place, readMainCf(place), sources)
}

function readMainCf(place: MainCfPlace): string {
  try {
    return readFileSync(place.file, 'utf8')
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' && !place.named) return ''
    const reason = code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'permission denied' : code
    throw new StartError(
      `cannot read ${place.file}: ${reason}`,
      code === 'ENOENT'
        ? 'name an existing main.cf by --config or POSTHORN_CONFIG'
        : `make ${place.file} readable`,
      { cause: error },
    )
  }
}

/** From a text instead of a file: what `readMainCf` would have found. */
export function buildConfig(
  place: MainCfPlace,
  text: string,
  sources: ConfigSources,
): { readonly config: Config; readonly problems: readonly string[] } {
  const mainCf = parseMainCf(text)
  const file = place.file.slice(place.file.lastIndexOf('/') + 1)
  const fromEnvironment = environmentSettings(sources.environment)
  const { set, warnings } = settingsOf(mainCf, file, fromEnvironment.settings)
  const settings = new Settings(set, sources.machine ?? thisMachine(), place.folder)
  const problems = [
    ...mainCf.problems.map(({ line, message }) => `${file}:${line}: ${message}`),
    ...fromEnvironment.problems,
  ]
  const names = judgeNames(settings)
  problems.push(...names.problems)
  const values = readValues(settings, place.folder, problems)
  const config: Config = {
    file: place.file,
    folder: place.folder,
    source: text,
    values,
    warnings: [...warnings, ...names.warnings],
    restrictionClasses: restrictionClasses(settings, values),
    mainCf,
    setNames: [...set.keys()],
    isSet: (name) => set.has(name),
    raw: (name) => settings.raw(name),
    text: (name) => settings.text(name),
    defaultText: (name) => settings.defaultText(name),
  }
  const consistency = checkConsistency(config)
  problems.push(...consistency.problems)
  return { config: { ...config, warnings: [...config.warnings, ...consistency.warnings] }, problems }
}

/** Names that are neither ours nor used by a `$name` or as a restriction class. */
function judgeNames(settings: Settings): {
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
} {
  const problems: string[] = []
  const warnings: string[] = []
  const used = new Set(splitList(settings.raw('smtpd_restriction_classes') ?? ''))
  for (const { value } of settings.set.values()) for (const name of namesIn(value)) used.add(name)
  for (const { name, source } of settings.set.values()) {
    const parameter = parameters.get(name)
    if (parameter?.instead !== undefined)
      warnings.push(`${source}: ${name} has no effect: ${parameter.instead}`)
    if (parameter?.effect === 'later') warnings.push(`${source}: ${name} is accepted, and not in effect yet`)
    if (parameter !== undefined || used.has(name)) continue
    const owner = foreignOwner(name)
    if (owner === undefined) problems.push(`${source}: ${unknownText(name)}`)
    else warnings.push(`${source}: ${unusedText(name, owner)}`)
  }
  return { problems, warnings }
}

function readValues(settings: Settings, folder: string, problems: string[]): ConfigValues {
  const values: Record<string, Value> = {}
  for (const [name, parameter] of parameters) {
    const setting = settings.set.get(name)
    try {
      values[name] = parseValue(parameter, settings.text(name) ?? '', folder)
    } catch (error) {
      if (!(error instanceof ValueError || error instanceof ExpansionError)) throw error
      if (setting !== undefined)
        problems.push(`${setting.source}: ${name} = ${setting.value}: ${error.message}`)
      else if (!parameter.default.includes('$'))
        problems.push(`${name}: the default "${parameter.default}" cannot be read: ${error.message}`)
      values[name] = fallbackValue(parameter, settings, folder)
    }
  }
  return values as unknown as ConfigValues
}

function fallbackValue(parameter: Parameter, settings: Settings, folder: string): Value {
  try {
    return parseValue(parameter, parameter.default, folder)
  } catch {
    // A default that names a faulty parameter.
    return settings.raw(parameter.default.replace(/^\$/, '')) ?? ''
  }
}

function restrictionClasses(
  settings: Settings,
  values: ConfigValues,
): ReadonlyMap<string, readonly string[]> {
  const classes = new Map<string, readonly string[]>()
  for (const name of values.smtpd_restriction_classes) {
    try {
      classes.set(name, splitList(settings.text(name) ?? ''))
    } catch {
      classes.set(name, [])
    }
  }
  return classes
}

export type { Config, MainCf }
