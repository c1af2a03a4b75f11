/** The first words of a message. RFC 8970 §4.1. */
import {
  createCharsetDecoder,
  decodeCharset,
  decodeTransfer,
  type Part,
  parameterText,
  type SinglePart,
} from '@posthorn/mail'

/** RFC 8970 §4.1: characters. */
const maxCharacters = 200

/** The first text that a reader would see: plain text, else HTML; never an attachment. */
export function previewPart(root: Part): SinglePart | undefined {
  let html: SinglePart | undefined
  const open: Part[] = [root]
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    if (part.kind === 'multipart') {
      // What is encrypted has nothing to show.
      if (part.subtype !== 'encrypted') open.push(...part.children.toReversed())
    } else if (part.kind === 'text' && part.disposition?.type.toLowerCase() !== 'attachment') {
      if (part.subtype === 'html') html ??= part
      else if (part.subtype === 'plain') return part
    }
  }
  return html
}

/** Mostly enough of them; the words at their end may be cut. */
const firstOctets = 4 * 1024
const mayBeCut = 16

/** @param octets of the part's body, or its beginning */
export function previewText(part: Part, octets: Uint8Array): string {
  if (part.kind !== 'text') return ''
  const charset = parameterText(part.parameters, 'charset') ?? ''
  const isLong = octets.length > firstOctets
  let words = isLong ? wordsOf(part, firstText(part, octets.subarray(0, firstOctets), charset)) : []
  if (words.length < maxCharacters + mayBeCut)
    words = wordsOf(part, decodeCharset(decodeTransfer(octets, part.encoding), charset))
  return words.slice(0, maxCharacters).join('').trim().toWellFormed()
}

/** A character that is cut is left out. */
function firstText({ encoding }: SinglePart, octets: Uint8Array, charset: string): string {
  return createCharsetDecoder(charset).push(decodeTransfer(octets, encoding))
}

/** The first characters, and some more. */
function wordsOf({ subtype }: SinglePart, text: string): string[] {
  const most = 2 * (maxCharacters + mayBeCut)
  let line = ''
  for (const [word] of (subtype === 'html' ? textOfHtml(text) : text).matchAll(/[^\s\p{Cc}]+/gu)) {
    line += line === '' ? word : ` ${word}`
    if (line.length >= most) break
  }
  return [...line.slice(0, most)]
}

const hiddenElements = ['head', 'style', 'script', 'title']

/** Tags become blanks, hidden elements go. Reads on from each tag's end: linear. */
function textOfHtml(html: string): string {
  const lower = html.toLowerCase()
  const parts: string[] = []
  let at = 0
  for (let open = html.indexOf('<'); open >= 0; open = html.indexOf('<', at)) {
    parts.push(html.slice(at, open), ' ')
    at = tagEnd(lower, open)
  }
  parts.push(html.slice(at))
  return parts
    .join('')
    .replace(/&(#?[a-z0-9]{1,8});/gi, (entity, name: string) => characterOf(name) ?? entity)
}

function tagEnd(lower: string, open: number): number {
  if (lower.startsWith('<!--', open)) return endOf(lower, '-->', open)
  for (const name of hiddenElements) {
    if (lower.startsWith(name, open + 1) && !/[a-z0-9]/.test(lower[open + 1 + name.length] ?? ''))
      return endOf(lower, `</${name}>`, open)
  }
  return endOf(lower, '>', open)
}

function endOf(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from)
  return at < 0 ? text.length : at + what.length
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
}

function characterOf(name: string): string | undefined {
  if (!name.startsWith('#')) return Object.hasOwn(entities, name) ? entities[name] : undefined
  const hex = name[1] === 'x' || name[1] === 'X'
  const code = Number.parseInt(name.slice(hex ? 2 : 1), hex ? 16 : 10)
  return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
    ? String.fromCodePoint(code)
    : undefined
}
