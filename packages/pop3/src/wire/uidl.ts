/**
 * Makes the unique-id of a message. RFC 1939 §7: 1 to 70 characters, 0x21 to 0x7E.
 * @param globalId names the message for good: here `globalIdOf`, at an import the file's name or the GUID
 */
export type UidlFormat = (uid: number, uidValidity: number, globalId: string) => string

const maxFormatLength = 200

/**
 * Dovecot: pop3_uidl_format, with `%u` (UID) and `%v` (UIDVALIDITY) and Dovecot's modifiers: `X` = hexadecimal,
 * `0` and a width = padded with zeros. Courier's is `UID%u-%v`, Cyrus' `%v.%u`. `%g` and `%f`, which are the message's
 * GUID and file name there, are a name that it keeps here; `%m`, of the header of an mbox message, there is not.
 * @throws RangeError for a format that cannot tell messages apart or has unknown variables.
 */
export function compileUidlFormat(format: string): UidlFormat {
  if (format === '%08Xu%08Xv') return dovecotDefault
  if (format.length > maxFormatLength) throw new RangeError('Cannot use the UIDL format: too long')
  const pieces: UidlFormat[] = []
  let tellsApart = false
  for (let at = 0; at < format.length; ) {
    if (format[at] !== '%') {
      pieces.push(literal(format, at))
      at++
      continue
    }
    const match = /^%(\d{0,2})(X?)([uvfg%])/.exec(format.slice(at, at + 6))
    if (match === null)
      throw new RangeError(`Cannot use the UIDL format "${format}": unknown variable at ${at + 1}`)
    const [all, width = '', hex, variable] = match
    at += all.length
    if (variable === '%') pieces.push(() => '%')
    else if (variable === 'f' || variable === 'g') pieces.push((_, __, globalId) => globalId)
    else
      pieces.push(
        number(
          variable as 'u' | 'v',
          Number(width),
          width.startsWith('0') ? '0' : ' ',
          hex === 'X' ? 16 : 10,
        ),
      )
    tellsApart ||= variable === 'u' || variable === 'f' || variable === 'g'
  }
  if (!tellsApart)
    throw new RangeError(
      `Cannot use the UIDL format "${format}": without %u, %f or %g it does not tell messages apart`,
    )
  const made: UidlFormat = (uid, uidValidity, globalId) =>
    pieces.map((piece) => piece(uid, uidValidity, globalId)).join('')
  if (made(0xffff_ffff, 0xffff_ffff, globalIdOf('0'.repeat(32), 0xffff_ffff)).length > 70)
    throw new RangeError(`Cannot use the UIDL format "${format}": over 70 characters`)
  return made
}

/** Of a message that was first here. @param objectId of its mailbox, hexadecimal */
export function globalIdOf(objectId: string, uid: number): string {
  return objectId + hex8(uid)
}

/** Whether the form is made of `%f`, or of `%g`. */
export function namesMessages(format: string): 'file' | 'guid' | undefined {
  const [, variable] = /%([fg])/.exec(format.replaceAll('%%', '')) ?? []
  return variable === 'f' ? 'file' : variable === 'g' ? 'guid' : undefined
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
