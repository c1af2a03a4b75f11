/** Messages that are made from a tree of parts, so that it is known what FETCH must say of them. */
import { oneOf, type Random } from './random.ts'

export interface MimePart {
  /** With the empty line. */
  readonly header: string
  readonly body: string
  readonly kind: 'text' | 'other' | 'multipart' | 'message'
  readonly type: string
  readonly subtype: string
  /** Of a multipart; of a message the one part that it is. */
  readonly children: readonly MimePart[]
  readonly subject: string | undefined
}

const lines = [
  'text',
  '',
  '--',
  '-- ',
  '--b',
  '--=_',
  '.',
  '. x',
  'From x',
  'a=3D',
  '\u00fc',
  ' ',
  'x'.repeat(80),
]

function randomText(random: Random): string {
  return Array.from({ length: random(5) }, () => oneOf(random, lines)).join('\r\n')
}

/** @param message 'message': with the fields of one */
export function makePart(random: Random, depth: number, message: 'message' | 'part'): MimePart {
  const subject = message === 'message' && random(3) > 0 ? `s${random(1000)}` : undefined
  const fields = `${subject === undefined ? '' : `Subject: ${subject}\r\n`}${oneOf(random, ['', 'X-Odd: 1\r\n'])}`
  const kind = depth >= 5 ? random(2) : random(6)
  if (kind < 2) {
    const [type, subtype] = kind === 0 ? ['text', oneOf(random, ['plain', 'html'])] : ['application', 'pdf']
    const header = `${fields}Content-Type: ${type}/${subtype}\r\n\r\n`
    return {
      header,
      body: randomText(random),
      kind: kind === 0 ? 'text' : 'other',
      type,
      subtype,
      children: [],
      subject,
    }
  }
  if (kind === 2) {
    const child = makePart(random, depth + 1, 'message')
    const header = `${fields}Content-Type: message/rfc822\r\n\r\n`
    const body = child.header + child.body
    return { header, body, kind: 'message', type: 'message', subtype: 'rfc822', children: [child], subject }
  }
  const subtype = oneOf(random, ['mixed', 'alternative', 'related', 'digest'])
  const boundary = `=_${depth}.${random(1_000_000)}`
  const children = Array.from({ length: 1 + random(3) }, () => makePart(random, depth + 1, 'part'))
  const parts = children.map((child) => `--${boundary}\r\n${child.header}${child.body}\r\n`)
  const around = [
    oneOf(random, ['', 'preamble\r\n', '\r\n']),
    oneOf(random, ['', 'epilogue', '\r\n--=_x\r\n']),
  ]
  const body = `${around[0]}${parts.join('')}--${boundary}--${oneOf(random, ['', ' \t'])}\r\n${around[1]}`
  const header = `${fields}Content-Type: multipart/${subtype}; boundary="${boundary}"\r\n\r\n`
  return { header, body, kind: 'multipart', type: 'multipart', subtype, children, subject }
}

const newlines = (text: string): number => text.split('\n').length - 1

/** BODY, as RFC 9051 §7.5.2 writes it; parameters and the fields that these messages lack left out. */
export function structureOf(part: MimePart): string {
  const { body, subtype, type } = part
  if (part.kind === 'multipart') return `(${part.children.map(structureOf).join('')} "${subtype}")`
  const octets = Buffer.byteLength(body, 'latin1')
  const head = `"${type}" "${subtype}" ${part.kind === 'text' ? '("charset" "us-ascii")' : 'NIL'} NIL NIL "7bit" ${octets}`
  if (part.kind === 'other') return `(${head})`
  if (part.kind === 'text') return `(${head} ${newlines(body)})`
  const [child] = part.children as [MimePart]
  const subject = child.subject === undefined ? 'NIL' : `"${child.subject}"`
  const envelope = `(NIL ${subject} NIL NIL NIL NIL NIL NIL NIL NIL)`
  return `(${head} ${envelope} ${structureOf(child)} ${newlines(body)})`
}

/** Every section that the message has, with its octets. RFC 9051 §6.4.5.1. */
export function sectionsOf(message: MimePart): Map<string, string> {
  const sections = new Map([
    ['', message.header + message.body],
    ['HEADER', message.header],
    ['TEXT', message.body],
  ])
  addContent(sections, message, '')
  return sections
}

/** The parts of a message, or of a part that is one. */
function addContent(sections: Map<string, string>, message: MimePart, prefix: string): void {
  if (message.kind !== 'multipart') addPart(sections, message, `${prefix}1`, message.header)
  else addChildren(sections, message, prefix)
}

function addPart(sections: Map<string, string>, part: MimePart, number: string, header: string): void {
  sections.set(number, part.body)
  sections.set(`${number}.MIME`, header)
  if (part.kind === 'message') {
    const [child] = part.children as [MimePart]
    sections.set(`${number}.HEADER`, child.header)
    sections.set(`${number}.TEXT`, child.body)
    addContent(sections, child, `${number}.`)
  } else if (part.kind === 'multipart') addChildren(sections, part, `${number}.`)
}

function addChildren(sections: Map<string, string>, { children }: MimePart, prefix: string): void {
  for (const [at, child] of children.entries()) addPart(sections, child, `${prefix}${at + 1}`, child.header)
}
