/** Message identifiers as THREAD compares them. RFC 5256 §3 THREAD, REFERENCES. */

/** Of one References field; what is between the first and these says nothing new. */
const maxReferences = 500
const maxIdLength = 512

/** Identifiers in `text`, each without angle brackets and needless quotes, in order. */
export function messageIds(text: string): string[] {
  const found: string[] = []
  for (let open = text.indexOf('<'); open >= 0; open = text.indexOf('<', open + 1)) {
    const close = text.indexOf('>', open)
    if (close < 0) break
    const id = text.slice(Math.max(open, text.lastIndexOf('<', close)) + 1, close)
    if (id !== '' && id.length <= maxIdLength) found.push(normalized(id))
    open = close
  }
  return found.length > maxReferences ? [found[0]!, ...found.slice(1 - maxReferences)] : found
}

/** `"01KF8"@x` and `01KF8@x` are one; blanks come from folding. */
function normalized(id: string): string {
  const plain = /[\s"]/.test(id) ? id.replace(/\s+/g, '') : id
  if (plain[0] !== '"') return plain
  const close = plain.lastIndexOf('"@')
  return close <= 0 ? plain : plain.slice(1, close).replace(/\\(.)/g, '$1') + plain.slice(close + 1)
}

const referencesField = /(?:^|\n)references[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)/i

/** The identifiers of the References field in a header; none when there is no such field. */
export function referencesOf(header: string): string[] {
  const field = referencesField.exec(header)
  return field === null ? [] : messageIds(field[1]!)
}
