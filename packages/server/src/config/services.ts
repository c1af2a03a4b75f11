import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { closest } from '@posthorn/mta/closest'
import type { MasterCf, ServiceEntry, ServiceOption } from './master-cf.ts'
import type { ConfigValues } from './schema/schema.ts'

export type SmtpKind = 'mx' | 'submission' | 'submissions' | 'lmtp'
export type ReadingKind = 'imap' | 'imaps' | 'pop3' | 'pop3s'

/** A place where the server listens for SMTP. */
export interface SmtpListenerService {
  /** `submission/inet`, or the parameter that asks for it. */
  readonly key: string
  readonly kind: SmtpKind
  readonly port: number
  /** undefined: where inet_interfaces says. */
  readonly host: string | undefined
  /** A UNIX socket in the place of host and port, and who may connect to it. */
  readonly socket?: { readonly path: string; readonly access: 'owner' | 'everybody' }
  /** undefined: no master.cf, the port's own rules hold. */
  readonly entry: ServiceEntry | undefined
}

export interface ReadingListenerService {
  readonly key: string
  readonly kind: ReadingKind
  readonly port: number
  readonly host: string | undefined
}

/** A line of master.cf that delivers mail: transport_maps may name it. */
export interface TransportService {
  readonly name: string
  readonly program: 'smtp' | 'lmtp' | 'pipe' | 'error' | 'discard' | 'local' | 'virtual'
  /** undefined: no limit of its own. */
  readonly processLimit: number | undefined
  readonly options: readonly ServiceOption[]
  readonly args: readonly string[]
  readonly line: number
}

/** A program that is started for each connection. Postfix: spawn(8). */
export interface SpawnService {
  readonly name: string
  readonly place: { readonly path: string } | { readonly host: string; readonly port: number }
  readonly user: string
  readonly argv: readonly string[]
  readonly processLimit: number
}

