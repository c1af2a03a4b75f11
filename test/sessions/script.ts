/** Reads *.session files. The format is told in README.md beside this file. */

export type Protocol = 'pop3' | 'smtp' | 'imap'

export interface Script {
  readonly protocol: Protocol
  /** First comment line: the title of the test. */
  readonly title: string
  readonly headers: ReadonlyMap<string, string>
  /** Messages to be in INBOX beside the numbered ones: `message:` lines, unescaped. */
  readonly messages: readonly Buffer[]
  readonly steps: readonly Step[]
}

/** One line of a script. `connection` counts from 1. */
export type Step = { readonly line: number; readonly connection: number } & (
  | { readonly kind: 'send'; readonly octets: Buffer }
  | { readonly kind: 'expect'; readonly pattern: string }
  /** Among the lines before the next `expect`, in any order, or not among them. */
  | { readonly kind: 'among'; readonly pattern: string }
  | { readonly kind: 'not-among'; readonly pattern: string }
  | { readonly kind: 'act'; readonly act: Act }
  /** IMAP: a tagged command (or a line without a tag) and its tagged answer, or `+`. */
  | {
      readonly kind: 'command'
      readonly expect: string
      readonly pieces: readonly Piece[]
      readonly tagged: 'tagged' | 'bare'
    }
  | { readonly kind: 'untagged'; readonly pattern: string; readonly when: 'answer' | 'now' }
  | { readonly kind: 'not-untagged'; readonly pattern: string; readonly when: 'answer' | 'now' }
)

export type Act = 'tls' | 'reset' | 'end' | 'closed'
export type Piece = { readonly text: string } | { readonly literal: Buffer }

export class ScriptError extends Error {
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`)
    this.name = 'ScriptError'
  }
}

const headerNames = new Set([
  'service',
  'connections',
  'messages',
  'message',
  'state',
  'capabilities',
  'options',
  'cut',
  'title',
  'timeout',
])
const acts = new Set<string>(['tls', 'reset', 'end', 'closed'])

export function parseScript(text: string, protocol: Protocol): Script {
  const lines = text.split('\n')
  const headers = new Map<string, string>()
  const messages: Buffer[] = []
  let title = ''
  let at = 0
  for (; at < lines.length; at++) {
    const line = lines[at]!
    if (line.startsWith('#')) title ||= line.slice(1).trim()
    else if (line.trim() === '') continue
    else {
      const match = /^([a-z]+):\s*(.*)$/.exec(line)
      if (match === null || !headerNames.has(match[1]!)) break
      if (match[1] === 'message') messages.push(unescapeOctets(match[2]!))
      else headers.set(match[1]!, match[2]!.trim())
    }
  }
  const steps = protocol === 'imap' ? parseImapSteps(lines, at) : parseDialogueSteps(lines, at)
  if (steps.length === 0) throw new ScriptError(at, 'no steps')
  return { protocol, title, headers, messages, steps }
}

function parseDialogueSteps(lines: readonly string[], from: number): Step[] {
  const steps: Step[] = []
  for (let at = from; at < lines.length; at++) {
    const text = lines[at]!
    if (text.trim() === '' || text.startsWith('#')) continue
    const match = /^(?:(\d+) )?([CS=])([:>~!]?)(?: (.*))?$/.exec(text)
    if (match === null) throw new ScriptError(at + 1, `cannot read ${JSON.stringify(text)}`)
    const [, number, who, mark, rest = ''] = match
    const place = { line: at + 1, connection: Number(number ?? 1) }
    steps.push({ ...place, ...dialogueStep(`${who}${mark}`, rest, at + 1) } as Step)
  }
  return steps
}

function dialogueStep(sign: string, rest: string, line: number): object {
  switch (sign) {
    case 'C:':
      return { kind: 'send', octets: Buffer.from(`${rest}\r\n`) }
    case 'C>':
      return { kind: 'send', octets: unescapeOctets(rest) }
    case 'S:':
      return { kind: 'expect', pattern: rest }
    case 'S~':
      return { kind: 'among', pattern: rest }
    case 'S!':
      return { kind: 'not-among', pattern: rest }
    case '=':
      if (acts.has(rest)) return { kind: 'act', act: rest as Act }
      throw new ScriptError(line, `unknown act ${rest}`)
    default:
      throw new ScriptError(line, `unknown sign ${sign}`)
  }
}

function parseImapSteps(lines: readonly string[], from: number): Step[] {
  const steps: Step[] = []
  let connection = 1
  for (let at = from; at < lines.length; at++) {
    const text = lines[at]!
    if (text.trim() === '' || text.startsWith('#')) continue
    const line = at + 1
    const answer = /^([*!]) (.*)$/.exec(text)
    if (answer !== null) {
      const kind = answer[1] === '*' ? 'untagged' : 'not-untagged'
      steps.push({ line, connection, kind, pattern: answer[2]!, when: 'answer' })
      continue
    }
    const match = /^(?:(\d+) )?("[^"]*"|\S+)(?: (.*))?$/.exec(text)
    if (match === null) throw new ScriptError(line, `cannot read ${JSON.stringify(text)}`)
    connection = Number(match[1] ?? 1)
    const word = match[2]!.replaceAll('"', '')
    let rest = match[3] ?? ''
    if (word === '=') {
      if (!acts.has(rest)) throw new ScriptError(line, `unknown act ${rest}`)
      steps.push({ line, connection, kind: 'act', act: rest as Act })
    } else if (word === '*' || word === '!') {
      steps.push({
        line,
        connection,
        kind: word === '*' ? 'untagged' : 'not-untagged',
        pattern: rest,
        when: 'now',
      })
    } else if (word === '>') steps.push({ line, connection, kind: 'send', octets: unescapeOctets(rest) })
    else {
      const pieces: Piece[] = []
      const bare = rest.startsWith('> ')
      if (bare) rest = rest.slice(2)
      while (rest.endsWith('{{{')) {
        const end = lines.indexOf('}}}', at)
        const last =
          end < 0 ? lines.findIndex((one, i) => i > at && one.startsWith('}}}')) : nearest(lines, at)
        if (last < 0) throw new ScriptError(line, 'a literal without }}}')
        pieces.push({ text: rest.slice(0, -3) })
        pieces.push({
          literal: Buffer.from(
            lines
              .slice(at + 1, last)
              .map((one) => `${one}\r\n`)
              .join(''),
          ),
        })
        rest = lines[last]!.slice(3)
        at = last
      }
      pieces.push({ text: rest })
      steps.push({
        line,
        connection,
        kind: 'command',
        expect: word,
        pieces,
        tagged: bare ? 'bare' : 'tagged',
      })
    }
  }
  return steps
}

function nearest(lines: readonly string[], from: number): number {
  return lines.findIndex((one, i) => i > from && one.startsWith('}}}'))
}

/** `\r \n \t \0 \\ \xNN` and `\*N{text}`: text N times. */
export function unescapeOctets(text: string): Buffer {
  const repeated = text.replace(/\\\*(\d+)\{([^}]*)\}/g, (_, count: string, piece: string) =>
    piece.repeat(Number(count)),
  )
  const plain = repeated.replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, code: string) => {
    if (code.startsWith('x')) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
    return ({ r: '\r', n: '\n', t: '\t', 0: '\0' } as Record<string, string>)[code] ?? code
  })
  return Buffer.from(plain, 'latin1')
}
