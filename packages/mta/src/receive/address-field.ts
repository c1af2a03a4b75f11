/**
 * Completes bare names in an address field: `To: root, "B" <bob>` → `To: root@myorigin, "B" <bob@myorigin>`.
 * Everything else stays octet for octet; what is not understood stays too. Postfix: append_at_myorigin.
 */
export function completeAddressField(field: Buffer, complete: (address: string) => string): Buffer {
  const text = field.toString('latin1')
  const colon = text.indexOf(':')
  // A group's or a phrase's own colon makes the field none of the plain lists this is for.
  if (colon === -1 || text.indexOf(':', colon + 1) !== -1) return field
  let changed = false
  let rewritten = text.slice(0, colon + 1)
  for (const item of splitAddresses(text.slice(colon + 1))) {
    const done = item === ',' ? item : completeItem(item, complete)
    changed ||= done !== item
    rewritten += done
  }
  return changed ? Buffer.from(rewritten, 'latin1') : field
}

/** Items and the commas between them. */
function* splitAddresses(text: string): Generator<string> {
  let start = 0
  let quoted = false
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === '\\') i++
    else if (char === '"' && depth === 0) quoted = !quoted
    else if (quoted) continue
    else if (char === '(') depth++
    else if (char === ')') depth--
    else if (char === ',' && depth === 0) {
      yield text.slice(start, i)
      yield ','
      start = i + 1
    }
  }
  yield text.slice(start)
}

function completeItem(item: string, complete: (address: string) => string): string {
  const angle = item.lastIndexOf('<')
  if (angle !== -1) {
    const close = item.indexOf('>', angle)
    const name = close === -1 ? '' : item.slice(angle + 1, close).trim()
    return isBareName(name) ? `${item.slice(0, angle + 1)}${complete(name)}${item.slice(close)}` : item
  }
  const comment = item.indexOf('(')
  const outside = comment === -1 ? item : item.slice(0, comment)
  const name = outside.trim()
  if (!isBareName(name)) return item
  const start = item.indexOf(name)
  return `${item.slice(0, start)}${complete(name)}${item.slice(start + name.length)}`
}

/** RFC 5322 §3.2.3 dot-atom without a domain. */
function isBareName(text: string): boolean {
  return /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}$/.test(text)
}
