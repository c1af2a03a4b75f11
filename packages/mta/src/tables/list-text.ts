/**
 * Splits a parameter's value at commas and blanks, except inside braces and double quotes:
 * `hash:/a, inline:{ {x = y z} }`. Postfix: mystrtokq(). Quotes are kept.
 */
export function splitListText(text: string): readonly string[] {
  const items: string[] = []
  let item = ''
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (char === '\\' && quoted) {
      item += char + (text[++i] ?? '')
      continue
    }
    if (char === '"' && depth === 0) quoted = !quoted
    if (!quoted && char === '{') depth++
    if (!quoted && char === '}') depth--
    if (
      !quoted &&
      depth <= 0 &&
      (char === ',' || char === ' ' || char === '\t' || char === '\n' || char === '\r')
    ) {
      if (item !== '') items.push(item)
      item = ''
    } else item += char
  }
  if (item !== '') items.push(item)
  return items
}

/** The text inside one pair of braces, or undefined when it is not wrapped in one. */
export function insideBraces(text: string): string | undefined {
  const trimmed = text.trim()
  return trimmed.startsWith('{') && trimmed.endsWith('}') ? trimmed.slice(1, -1).trim() : undefined
}
