import { wordsOf } from './braced-words.ts'

/** The eight columns of a line, as they stand. Postfix: master(5). */
export const serviceFields = [
  'service',
  'type',
  'private',
  'unprivileged',
  'chroot',
  'wakeup',
  'process_limit',
  'command',
] as const
export type ServiceField = (typeof serviceFields)[number]

export interface ServiceOption {
  readonly name: string
  readonly value: string
}

/** One service of master.cf. */
export interface ServiceEntry {
  /** Of its first line in the file; 1 is the first. */
  readonly line: number
  readonly fields: Readonly<Record<ServiceField, string>>
  /** First word of `command`: smtpd, pipe, cleanup. */
  readonly program: string
  /** Each `-o name=value`, in order. */
  readonly options: readonly ServiceOption[]
  /** The other words of `command`: `flags=R user=list argv=/usr/bin/x ${recipient}`, `-v`. */
  readonly args: readonly string[]
}

export interface MasterCf {
  readonly services: readonly ServiceEntry[]
  readonly problems: readonly { readonly line: number; readonly message: string }[]
}

export interface LogicalService {
  readonly text: string
  /** First and last line, from 0. */
  readonly first: number
  readonly last: number
}

const types = new Set(['inet', 'unix', 'fifo', 'pass', 'unix-dgram'])

/** Each service with the lines that it takes up; comments between them belong to none. */
export function logicalServices(text: string): readonly LogicalService[] {
  const found: { text: string; first: number; last: number }[] = []
  for (const [index, physical] of text.split('\n').entries()) {
    const visible = physical.trim()
    if (visible === '' || visible.startsWith('#')) continue
    const last = found.at(-1)
    if (/^[ \t]/.test(physical) && last !== undefined) {
      last.text += ` ${visible}`
      last.last = index
    } else found.push({ text: visible, first: index, last: index })
  }
  return found
}

/** Reads master.cf. A faulty line is a problem, and leaves its service out. Postfix: master(5). */
export function parseMasterCf(text: string): MasterCf {
  const services: ServiceEntry[] = []
  const problems: { line: number; message: string }[] = []
  const seen = new Set<string>()
  for (const { text: logical, first } of logicalServices(text)) {
    const line = first + 1
    const service = parseService(logical, line)
    if (typeof service === 'string') {
      problems.push({ line, message: service })
      continue
    }
    const key = `${service.fields.service}/${service.fields.type}`
    if (seen.has(key)) problems.push({ line, message: `service ${key} is there twice` })
    else services.push(service)
    seen.add(key)
  }
  return { services, problems }
}

/** A service, or what is wrong with the line. */
export function parseService(text: string, line: number): ServiceEntry | string {
  const words = wordsOf(text)
  if (words === undefined) return `missing '}' in "${text}"`
  if (words.length < 8) return `bad field count: "${text}"`
  const fields = Object.fromEntries(
    serviceFields.map((name, at) => [name, at === 7 ? words.slice(7).join(' ') : (words[at] ?? '')]),
  ) as Record<ServiceField, string>
  const wrong = wrongField(fields)
  if (wrong !== undefined) return wrong
  const rest = commandLine(words.slice(8))
  if (typeof rest === 'string') return rest
  const command = words.slice(7).map((word, at) => (words[at + 6] === '-o' ? tidyBraces(word) : word))
  return { line, fields: { ...fields, command: command.join(' ') }, program: words[7] ?? '', ...rest }
}

function wrongField(fields: Readonly<Record<ServiceField, string>>): string | undefined {
  if (!types.has(fields.type)) return `invalid transport type: ${fields.type}`
  for (const name of ['private', 'unprivileged', 'chroot'] as const)
    if (!/^[yn-]$/.test(fields[name])) return `invalid "${name}" field: ${fields[name]}: y, n or -`
  if (!/^(?:-|\d{1,9}\??)$/.test(fields.wakeup)) return `invalid "wakeup" field: ${fields.wakeup}`
  if (!/^(?:-|\d{1,9})$/.test(fields.process_limit))
    return `invalid "process limit" field: ${fields.process_limit}`
  return undefined
}

/** `-o name=value`, `-oname=value`, `-o { name = value }`; the rest is the program's. */
function commandLine(
  words: readonly string[],
): { readonly options: readonly ServiceOption[]; readonly args: readonly string[] } | string {
  const options: ServiceOption[] = []
  const args: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    // What follows belongs to a program that pipe(8) starts.
    if (word.startsWith('argv=')) {
      args.push(...words.slice(at))
      break
    }
    if (!word.startsWith('-o')) {
      args.push(word)
      continue
    }
    const given = word.length > 2 ? word.slice(2) : words[++at]
    if (given === undefined) return '-o requires name=value'
    const option = optionOf(given)
    if (option === undefined) return `-o ${given}: expected name=value`
    options.push(option)
  }
  return { options, args }
}

function optionOf(text: string): ServiceOption | undefined {
  const inside = /^\{(.*)\}$/s.exec(text)?.[1] ?? text
  const equals = inside.indexOf('=')
  const name = inside.slice(0, Math.max(0, equals)).trim()
  if (equals === -1 || name === '' || /\s/.test(name)) return undefined
  return { name, value: inside.slice(equals + 1).trim() }
}

const columns = [0, 11, 17, 25, 33, 41, 49, 57]

/** As `postconf -M` prints it; `folded`: each option on a line of its own (`-f`). */
export function formatService(entry: ServiceEntry, shape: 'line' | 'folded'): string {
  let text = ''
  for (const [at, name] of serviceFields.entries()) {
    const column = columns[at] ?? 0
    if (at > 0) text = text.padEnd(column - 1).concat(' ')
    text += at === 7 ? entry.program : entry.fields[name]
  }
  const words = wordsOf(entry.fields.command)?.slice(1) ?? []
  let width = text.length
  const add = (word: string, place: 'fits' | 'new'): void => {
    const breaks = shape === 'folded' && (place === 'new' || width + 1 + word.length >= 80)
    text += breaks ? `\n    ${word}` : ` ${word}`
    width = breaks ? 4 + word.length : width + 1 + word.length
  }
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const next = words[at + 1]
    if (word === '-o' && next !== undefined) {
      add(`-o ${tidyBraces(next)}`, 'new')
      at++
    } else add(word, 'fits')
  }
  return text
}

/** `{ name = value }` in its shortest form. */
function tidyBraces(word: string): string {
  const option = word.startsWith('{') ? optionOf(word) : undefined
  return option === undefined ? word : `{${option.name}=${option.value}}`
}
