const hex = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  return code >= 0x41 && code <= 0x46 ? code - 0x37 : -1
}

/** RFC 3461 §4: `+HH` escapes. undefined: an escape is broken or the result has control characters. */
export const decodeXtext = (text: string): string | undefined => {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== 0x2b) {
      if (code < 0x21 || code === 0x3d || code === 0x7f) return undefined
      out += text[i]
      continue
    }
    const value = hex(text.charCodeAt(i + 1)) * 16 + hex(text.charCodeAt(i + 2))
    if (!(value >= 0x20 && value < 0x7f) || hex(text.charCodeAt(i + 2)) < 0) return undefined
    out += String.fromCharCode(value)
    i += 2
  }
  return out
}

/** RFC 3461 §4. Characters beyond ASCII are left: only for utf-8 addresses under SMTPUTF8 (RFC 6533 §3). */
export const encodeXtext = (text: string): string => {
  let out = ''
  for (const character of text) {
    const code = character.charCodeAt(0)
    const plain = code >= 0x21 && code !== 0x2b && code !== 0x3d && code !== 0x7f
    out += plain ? character : `+${code.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
