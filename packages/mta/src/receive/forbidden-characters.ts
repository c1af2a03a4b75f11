/** Octets that are taken out of messages, and those that no message may have. Postfix: cleanup(8). */
export interface ForbiddenCharacters {
  /** The octets that stay; the same piece where all do. */
  stripped(bytes: Uint8Array): Uint8Array
  refuses(bytes: Uint8Array): boolean
}

/** Texts with C's escapes (`\0`, `\r`). undefined: there is nothing to look for. Postfix: message_strip_characters, message_reject_characters. */
export function forbiddenCharacters(strip: string, reject: string): ForbiddenCharacters | undefined {
  if (strip === '' && reject === '') return undefined
  const away = octetSet(strip)
  const wrong = octetSet(reject)
  return {
    stripped(bytes) {
      if (strip === '' || !holds(bytes, away)) return bytes
      return bytes.filter((octet) => away[octet] === 0)
    },
    refuses: (bytes) => reject !== '' && holds(bytes, wrong),
  }
}

function holds(bytes: Uint8Array, set: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (set[bytes[i] as number] === 1) return true
  return false
}

const letters: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 }

/** Postfix: unescape(): `\a \b \f \n \r \t \v`, `\` and up to three octal digits, anything else as it stands. */
function octetSet(text: string): Uint8Array {
  const set = new Uint8Array(256)
  for (const [, digits, escaped, plain] of text.matchAll(/\\([0-7]{1,3})|\\(.)|(.)/gs)) {
    if (digits !== undefined) set[Number.parseInt(digits, 8) & 0xff] = 1
    else for (const octet of Buffer.from(escaped ?? plain ?? '')) set[letters[escaped ?? ''] ?? octet] = 1
  }
  return set
}