export interface Services {
  readonly spawn: readonly SpawnService[]
  readonly smtp: readonly SmtpListenerService[]
  readonly reading: readonly ReadingListenerService[]
  readonly transports: readonly TransportService[]
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

export interface ServicesInput {
  /** undefined: there is no such file. */
  readonly masterCf: MasterCf | undefined
  readonly values: ConfigValues
  readonly isSet: (name: string) => boolean
}

const ports: Readonly<Record<string, number>> = {
  smtp: 25,
  lmtp: 24,
  submission: 587,
  submissions: 465,
  smtps: 465,
  pop3: 110,
  pop3s: 995,
  imap: 143,
  imap2: 143,
  imaps: 993,
}

/** Programs whose work is done inside: their lines are read and need not be there. */
const inside = new Set(
  'anvil bounce cleanup dnsblog flush local oqmgr pickup postlogd proxymap qmgr scache showq smtpd tlsmgr tlsproxy trivial-rewrite verify virtual error retry discard lmtp smtp pipe postscreen'.split(
    ' ',
  ),
)

const wellKnown = [
  { parameter: 'smtp_port', names: ['smtp', '25'], kind: 'mx' },
  { parameter: 'submission_port', names: ['submission', '587'], kind: 'submission' },
  { parameter: 'submissions_port', names: ['submissions', 'smtps', '465'], kind: 'submissions' },
] as const

const readingParameters = [
  ['imap', 'imap_port'],
  ['imaps', 'imaps_port'],
  ['pop3', 'pop3_port'],
  ['pop3s', 'pop3s_port'],
] as const

/** Where the server listens and which transports have names: master.cf where there is one, the ports of main.cf otherwise. */
export function servicesOf(input: ServicesInput): Services {
  const found = {
    smtp: [] as SmtpListenerService[],
    reading: [] as ReadingListenerService[],
    transports: [] as TransportService[],
    spawn: [] as SpawnService[],
    problems: [] as string[],
    warnings: [] as string[],
  }
  const { masterCf, values } = input
  for (const { line, message } of masterCf?.problems ?? [])
    found.problems.push(`master.cf:${line}: ${message}`)
  for (const entry of masterCf?.services ?? []) {
    if (values.master_service_disable.includes(`${entry.fields.service}/${entry.fields.type}`)) continue
    if (entry.program === 'spawn') addSpawn(entry, values, found)
    else if (entry.fields.type === 'inet') addListener(entry, input, found)
    else if (entry.fields.type === 'unix' && /^(?:smtpd|lmtpd)$/.test(entry.program))
      found.smtp.push(socketListener(entry, values))
    else addInside(entry, found)
  }
  for (const { parameter, kind, names } of wellKnown) {
    const named = (masterCf?.services ?? []).some(
      ({ fields }) => fields.type === 'inet' && names.some((name) => serviceName(fields.service) === name),
    )
    // Beside a master.cf a port counts where somebody has set it.
    const taken = found.smtp.some(({ port }) => port === values[parameter])
    if (named || taken || values[parameter] === 0 || (masterCf !== undefined && !input.isSet(parameter)))
      continue
    found.smtp.push({ key: parameter, kind, port: values[parameter], host: undefined, entry: undefined })
  }
  for (const [kind, parameter] of readingParameters) {
    if (values[parameter] === 0 || found.reading.some((one) => one.kind === kind)) continue
    found.reading.push({ key: parameter, kind, port: values[parameter], host: undefined })
  }
  // Dovecot 1 had imaps and pop3s, too.
  const protocols = new Set(
    values.protocols.map((name) => name.toLowerCase().replace(/^(imap|pop3)s$/, '$1')),
  )
  const lmtp = protocols.has('lmtp') && values.lmtp_port !== 0
  if (lmtp && !found.smtp.some(({ kind }) => kind === 'lmtp'))
    for (const host of values.lmtp_listen)
      found.smtp.push({
        key: `lmtp_port ${host}`,
        kind: 'lmtp',
        port: values.lmtp_port,
        host,
        entry: undefined,
      })
  found.reading = found.reading.filter(
    ({ kind }) => protocols.has(kind.slice(0, 4)) && (values.ssl !== 'no' || !kind.endsWith('s')),
  )
  return found
}

/** Without the host before it. */
const serviceName = (text: string): string => text.slice(text.lastIndexOf(':') + 1)

/** `smtp`, `587`, `127.0.0.1:submission`, `[::1]:25`. */
function placeOf(text: string): { readonly host: string | undefined; readonly port: number | undefined } {
  const name = serviceName(text)
  const host = text
    .slice(0, text.length - name.length)
    .replace(/:$/, '')
    .replace(/^\[(.*)\]$/, '$1')
  return {
    host: host === '' ? undefined : host,
    port: /^\d{1,5}$/.test(name) ? Number(name) : portByName(name),
  }
}

function portByName(name: string): number | undefined {
  const known = ports[name]
  if (known !== undefined) return known
  try {
    for (const line of readFileSync('/etc/services', 'utf8').split('\n')) {
      const [first, port = '', ...aliases] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/)
      if (port.endsWith('/tcp') && (first === name || aliases.includes(name)))
        return Number.parseInt(port, 10)
    }
  } catch {
    // A machine without the file knows no other names.
  }
  return undefined
}

type Found = { -readonly [K in keyof Services]: Services[K] extends readonly (infer T)[] ? T[] : never }

function addListener(entry: ServiceEntry, { values, isSet }: ServicesInput, found: Found): void {
  const { service } = entry.fields
  const key = `${service}/inet`
  const at = `master.cf:${entry.line}: ${key}`
  const { host, port: written } = placeOf(service)
  if (written === undefined || written > 65535) {
    found.problems.push(`${at}: unknown port name "${serviceName(service)}"`)
    return
  }
  const { program } = entry
  const reading = readingKind(program, written, entry)
  if (reading !== undefined) {
    const parameter = `${reading}_port` as const
    const port = isSet(parameter) ? values[parameter] : written
    if (port !== 0) found.reading.push({ key, kind: reading, port, host })
    return
  }
  if (program !== 'smtpd' && program !== 'postscreen' && program !== 'lmtpd') {
    found.warnings.push(`${at}: ${notHere(program)}`)
    return
  }
  const name = serviceName(service)
  const parameter = wellKnown.find(({ names }) => names.some((one) => one === name))?.parameter
  // A port of main.cf that somebody has set moves the service of that name.
  const port = parameter !== undefined && isSet(parameter) ? values[parameter] : written
  if (port !== 0) found.smtp.push({ key, kind: smtpKind(entry, written), port, host, entry })
}

function socketPath({ fields: { service, private: mode } }: ServiceEntry, folder: string): string {
  return service.startsWith('/') ? service : join(folder, mode === 'n' ? 'public' : 'private', service)
}

