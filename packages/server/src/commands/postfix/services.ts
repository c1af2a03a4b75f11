import { existsSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { writeConfigFile } from '../../config/edit-main-cf.ts'
import { editMasterCf, type MasterCfEdit, MasterCfEditError } from '../../config/edit-master-cf.ts'
import { ExpansionError, expand } from '../../config/expand.ts'
import { masterCfFile } from '../../config/load-config.ts'
import {
  formatService,
  parseMasterCf,
  type ServiceEntry,
  type ServiceField,
  serviceFields,
} from '../../config/master-cf.ts'
import type { Options } from '../getopt.ts'
import { CommandError, exit, type Shell } from '../shell.ts'

/** The ports of main.cf as lines of master.cf, for a system that has none. */
const built: readonly (readonly [parameter: string, wellKnown: number, name: string, command: string])[] = [
  ['smtp_port', 25, 'smtp', 'smtpd'],
  ['submission_port', 587, 'submission', `smtpd ${submission('submission', '')}`],
  [
    'submissions_port',
    465,
    'submissions',
    `smtpd ${submission('submissions', '-o smtpd_tls_wrappermode=yes ')}`,
  ],
  ['pop3_port', 110, 'pop3', 'pop3-login'],
  ['pop3s_port', 995, 'pop3s', 'pop3-login -o ssl=yes'],
  ['imap_port', 143, 'imap', 'imap-login'],
  ['imaps_port', 993, 'imaps', 'imap-login -o ssl=yes'],
]

/** What these ports do by themselves, in Debian's words. */
function submission(name: string, more: string): string {
  return `-o syslog_name=postfix/${name} ${more}-o smtpd_sasl_auth_enable=yes -o smtpd_client_restrictions= -o smtpd_helo_restrictions= -o smtpd_sender_restrictions= -o smtpd_relay_restrictions=permit_sasl_authenticated,reject -o smtpd_recipient_restrictions=`
}

function builtText(config: Config): string {
  const lines: string[] = []
  for (const [parameter, wellKnown, name, command] of built) {
    const service = [...config.services.smtp, ...config.services.reading].find((one) => one.key === parameter)
    if (service === undefined) continue
    lines.push(`${service.port === wellKnown ? name : service.port} inet n - n - - ${command}`)
  }
  return parseMasterCf(lines.join('\n'))
    .services.map((entry) => `${formatService(entry, 'folded')}\n`)
    .join('')
}

function masterText(config: Config): string {
  return config.texts.masterCf ?? builtText(config)
}

/** What each form asks for. */
const forms = {
  M: 'service_name[/type]',
  F: 'service_name[/type[/field]]',
  P: 'service_name[/type[/parameter]]',
} as const

/** What has no meaning with each form. */
const unfit = { M: [...'dhHnp'], F: [...'dnpX#'], P: [...'dnp#'] } as const

/** `postconf -M`, `-F` and `-P`, with -e, -X and -#. Postfix: postconf(1). */
export function postconfServices(options: Options, config: Config, shell: Shell): number {
  const form = options.has('M') ? 'M' : options.has('F') ? 'F' : 'P'
  for (const flag of unfit[form])
    if (options.has(flag)) throw new CommandError(`with option -${form}, do not specify -${flag}`)
  const hasSetting = options.rest.some((word) => word.includes('=')) && !options.has('d')
  if (options.has('e') || options.has('X') || options.has('#') || hasSetting) {
    if (options.rest.length === 0)
      throw new CommandError(
        options.has('e') ? '-e requires name=value argument' : 'missing service argument',
      )
    const { services } = parseMasterCf(masterText(config))
    const edits = options.rest.flatMap((word) => {
      const found = forEach(services, editOf(word, form, options))
      // What is to go and is not there is as asked for.
      if (found.length === 0 && (form !== 'M' || word.includes('=')))
        shell.err(`postconf: warning: unmatched service_name/type: "${word}"\n`)
      return found
    })
    edit(config, edits)
    return exit.ok
  }
  const { services, problems } = parseMasterCf(masterText(config))
  for (const { line, message } of problems) shell.err(`postconf: warning: master.cf:${line}: ${message}\n`)
  const patterns = options.rest.length > 0 ? options.rest : ['*']
  for (const pattern of patterns)
    if (pattern.split('/').length > forms[form].split('/').length)
      throw new CommandError(`-${form} option requires ${forms[form]}`)
  if (form === 'F') for (const pattern of patterns) refuseUnknownField(pattern.split('/')[2] ?? '*')
  for (const pattern of patterns) {
    const lines = services.flatMap((entry) => shown(entry, pattern, form, options, config))
    for (const line of lines) shell.out(`${line}\n`)
    if (lines.length === 0 && pattern !== '*')
      shell.err(`postconf: warning: unmatched request: "${pattern}"\n`)
  }
  return exit.ok
}

const matches = (pattern: string | undefined, text: string): boolean =>
  pattern === undefined || pattern === '' || pattern === '*' || pattern === text

function shown(
  entry: ServiceEntry,
  pattern: string,
  form: 'M' | 'F' | 'P',
  options: Options,
  config: Config,
): readonly string[] {
  const [service, type, third] = pattern.split('/')
  const { fields } = entry
  if (!matches(service, fields.service) || !matches(type, fields.type)) return []
  if (form === 'M') return [formatService(entry, options.has('f') ? 'folded' : 'line')]
  const rows =
    form === 'F'
      ? serviceFields.map((name) => [name, fields[name]] as const)
      : entry.options
          .map(
            ({ name, value }) => [name, options.has('x') ? expanded(value, entry, config) : value] as const,
          )
          .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return rows
    .filter(([name]) => matches(third, name))
    .map(([name, value]) => {
      const key = `${fields.service}/${fields.type}/${name}`
      if (options.has('H')) return key
      if (options.has('h')) return value
      return value === '' ? `${key} =` : `${key} = ${value}`
    })
}

function expanded(value: string, { fields }: ServiceEntry, config: Config): string {
  try {
    return expand(value, (name) => (name === 'service_name' ? fields.service : config.raw(name)))
  } catch (error) {
    if (error instanceof ExpansionError) return value
    throw error
  }
}

/** What each form needs to know what to change. */
const whole = {
  M: '-Me, -MX or -M# requires service_name/type',
  F: '-Fe or -FX requires service_name/type/field_name',
  P: '-Pe or -PX requires service_name/type/parameter',
} as const

function keyOf(text: string, form: 'M' | 'F' | 'P'): readonly [service: string, type: string, name: string] {
  const [service = '', type = '', name = '', ...more] = text.split('/')
  const isWhole = type !== '' && (form === 'M') === (name === '') && more.length === 0
  if (!isWhole) throw new CommandError(whole[form])
  return [service, type, name]
}

function editOf(word: string, form: 'M' | 'F' | 'P', options: Options): MasterCfEdit {
  const taking = options.has('X') ? 'remove' : options.has('#') ? 'comment' : undefined
  if (taking !== undefined) {
    if (word.includes('='))
      throw new CommandError(`-${form}${options.has('X') ? 'X' : '#'} accepts no "=": "${word}"`)
    const [service, type, name] = keyOf(word, form)
    if (form === 'M') return { kind: taking, key: `${service}/${type}` }
    return { kind: 'removeOption', key: `${service}/${type}`, name }
  }
  const equals = word.indexOf('=')
  if (equals === -1) throw new CommandError(`missing '=' after attribute name: "${word}"`)
  const value = word.slice(equals + 1).trim()
  const [service, type, name] = keyOf(word.slice(0, equals).trim(), form)
  const key = `${service}/${type}`
  if (form === 'M') return { kind: 'set', key, text: value }
  if (form === 'P') {
    if (/\s/.test(value)) throw new CommandError('-Pe does not accept whitespace in parameter value')
    return { kind: 'option', key, name, value }
  }
  refuseUnknownField(name)
  return { kind: 'field', key, field: name as ServiceField, value }
}

function refuseUnknownField(name: string): void {
  if (name !== '*' && !serviceFields.some((field) => field === name))
    throw new CommandError(`invalid service attribute name: "${name}"`)
}

/** An edit of `*` is one of each service that fits; of a service that is not there, none. Postfix: postconf -F, -P. */
function forEach(services: readonly ServiceEntry[], edit: MasterCfEdit): readonly MasterCfEdit[] {
  if (edit.kind === 'set') return [edit]
  const [service, type] = edit.key.split('/')
  return services
    .filter(({ fields }) => matches(service, fields.service) && matches(type, fields.type))
    .map(({ fields }) => ({ ...edit, key: `${fields.service}/${fields.type}` }))
}

function edit(config: Config, edits: readonly MasterCfEdit[]): void {
  const before = masterText(config)
  const file = masterCfFile(config)
  try {
    const after = editMasterCf(before, edits)
    const { problems } = parseMasterCf(after)
    const [problem] = problems
    if (problem !== undefined && parseMasterCf(before).problems.length < problems.length)
      throw new CommandError(problem.message)
    if (after !== before || !existsSync(file)) writeConfigFile(file, after)
  } catch (error) {
    if (error instanceof MasterCfEditError) throw new CommandError(error.message)
    throw error
  }
}
