/**
 * Rewrites the addresses of a header field and nothing else: `To: root, "B" <bob>` → `To: root@o.org, "B"
 * <bob@o.org>`. Phrases, comments, folding and what is not understood stay octet for octet. RFC 5322 §3.4.
 */
export function rewriteAddressField(field: Buffer, rewrite: (address: string) => string): Buffer {
  const text = field.toString('latin1')
  const colon = text.indexOf(':')
  if (colon === -1) return field
  let done = 0
  let rewritten = ''
  for (const { start, end } of addressRanges(text, colon + 1)) {
    const address = text.slice(start, end)
    if (!isAddress(address)) continue
    const after = inOctets(address, rewrite)
    if (after === address) continue
    rewritten += text.slice(done, start) + after
    done = end
  }
  return done === 0 ? field : Buffer.from(rewritten + text.slice(done), 'latin1')
}

/** RFC 6532 §3.2: addresses in UTF-8. */
function inOctets(address: string, rewrite: (address: string) => string): string {
  const decoded = /[\x80-\xff]/.test(address) ? Buffer.from(address, 'latin1').toString('utf8') : address
  const after = rewrite(decoded)
  if (after === decoded) return address
  return /[^\x20-\x7e]/.test(after)
    ? Buffer.from(after.replace(/[\0-\x1f\x7f]/g, '')).toString('latin1')
    : after
}

/** RFC 5322 §3.2.3, §3.4.1: dot-atom, or quoted string with a domain. */
function isAddress(text: string): boolean {
  return (
    text.length <= 320 &&
    /^(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\x80-\xff-]+(?:@|$)|"[^"\\\r\n]+"@)(?:$|[A-Za-z0-9\x80-\xff[][A-Za-z0-9._:\x80-\xff\]-]*$)/.test(
      text,
    )
  )
}

interface Range {
  readonly start: number
  readonly end: number
}

/** What takes no part in the structure of a list is passed over at once: most of a field. */
const structure = /[\\"()<>[\]:,;]/g

function nextOfStructure(text: string, from: number): number {
  structure.lastIndex = from
  return structure.test(text) ? structure.lastIndex - 1 : text.length
}

/** Where an address may stand: between angle brackets, or between the commas of the list and of its groups. */
function addressRanges(text: string, from: number): readonly Range[] {
  const ranges: Range[] = []
  let item = new Item(from)
  for (let i = nextOfStructure(text, from); i < text.length; i = nextOfStructure(text, i + 1)) {
    const char = text[i]
    if (char === '\\') i++
    else if (item.quoted) item.quoted = char !== '"'
    else if (char === '(') {
      item.plainEnd ??= i
      item.depth++
    } else if (char === ')') item.depth = Math.max(0, item.depth - 1)
    else if (item.depth > 0) continue
    else if (char === '"') item.quoted = true
    else if (item.angle !== undefined && item.angleEnd === undefined) {
      if (char === '>') item.angleEnd = i
    } else if (char === '<') item.angle = i
    else if (char === '[') item.literal = true
    else if (char === ']') item.literal = false
    else if (char === ':' && !item.literal) item = new Item(i + 1)
    else if (char === ',' || char === ';') {
      item.addRange(text, i, ranges)
      item = new Item(i + 1)
    }
  }
  item.addRange(text, text.length, ranges)
  return ranges
}

class Item {
  readonly start: number
  quoted = false
  literal = false
  depth = 0
  angle: number | undefined
  angleEnd: number | undefined
  /** Before a comment. */
  plainEnd: number | undefined

  constructor(start: number) {
    this.start = start
  }

  addRange(text: string, end: number, ranges: Range[]): void {
    if (this.quoted) return
    if (this.angle !== undefined) {
      if (this.angleEnd !== undefined) ranges.push(trimmed(text, this.angle + 1, this.angleEnd))
    } else ranges.push(trimmed(text, this.start, this.plainEnd ?? end))
  }
}

function trimmed(text: string, from: number, to: number): Range {
  let start = from
  let end = to
  while (start < end && isBlank(text, start)) start++
  while (end > start && isBlank(text, end - 1)) end--
  return { start, end }
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a
}
