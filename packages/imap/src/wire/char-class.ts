/** Which octets may stand in which token. RFC 9051 §9: atom-specials, ASTRING-CHAR, list-char, tag. */
export const atomChar = 1
export const astringChar = 2
export const listChar = 4
export const tagChar = 8
export const digitChar = 16
/** Octets of a number set: digits, `*` `:` `,` `$`. */
export const setChar = 32
/** Octets of item names such as `BODY.PEEK`, `RFC822.SIZE` and of what stands in `BODY[…]`. */
export const nameChar = 64

export const charClasses: Uint8Array = classify()

function classify(): Uint8Array {
  const classes = new Uint8Array(256)
  const specials = new Set(Array.from('(){%*"\\] ', (char) => char.charCodeAt(0)))
  for (let octet = 0x21; octet < 0x7f; octet++) {
    if (!specials.has(octet)) classes[octet]! |= atomChar | astringChar | listChar | tagChar
  }
  classes[charCode(']')]! |= astringChar | listChar | tagChar
  classes[charCode('%')]! |= listChar
  classes[charCode('*')]! |= listChar
  classes[charCode('+')]! &= ~tagChar
  for (const char of '0123456789') classes[charCode(char)]! |= digitChar | setChar
  for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_') {
    classes[charCode(char)]! |= nameChar
  }
  for (const char of '*:,$') classes[charCode(char)]! |= setChar
  return classes
}

function charCode(char: string): number {
  return char.charCodeAt(0)
}
