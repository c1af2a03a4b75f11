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

/** Right-hand side of an alias: targets between commas. */
export function parseAliasValue(text: string): readonly AliasTarget[] {
  return splitTargets(text).map(readTarget)
}

/** A .forward or include file: a target a line, or several between commas; `#` lines are comments. */
export function parseTargetLines(text: string): readonly AliasTarget[] {
  return text
    .split(/\r?\n/)
    .filter((line) => !/^\s*(#|$)/.test(line))
    .flatMap(parseAliasValue)
}

function splitTargets(text: string): readonly string[] {
  const targets: string[] = []
  let target = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (quoted && char === '\\' && i + 1 < text.length) target += char + (text[++i] ?? '')
    else if (char === ',' && !quoted) {
      targets.push(target)
      target = ''
    } else {
      if (char === '"') quoted = !quoted
      target += char
    }
  }
  targets.push(target)
  return targets.map((one) => one.trim()).filter((one) => one !== '')
}

function readTarget(text: string): AliasTarget {
  const bare = unquoted(text)
  if (bare.startsWith('|')) return { kind: 'command', command: bare.slice(1).trim() }
  if (bare.startsWith('/')) return { kind: 'file', path: bare }
  const include = /^:include:\s*(.+)$/i.exec(bare)
  if (include !== null) return { kind: 'include', path: unquoted(include[1] ?? '') }
  if (bare.startsWith('\\')) return ownName(bare.slice(1), text)
  const angle = /<([^<>]*)>\s*$/.exec(text)
  const address = parseForwardPath(angle === null ? withoutComment(text) : (angle[1] ?? ''))
  return address === undefined ? { kind: 'bad', text } : { kind: 'address', address: formatAddress(address) }
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

/** `alice (Alice A.)`, RFC 822 comment at the end. */
function withoutComment(text: string): string {
  const open = text.indexOf('(')
  return open > 0 && text.trimEnd().endsWith(')') && !text.includes('"') ? text.slice(0, open).trim() : text
}
