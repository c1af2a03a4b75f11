/** A pattern for JavaScript's engine, and one in RE2's syntax that matches at least the same texts. */
export interface BacktrackingSource {
  readonly pattern: string
  readonly wider: string
}

/** POSIX classes within brackets, of ASCII. */
const classes: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\s',
  upper: 'A-Z',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
}

/** Escapes that JavaScript writes otherwise. */
const places: Readonly<Record<string, string>> = {
  A: '(?<![^])',
  z: '(?![^])',
  Z: '(?=\\n?(?![^]))',
  h: '[ \\t]',
}

const lookAround = /^\(\?(?:<?[=!])/
const group = /^\((?!\?)|^\(\?(?::|P?<([A-Za-z_]\w*)>)/

/**
 * Reads what Perl and JavaScript write alike and turns the little that differs; look-around is left out of the wider
 * pattern, and a back-reference is anything there. pcre_table(5).
 * @throws SyntaxError for what is neither.
 */
export function readBacktracking(source: string): BacktrackingSource {
  const out = { pattern: '', wider: '' }
  /** Open parentheses within look-around, its own included. */
  let hidden = 0
  const add = (pattern: string, wider = pattern): void => {
    out.pattern += pattern
    if (hidden === 0) out.wider += wider
  }
  const unknown = (what: string): SyntaxError => new SyntaxError(`${what} is not available`)
  for (let at = 0; at < source.length; ) {
    const rest = source.slice(at)
    const char = rest[0] as string
    const look = lookAround.exec(rest)?.[0]
    if (look !== undefined) {
      hidden++
      out.pattern += look
      at += look.length
    } else if (char === '(') {
      const open = group.exec(rest)
      if (open === null) throw unknown(rest.slice(0, 4))
      const name = open[1]
      add(name === undefined ? open[0] : `(?<${name}>`, name === undefined ? open[0] : `(?P<${name}>`)
      if (hidden > 0) hidden++
      at += open[0].length
    } else if (char === ')') {
      add(')')
      at++
      if (hidden === 0) continue
      hidden--
      if (hidden === 0 && /^[*+?{]/.test(source.slice(at))) throw unknown('repeated look-around')
    } else if (char === '[') {
      const bracket = readBracket(rest)
      add(bracket.pattern, bracket.wider)
      at += bracket.length
    } else if (char === '\\') {
      const turned = readEscape(rest)
      if (turned === undefined) throw unknown(rest.slice(0, 2))
      add(turned.pattern, turned.wider)
      at += turned.length
    } else {
      if (/^(?:[*+?]|\{\d+(?:,\d*)?\})\+/.test(rest)) throw unknown('a possessive quantifier')
      add(char)
      at++
    }
  }
  return out
}

function readEscape(rest: string): (BacktrackingSource & { readonly length: number }) | undefined {
  const reference = /^\\(?:[1-9]\d?|[gk]\{(\w+)\}|k<(\w+)>)/.exec(rest)
  if (reference !== null) {
    const named = reference[1] ?? reference[2]
    const isNumber = named === undefined || /^\d+$/.test(named)
    const pattern = named === undefined ? reference[0] : isNumber ? `\\${named}` : `\\k<${named}>`
    return { pattern, wider: '(?s:.*)', length: reference[0].length }
  }
  const letter = rest[1] ?? ''
  const place = places[letter]
  if (place !== undefined) return { pattern: place, wider: letter === 'h' ? place : '', length: 2 }
  const same = /^\\(?:[dDwWsSbBtnrfv]|x[0-9A-Fa-f]{2}|[^A-Za-z0-9])/s.exec(rest)?.[0]
  return same === undefined ? undefined : { pattern: same, wider: same, length: same.length }
}

/** A bracket that stands first is a member. */
function readBracket(rest: string): BacktrackingSource & { readonly length: number } {
  const start = /^\[\^?/.exec(rest)?.[0] ?? '['
  let pattern = start
  let at = start.length
  for (let isFirst = true; ; isFirst = false) {
    const inner = rest.slice(at)
    if (inner === '') throw new SyntaxError('missing closing ]')
    if (inner[0] === ']' && !isFirst)
      return { pattern: `${pattern}]`, wider: rest.slice(0, at + 1), length: at + 1 }
    const named = /^\[:(\w+):\]/.exec(inner)
    const known = named === null ? undefined : classes[named[1] ?? '']
    if (named !== null && known === undefined) throw new SyntaxError(`unknown class ${named[0]}`)
    const escaped =
      inner[0] === '\\' ? /^\\(?:[dDwWsSbtnrfv]|x[0-9A-Fa-f]{2}|[^A-Za-z0-9])/s.exec(inner)?.[0] : ''
    if (escaped === undefined) throw new SyntaxError(`${inner.slice(0, 2)} is not available`)
    const used = named?.[0] ?? (escaped === '' ? (inner[0] as string) : escaped)
    pattern += known ?? (escaped === '' && /[\][]/.test(used) ? `\\${used}` : used)
    at += used.length
  }
}
