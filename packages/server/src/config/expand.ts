/** undefined: no such parameter. */
export type Lookup = (name: string) => string | undefined

export class ExpansionError extends Error {}

const maxDepth = 50
const maxOctets = 1_000_000

/**
 * `$name`, `${name}`, `$(name)`, `${name?x}`, `${name?{x}:{y}}`, `${name:x}`, `${{a} == {b} ? {x} : {y}}`,
 * `$$` (postconf(5), "text expansion"). Unknown names become nothing and are told to `missing`. A parameter
 * that names itself throws ExpansionError.
 */
export function expand(
  text: string,
  lookup: Lookup,
  missing: (name: string) => void = () => undefined,
): string {
  return new Expansion(lookup, missing).text(text, 0)
}

/** Every name that a value refers to. */
export function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/\$(?:\{|\()?\s*([A-Za-z0-9_]+)/g)].map((match) => match[1] ?? '')
}

class Expansion {
  readonly #lookup: Lookup
  readonly #missing: (name: string) => void
  #octets = 0

  constructor(lookup: Lookup, missing: (name: string) => void) {
    this.#lookup = lookup
    this.#missing = missing
  }

  text(text: string, depth: number): string {
    if (depth > maxDepth) throw new ExpansionError('parameters name each other in a circle')
    let out = ''
    let at = 0
    while (at < text.length) {
      const dollar = text.indexOf('$', at)
      if (dollar === -1) break
      out += text.slice(at, dollar)
      const [value, end] = this.#reference(text, dollar + 1, depth)
      out += value
      at = end
    }
    out += text.slice(at)
    this.#octets += out.length
    if (this.#octets > maxOctets) throw new ExpansionError('the value grows beyond a million characters')
    return out
  }

  #reference(text: string, at: number, depth: number): [value: string, end: number] {
    const open = text[at]
    if (open === '$') return ['$', at + 1]
    if (open === '{' || open === '(') {
      const end = closing(text, at)
      return [this.#braced(text.slice(at + 1, end), depth), end + 1]
    }
    const name = /^[A-Za-z0-9_]+/.exec(text.slice(at, at + 256))?.[0]
    if (name === undefined) throw new ExpansionError(`no name after $ in "${text.slice(at - 1, at + 20)}"`)
    return [this.#parameter(name, depth), at + name.length]
  }

  #parameter(name: string, depth: number): string {
    const value = this.#lookup(name)
    if (value === undefined) this.#missing(name)
    return value === undefined ? '' : this.text(value, depth + 1)
  }

  #braced(inside: string, depth: number): string {
    const body = inside.trim()
    if (body.startsWith('{')) return this.#comparison(body, depth)
    const match = /^([A-Za-z0-9_]+)\s*([?:])?/.exec(body)
    const [head, name, operator] = match ?? []
    if (head === undefined || name === undefined)
      throw new ExpansionError(`not a parameter name: "${inside}"`)
    const rest = body.slice(head.length)
    if (operator === undefined) {
      if (rest !== '') throw new ExpansionError(`not a parameter name: "${inside}"`)
      return this.#parameter(name, depth)
    }
    const value = this.#lookup(name)
    const isSet = value !== undefined && this.text(value, depth + 1) !== ''
    if (operator === ':') return isSet ? this.#parameter(name, depth) : this.text(unbraced(rest), depth + 1)
    const [yes, no] = branches(rest)
    return this.text(isSet ? yes : no, depth + 1)
  }

  #comparison(body: string, depth: number): string {
    const leftEnd = closing(body, 0)
    const operator = /^\s*(<=level|>=level|==level|!=level|<level|>level|==|!=|<=|>=|<|>)/.exec(
      body.slice(leftEnd + 1),
    )
    if (operator === null) throw new ExpansionError(`no comparison in "${body}"`)
    const rightAt = body.indexOf('{', leftEnd + 1 + operator[0].length)
    if (rightAt === -1) throw new ExpansionError(`no right side in "${body}"`)
    const rightEnd = closing(body, rightAt)
    const left = this.text(body.slice(1, leftEnd), depth + 1)
    const right = this.text(body.slice(rightAt + 1, rightEnd), depth + 1)
    const rest = body.slice(rightEnd + 1).trim()
    const holds = compare(left, operator[1] ?? '==', right)
    if (!rest.startsWith('?'))
      return this.text(holds && rest.startsWith(':') ? '' : unbraced(rest.slice(1)), depth + 1)
    const [yes, no] = branches(rest.slice(1))
    return this.text(holds ? yes : no, depth + 1)
  }
}

/** `{x}:{y}`, `{x}`, or plain text to the end. */
function branches(text: string): [string, string] {
  const body = text.trim()
  if (!body.startsWith('{')) return [text, '']
  const end = closing(body, 0)
  const rest = body.slice(end + 1).trim()
  return [body.slice(1, end).trim(), rest.startsWith(':') ? unbraced(rest.slice(1)) : '']
}

function unbraced(text: string): string {
  const body = text.trim()
  return body.startsWith('{') && closing(body, 0) === body.length - 1 ? body.slice(1, -1).trim() : text
}

function closing(text: string, open: number): number {
  const [opener, closer] = text[open] === '(' ? ['(', ')'] : ['{', '}']
  let depth = 0
  for (let at = open; at < text.length; at++) {
    if (text[at] === opener) depth++
    else if (text[at] === closer && --depth === 0) return at
  }
  throw new ExpansionError(`${opener} without ${closer} in "${text}"`)
}

function compare(left: string, operator: string, right: string): boolean {
  const byLevel = operator.endsWith('level')
  const order = byLevel ? compareLevels(left, right) : left < right ? -1 : left > right ? 1 : 0
  const sign = byLevel ? operator.slice(0, -5) : operator
  if (sign === '==') return order === 0
  if (sign === '!=') return order !== 0
  if (sign === '<') return order < 0
  if (sign === '<=') return order <= 0
  return sign === '>' ? order > 0 : order >= 0
}

/** Postfix: compatibility levels are compared number by number, 3.10 after 3.9. */
function compareLevels(left: string, right: string): number {
  const [a, b] = [left, right].map((level) => level.split('.').map(Number))
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
