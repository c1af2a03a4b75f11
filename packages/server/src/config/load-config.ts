import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, StartError } from '../start-error.ts'
import { checkConsistency } from './check-consistency.ts'
import { chosenEnvironment } from './chosen-environment.ts'
import { type Machine, thisMachine } from './computed.ts'
import type { Config, ConfigTexts } from './config.ts'
import { ConfigError } from './config-error.ts'
import { environmentSettings } from './environment.ts'
import { ExpansionError, namesIn } from './expand.ts'
import { foreignOwner, unknownText, unusedText } from './known.ts'
import { locateMainCf, type MainCfPlace } from './locate.ts'
import { type MainCf, parseMainCf } from './main-cf.ts'
import { type MasterCf, parseMasterCf } from './master-cf.ts'
import { namedByDefaults } from './older-names.ts'
import type { Parameter } from './schema/parameter.ts'
import { type ConfigValues, parameters } from './schema/schema.ts'
import { servicesOf } from './services.ts'
import { type Setting, Settings, settingsOf } from './settings.ts'
import { transportSuffixes } from './transport-parameters.ts'
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

/** As loadConfig, from texts that were in the files some time ago. */
export function loadConfigTexts(texts: ConfigTexts, sources: ConfigSources): Config {
  const place = locateMainCf(sources.configOption, sources.environment)
  const { config, problems } = buildConfig(place, texts, sources)
  if (problems.length > 0) throw new ConfigError(problems, config.file)
  return config
}

/** As loadConfig, for commands that must work with a faulty file: faulty values are the defaults. */
export function inspectConfig(sources: ConfigSources): {
  readonly config: Config
  readonly problems: readonly string[]
} {
  const place = locateMainCf(sources.configOption, sources.environment)
  return buildConfig(place, { mainCf: readMainCf(place), masterCf: readMasterCf(place) }, sources)
}

/** Where the services of main.cf's system are. */
export const masterCfFile = (place: { readonly folder: string }): string => join(place.folder, 'master.cf')

function readMasterCf(place: MainCfPlace): string | undefined {
  const file = masterCfFile(place)
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new StartError(`cannot read ${file}: ${code}`, `make ${file} readable`, { cause: error })
  }
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

/** From texts instead of files; a string is main.cf alone. */
export function buildConfig(
  place: MainCfPlace,
  given: string | ConfigTexts,
  sources: ConfigSources,
): { readonly config: Config; readonly problems: readonly string[] } {
  const texts = typeof given === 'string' ? { mainCf: given, masterCf: undefined } : given
  const masterCf = texts.masterCf === undefined ? undefined : parseMasterCf(texts.masterCf)
  const { config, problems } = readTexts(place, texts, sources, masterCf, [])
  const inServices = serviceProblems(config, problems)
  const warnings = [...config.warnings, ...config.services.warnings, ...inServices.warnings]
  return {
    config: { ...config, warnings },
    problems: [...problems, ...config.services.problems, ...inServices.problems],
  }
}

/** `overrides` come before main.cf and the environment: the `-o` of a service. */
function readTexts(
  place: MainCfPlace,
  texts: ConfigTexts,
  sources: ConfigSources,
  masterCf: MasterCf | undefined,
  overrides: readonly Setting[],
): { readonly config: Config; readonly problems: readonly string[] } {
  const mainCf = parseMainCf(texts.mainCf)
  const file = place.file.slice(place.file.lastIndexOf('/') + 1)
  const fromEnvironment = environmentSettings(sources.environment)
  const { set, warnings } = settingsOf(mainCf, file, [...fromEnvironment.settings, ...overrides])
  const settings = new Settings(set, sources.machine ?? thisMachine(), place.folder)
  const problems = [
    ...mainCf.problems.map(({ line, message }) => `${file}:${line}: ${message}`),
    ...fromEnvironment.problems,
  ]
  const names = judgeNames(settings, masterCf)
  problems.push(...names.problems)
  const values = readValues(settings, place.folder, problems)
  names.warnings.push(...undefinedNames(settings))
  const isSet = (name: string): boolean => set.has(name)
  const config: Config = {
    file: place.file,
    folder: place.folder,
    texts,
    environment: chosenEnvironment(values.import_environment, sources.environment),
    values,
    warnings: [...warnings, ...names.warnings],
    restrictionClasses: restrictionClasses(settings, values),
    mainCf,
    masterCf,
    services: servicesOf({ masterCf: overrides.length === 0 ? masterCf : undefined, values, isSet }),
    withOptions: (options) => {
      const own = options.map(({ name, value }) => ({ name, value, source: 'master.cf' }))
      return readTexts(place, texts, sources, masterCf, own).config
    },
    setNames: [...set.keys()],
    isSet,
    raw: (name) => settings.raw(name),
    text: (name) => settings.text(name),
    defaultText: (name) => settings.defaultText(name),
    problemsWith: (own) => readTexts(place, texts, sources, masterCf, own).problems,
  }
  const consistency = checkConsistency(config)
  problems.push(...consistency.problems.map((problem) => located(problem, set)))
  return { config: { ...config, warnings: [...config.warnings, ...consistency.warnings] }, problems }
}

