/** A record of a master file: the class is IN, names are lower case without the final dot. */
export interface ZoneRecord {
  readonly name: string
  readonly type: string
  readonly ttlMs: number
  /** Fields as written; names are made absolute, strings have their quotes removed. */
  readonly fields: readonly string[]
}

export class ZoneFileError extends Error {
  readonly line: number
  constructor(line: number, message: string) {
    super(`zone file, line ${line}: ${message}`)
    this.name = 'ZoneFileError'
    this.line = line
  }
}

interface Token {
  readonly text: string
  readonly quoted: boolean
}

interface Line {
  readonly number: number
  readonly startsBlank: boolean
  readonly tokens: readonly Token[]
}

/** Which fields of a type's data are names. */
const nameFields: Readonly<Record<string, readonly number[]>> = {
  A: [],
  AAAA: [],
  MX: [1],
  TXT: [],
  PTR: [0],
  CNAME: [0],
  NS: [0],
  SOA: [0, 1],
  TLSA: [],
  SRV: [3],
  FAIL: [],
}

/**
 * RFC 1035 §5 master file: `$ORIGIN`, `$TTL`, `@`, blank owners, parentheses, comments, `*` owners, TTL units
 * (`1h`). One type of our own for tests: `name FAIL servfail|timeout` makes each question about it fail.
 */
export function parseZoneFile(text: string): readonly ZoneRecord[] {
  const records: ZoneRecord[] = []
  let origin = ''
  let ttlMs = 3_600_000
  let owner: string | undefined
  for (const line of logicalLines(text)) {
    const first = line.tokens[0]
    if (first === undefined) continue
    if (first.text.toUpperCase() === '$ORIGIN') {
      origin = absoluteName(line.tokens[1]?.text ?? '', '')
      continue
    }
    if (first.text.toUpperCase() === '$TTL') {
      ttlMs = readTtl(line.tokens[1]?.text ?? '') ?? fail(line, 'bad $TTL')
      continue
    }
    if (first.text.startsWith('$')) fail(line, `unknown directive ${first.text}`)
    const rest = [...line.tokens]
    if (!line.startsBlank) owner = absoluteName(rest.shift()?.text ?? '', origin)
    if (owner === undefined) fail(line, 'record without a name')
    records.push(readRecord(line, owner as string, rest, origin, ttlMs))
  }
  return records
}

function readRecord(
  line: Line,
  name: string,
  rest: Token[],
  origin: string,
  defaultTtlMs: number,
): ZoneRecord {
  let ttlMs = defaultTtlMs
  for (; rest.length > 0; rest.shift()) {
    const text = rest[0]?.text ?? ''
    const ttl = readTtl(text)
    if (ttl !== undefined) ttlMs = ttl
    else if (text.toUpperCase() !== 'IN') break
  }
  const type = rest.shift()?.text.toUpperCase() ?? fail(line, 'no record type')
  const names = nameFields[type] ?? fail(line, `record type ${type} is not known here`)
  if (rest.length === 0) fail(line, `${type} without data`)
  const fields = rest.map((token, i) => (names.includes(i) ? absoluteName(token.text, origin) : token.text))
  return { name, type, ttlMs, fields }
}

function fail(line: Line, message: string): never {
  throw new ZoneFileError(line.number, message)
}

function absoluteName(text: string, origin: string): string {
  if (text === '@') return origin
  const lower = text.toLowerCase()
  if (lower === '.') return ''
  if (lower.endsWith('.')) return lower.slice(0, -1)
  return origin === '' ? lower : `${lower}.${origin}`
}

const unitMs: Readonly<Record<string, number>> = {
  '': 1_000,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

function readTtl(text: string): number | undefined {
  const match = /^(\d{1,9})([smhdw]?)$/i.exec(text)
  const unit = unitMs[match?.[2]?.toLowerCase() ?? '']
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit
}

/** Joins parenthesised lines, drops comments. */
function* logicalLines(text: string): Generator<Line> {
  let tokens: Token[] = []
  let startsBlank = false
  let start = 0
  let depth = 0
  const lines = text.split('\n')
  for (const [i, line] of lines.entries()) {
    if (depth === 0) {
      tokens = []
      startsBlank = /^\s/.test(line)
      start = i + 1
    }
    for (const token of tokensOf(line, i + 1)) {
      if (!token.quoted && token.text === '(') depth++
      else if (!token.quoted && token.text === ')') depth--
      else tokens.push(token)
    }
    if (depth < 0) throw new ZoneFileError(i + 1, 'closing parenthesis without an opening one')
    if (depth === 0 && tokens.length > 0) yield { number: start, startsBlank, tokens }
  }
  if (depth > 0) throw new ZoneFileError(start, 'parenthesis is not closed')
}

function* tokensOf(line: string, number: number): Generator<Token> {
  let i = 0
  while (i < line.length) {
    const char = line[i] as string
    if (char === ';') return
    if (char === '(' || char === ')') {
      yield { text: char, quoted: false }
      i++
    } else if (char === '"') {
      let textValue = ''
      for (i++; line[i] !== '"'; i++) {
        if (i >= line.length) throw new ZoneFileError(number, 'quote is not closed')
        if (line[i] === '\\') i++
        textValue += line[i] ?? ''
      }
      yield { text: textValue, quoted: true }
      i++
    } else if (/\s/.test(char)) i++
    else {
      const start = i
      while (i < line.length && !/[\s;()"]/.test(line[i] as string)) i++
      yield { text: line.slice(start, i), quoted: false }
    }
  }
}