/** `policyd-spf unix - n n - 0 spawn user=policyd-spf argv=/usr/bin/policyd-spf`. */
function addSpawn(entry: ServiceEntry, values: ConfigValues, found: Found): void {
  const { fields, args, line } = entry
  const at = `master.cf:${line}: ${fields.service}/${fields.type}`
  const argvAt = args.findIndex((word) => word.startsWith('argv='))
  const user = (args.find((word) => word.startsWith('user=')) ?? '').slice('user='.length)
  const argv = argvAt === -1 ? [] : [(args[argvAt] ?? '').slice('argv='.length), ...args.slice(argvAt + 1)]
  if (!argv[0]?.startsWith('/') || user === '') {
    found.problems.push(`${at}: spawn needs user= and argv=/path`)
    return
  }
  const { host, port } = placeOf(fields.service)
  if (fields.type === 'inet' && port === undefined) {
    found.problems.push(`${at}: unknown port name "${serviceName(fields.service)}"`)
    return
  }
  const limit = Number.parseInt(fields.process_limit, 10)
  found.spawn.push({
    name: fields.service,
    place:
      fields.type === 'inet'
        ? { host: host ?? '127.0.0.1', port: port ?? 0 }
        : { path: socketPath(entry, values.queue_directory) },
    user,
    argv,
    processLimit: limit > 0 ? limit : values.default_process_limit,
  })
}

/** master.cf(5): below $queue_directory, in `private` or `public`; a whole path is taken as it is. */
function socketListener(entry: ServiceEntry, { queue_directory: folder }: ConfigValues): SmtpListenerService {
  const { service } = entry.fields
  const isPublic = entry.fields.private === 'n'
  const path = socketPath(entry, folder)
  return {
    key: `${service}/unix`,
    kind: entry.program === 'lmtpd' ? 'lmtp' : 'mx',
    port: 0,
    host: undefined,
    socket: { path, access: isPublic ? 'everybody' : 'owner' },
    entry,
  }
}

const isOn = (entry: ServiceEntry, name: string): boolean =>
  entry.options.findLast((option) => option.name === name)?.value.toLowerCase() === 'yes'

function smtpKind(entry: ServiceEntry, port: number): SmtpKind {
  if (entry.program === 'lmtpd') return 'lmtp'
  if (isOn(entry, 'smtpd_tls_wrappermode')) return 'submissions'
  return port === 587 ? 'submission' : 'mx'
}

/** Dovecot's programs: `imaps inet n - n - - imap-login`, TLS by the port's name or `-o ssl=yes`. */
function readingKind(program: string, port: number, entry: ServiceEntry): ReadingKind | undefined {
  const protocol = program === 'imap-login' || program === 'imap' ? 'imap' : program.replace(/-login$/, '')
  if (protocol !== 'imap' && protocol !== 'pop3') return undefined
  return port === ports[`${protocol}s`] || isOn(entry, 'ssl') ? `${protocol}s` : protocol
}

function notHere(program: string): string {
  if (program === 'qmqpd') return 'qmqpd is not available: QMQP clients can speak SMTP'
  const close = closest(program, ['smtpd', 'postscreen', 'lmtpd', 'imap-login', 'pop3-login'])
  return `the program "${program}" is not available${close === undefined ? '' : `; did you mean "${close}"?`}`
}

const transportPrograms = new Set(['smtp', 'lmtp', 'pipe', 'error', 'discard', 'local', 'virtual'])

function addInside(entry: ServiceEntry, found: Found): void {
  const { program, fields, options, args, line } = entry
  const at = `master.cf:${line}: ${fields.service}/${fields.type}`
  if (fields.type === 'unix' && transportPrograms.has(program)) {
    if (program === 'pipe' && !args.some((word) => word.startsWith('argv=')))
      found.problems.push(`${at}: missing argv= of pipe`)
    const idle = options.filter(({ name }) => name !== 'syslog_name').map(({ name }) => name)
    if (idle.length > 0 && program !== 'smtp' && program !== 'lmtp')
      found.warnings.push(`${at}: -o ${idle.join(', ')}: ${program} has no options here`)
    const limit = Number.parseInt(fields.process_limit, 10)
    found.transports.push({
      name: fields.service,
      program: program as TransportService['program'],
      processLimit: Number.isNaN(limit) || limit === 0 ? undefined : limit,
      options,
      args,
      line,
    })
  } else if (!inside.has(program)) found.warnings.push(`${at}: ${notHere(program)}`)
}