/** With the line of the setting that it speaks of, where somebody has set it. */
function located(problem: string, set: ReadonlyMap<string, Setting>): string {
  const name = problem.match(/\w+/g)?.find((word) => set.has(word))
  return name === undefined ? problem : `${set.get(name)?.source}: ${problem}`
}

/** What is wrong with the `-o` of listeners, beyond what is wrong with main.cf. */
function serviceProblems(
  config: Config,
  known: readonly string[],
): { readonly problems: readonly string[]; readonly warnings: readonly string[] } {
  const problems: string[] = []
  const warnings: string[] = []
  for (const { key, line, options } of servicesWithOptions(config)) {
    const at = `master.cf:${line}: ${key}`
    const own = options.map((option) => ({ ...option, source: `${at}: -o` }))
    for (const problem of config.problemsWith(own)) {
      if (known.includes(problem)) continue
      problems.push(problem.startsWith('master.cf') ? problem : `${at}: ${problem}`)
    }
    for (const { name } of options) {
      const word = judgeOption(name, config)
      if (word !== undefined) warnings.push(`${at}: ${word}`)
    }
  }
  return { problems, warnings }
}

function servicesWithOptions({ services }: Config) {
  const listeners = services.smtp.flatMap(({ key, entry }) =>
    entry === undefined ? [] : [{ key, line: entry.line, options: entry.options }],
  )
  const transports = services.transports
    .filter(({ program }) => program === 'smtp' || program === 'lmtp')
    .map(({ name, line, options }) => ({ key: `${name}/unix`, line, options }))
  return [...listeners, ...transports].filter(({ options }) => options.length > 0)
}

/** An option that does nothing is told, one that others refer to is not. */
function judgeOption(name: string, config: Config): string | undefined {
  const parameter = parameters.get(name)
  if (parameter?.effect === 'later') return `${name} is accepted, and not in effect yet`
  if (parameter !== undefined) return undefined
  const owner = foreignOwner(name)
  if (owner !== undefined) return unusedText(name, owner)
  const named = (config.masterCf?.services ?? []).flatMap(({ options }) => options.map(({ value }) => value))
  return namedByDefaults.has(name) || named.some((value) => namesIn(value).includes(name))
    ? undefined
    : `unused parameter: ${unknownText(name)}`
}

/** Names that Postfix's own master.cf leaves to the site: `-o smtpd_client_restrictions=$mua_client_restrictions`. */
const sitesOwn = /^mua_(?:client|helo|sender|relay|recipient|data|end_of_data)_restrictions$/

/** `submission_smtpd_tls_mandatory_protocols`: a parameter of ours behind a word of the site's. */
const isSitesOwn = (name: string): boolean =>
  sitesOwn.test(name) ||
  (/^[a-z0-9]+_(smtpd?_.*)$/.test(name) && parameters.has(name.replace(/^[a-z0-9]+_/, '')))

/** Names that are neither ours nor used by a `$name` or as a restriction class. */
function judgeNames(
  settings: Settings,
  masterCf: MasterCf | undefined,
): {
  readonly problems: string[]
  readonly warnings: string[]
} {
  const problems: string[] = []
  const warnings: string[] = []
  const used = new Set(splitList(settings.raw('smtpd_restriction_classes') ?? ''))
  const options = (masterCf?.services ?? []).flatMap((service) => service.options)
  const transports = [
    'smtp',
    'relay',
    'lmtp',
    ...(masterCf?.services ?? []).map(({ fields }) => fields.service),
  ]
  for (const transport of transports)
    for (const suffix of transportSuffixes) used.add(`${transport}${suffix}`)
  for (const { value } of [...settings.set.values(), ...options])
    for (const name of namesIn(value)) used.add(name)
  for (const name of namedByDefaults) used.add(name)
  for (const { name, source } of settings.set.values()) {
    // The options of a service are judged with their line.
    if (source.startsWith('master.cf')) continue
    const parameter = parameters.get(name)
    if (parameter?.instead !== undefined)
      warnings.push(`${source}: ${name} has no effect: ${parameter.instead}`)
    if (parameter?.effect === 'later') warnings.push(`${source}: ${name} is accepted, and not in effect yet`)
    if (parameter !== undefined || used.has(name)) continue
    if (isSitesOwn(name)) {
      warnings.push(`${source}: unused parameter: ${name}: no service of master.cf names $${name}`)
      continue
    }
    const owner = foreignOwner(name)
    if (owner === undefined) problems.push(`${source}: ${unknownText(name)}`)
    else warnings.push(`${source}: ${unusedText(name, owner)}`)
  }
  return { problems, warnings }
}

/** Names that stand in a line of main.cf, and have no value: `relayhost = $mydomian`. Postfix: postconf(1). */
function undefinedNames(settings: Settings): readonly string[] {
  const warnings: string[] = []
  for (const { name, value, source } of settings.set.values()) {
    const isForeign = !parameters.has(name) && foreignOwner(name) !== undefined
    if (!value.includes('$') || isForeign || source.startsWith('master.cf')) continue
    const missing = new Set<string>()
    try {
      settings.text(name, (other) => missing.add(other))
    } catch (error) {
      if (error instanceof ExpansionError) continue
      throw error
    }
    // What another line lacks is said of that one.
    const own = namesIn(value)
    for (const other of missing)
      if (own.includes(other)) warnings.push(`${source}: undefined parameter: ${other}`)
  }
  return warnings
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
