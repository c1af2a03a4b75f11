import { formatAddress, parseForwardPath } from '@posthorn/mail'

/** One target of an alias, `.forward` or `:include:` file. aliases(5). */
export type AliasTarget =
  | { readonly kind: 'address'; readonly address: string }
  /** `\name`: the mailbox itself, without alias or .forward. */
  | { readonly kind: 'own'; readonly name: string }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'include'; readonly path: string }
  | { readonly kind: 'bad'; readonly text: string }

/** What most aliases are: no word of the grammar stands in it, and no part can be too long. */
const plainAddress = /^[\w+-]+(?:\.[\w+-]+)*(?:@[A-Za-z\d]+(?:[-.][A-Za-z\d]+)*)?$/
const maxPlainChars = 60

/** Right-hand side of an alias: targets between commas, or between blanks. Postfix: tok822_parse(3). */
export function parseAliasValue(text: string): readonly AliasTarget[] {
  if (text.length <= maxPlainChars && plainAddress.test(text)) return [{ kind: 'address', address: text }]
  return splitTargets(withoutRemark(text)).flatMap(readTargets)
}

/** A .forward or include file: a target a line, or several; `#` lines are comments. */
export const parseTargetLines = (text: string): readonly AliasTarget[] => [...targetsInLines(text)]

/** The same, each line when its turn comes: a list may have 100,000. */
export function* targetsInLines(text: string): Generator<AliasTarget> {
  for (const line of text.split(/\r?\n/)) if (!/^\s*(#|$)/.test(line)) yield* parseAliasValue(line)
}

/** Calls `see` with each character that stands outside double quotes, `<…>` and comments; true ends it. */
function scanPlain(text: string, see: (char: string, at: number) => boolean | undefined): void {
  let quoted = false
  let depth = 0
  let angle = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (char === '\\' && (quoted || depth > 0)) i++
    else if (quoted) quoted = char !== '"'
    else if (depth > 0) depth += char === '(' ? 1 : char === ')' ? -1 : 0
    else if (char === '"') quoted = true
    else if (angle) angle = char !== '>'
    else if (see(char, i) === true) return
    else if (char === '(' && text.includes(')', i)) depth = 1
    else if (char === '<' && text.includes('>', i)) angle = true
  }
}

/** `alice  # until May`: what people write, though Postfix takes the words for users. */
function withoutRemark(text: string): string {
  if (!text.includes('#') || text.trimStart().startsWith('|')) return text
  let end = text.length
  scanPlain(text, (char, at) => {
    if (char !== '#' || !/\s/.test(text[at - 1] ?? ' ')) return undefined
    end = at
    return true
  })
  return text.slice(0, end)
}

/** At commas, and at the marks of `group: a, b;`. RFC 5322 §3.4. */
function splitTargets(text: string): readonly string[] {
  const targets: string[] = []
  let start = 0
  const endAt = (at: number): undefined => {
    targets.push(text.slice(start, at))
    start = at + 1
  }
  scanPlain(text, (char, at) => {
    if (char === ',' || char === ';') endAt(at)
    else if (char === ':' && /^\s*[\w.-]+(?:\s+[\w.-]+)*\s*$/.test(text.slice(start, at))) {
      if (/\s/.test(text[at + 1] ?? '')) start = at + 1
    }
    return undefined
  })
  endAt(text.length)
  return targets.map((one) => one.trim()).filter((one) => one !== '')
}

/** One target, or several without commas between them. */
function readTargets(text: string): readonly AliasTarget[] {
  if (unquoted(text) !== text || /^(?:\||:include:)/i.test(text)) return [readTarget(text)]
  const targets: AliasTarget[] = []
  let phrase: string[] = []
  for (const word of splitWords(text)) {
    // What stands before `<address>` is somebody's name.
    const whole = inAngles(word) !== undefined
    if (whole) phrase = []
    phrase.push(word)
    if (!whole) continue
    targets.push(...phrase.map(readTarget))
    phrase = []
  }
  return [...targets, ...phrase.map(readTarget)]
}

/** At blanks, before `<`, after `>`; comments go. */
function splitWords(text: string): readonly string[] {
  const words: string[] = []
  let start = 0
  const endAt = (at: number, next: number): void => {
    if (at > start) words.push(text.slice(start, at))
    start = next
  }
  scanPlain(text, (char, at) => {
    if (/\s/.test(char)) endAt(at, at + 1)
    else if (char === '<') endAt(at, at)
    else if (char === '(' && text.includes(')', at)) endAt(at, endOfComment(text, at))
    else if (text[at - 1] === '>' && start < at) endAt(at, at)
    return undefined
  })
  endAt(text.length, text.length)
  return words
}

function endOfComment(text: string, from: number): number {
  let depth = 0
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '(') depth++
    else if (text[i] === ')' && --depth === 0) return i + 1
  }
  return text.length
}

function readTarget(word: string): AliasTarget {
  const special = readSpecial(word)
  if (special !== undefined) return special
  const address = parseForwardPath(inAngles(word) ?? word)
  return address === undefined
    ? { kind: 'bad', text: word }
    : { kind: 'address', address: formatAddress(address) }
}

const inAngles = (word: string): string | undefined =>
  word.startsWith('<') && word.endsWith('>') ? word.slice(1, -1) : undefined

/** What is no address: its blanks are its own. */
function readSpecial(text: string): AliasTarget | undefined {
  const bare = unquoted(text)
  if (bare.startsWith('|')) return { kind: 'command', command: bare.slice(1).trim() }
  if (bare.startsWith('/')) return { kind: 'file', path: bare }
  const include = /^:include:\s*(.+)$/i.exec(bare)
  if (include !== null) return { kind: 'include', path: unquoted(include[1] ?? '') }
  return bare.startsWith('\\') ? ownName(bare.replace(/^\\+/, ''), text) : undefined
}

function ownName(name: string, text: string): AliasTarget {
  const address = parseForwardPath(name)
  return address === undefined ? { kind: 'bad', text } : { kind: 'own', name: formatAddress(address) }
}

/** A target that is wholly in double quotes, without them. */
function unquoted(text: string): string {
  if (!text.startsWith('"')) return text
  let inner = ''
  for (let i = 1; i < text.length; i++) {
    if (text[i] === '\\') inner += text[++i] ?? ''
    else if (text[i] === '"') return i === text.length - 1 ? inner : text
    else inner += text[i]
  }
  return text
}
