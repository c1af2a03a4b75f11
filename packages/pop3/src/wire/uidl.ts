/** Makes the unique-id of a message. RFC 1939 §7: 1 to 70 characters, 0x21 to 0x7E. */
export type UidlFormat = (uid: number, uidValidity: number) => string

const maxFormatLength = 200

/**
 * Dovecot: pop3_uidl_format, with `%u` (UID) and `%v` (UIDVALIDITY) and Dovecot's modifiers: `X` = hexadecimal,
 * `0` and a width = padded with zeros. Courier's is `UID%u-%v`, Cyrus' `%v.%u`.
 * @throws RangeError for a format that cannot tell messages apart or has unknown variables.
 */
export function compileUidlFormat(format: string): UidlFormat {
  if (format === '%08Xu%08Xv') return dovecotDefault
  if (format.length > maxFormatLength) throw new RangeError('Cannot use the UIDL format: too long')
  const pieces: ((uid: number, uidValidity: number) => string)[] = []
  let hasUid = false
  for (let at = 0; at < format.length; ) {
    if (format[at] !== '%') {
      pieces.push(literal(format, at))
      at++
      continue
    }
    const match = /^%(\d{0,2})(X?)([uv%])/.exec(format.slice(at, at + 6))
    if (match === null)
      throw new RangeError(`Cannot use the UIDL format "${format}": unknown variable at ${at + 1}`)
    const [all, width = '', hex, variable] = match
    at += all.length
    if (variable === '%') pieces.push(() => '%')
    else
      pieces.push(
        number(
          variable as 'u' | 'v',
          Number(width),
          width.startsWith('0') ? '0' : ' ',
          hex === 'X' ? 16 : 10,
        ),
      )
    hasUid ||= variable === 'u'
  }
  if (!hasUid)
    throw new RangeError(`Cannot use the UIDL format "${format}": without %u it does not tell messages apart`)
  const made = (uid: number, uidValidity: number): string =>
    pieces.map((piece) => piece(uid, uidValidity)).join('')
  if (made(0xffff_ffff, 0xffff_ffff).length > 70)
    throw new RangeError(`Cannot use the UIDL format "${format}": over 70 characters`)
  return made
}

function literal(format: string, at: number): () => string {
  const code = format.charCodeAt(at)
  if (code < 0x21 || code > 0x7e)
    throw new RangeError(`Cannot use the UIDL format: character ${at + 1} is not printable ASCII`)
  const text = format[at]!
  return () => text
}

function number(variable: 'u' | 'v', width: number, fill: string, radix: 10 | 16): UidlFormat {
  const pad = fill === '0' ? width : 0
  return (uid, uidValidity) => (variable === 'u' ? uid : uidValidity).toString(radix).padStart(pad, '0')
}

function dovecotDefault(uid: number, uidValidity: number): string {
  return hex8(uid) + hex8(uidValidity)
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0')
}
