const allAscii = /^[\0-\x7f]*$/

/** Upper case of ASCII letters only: `ı` and `ß` stay what they are. */
export function asciiUpper(text: string): string {
  if (allAscii.test(text)) return text.toUpperCase()
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())
}

export function asciiLower(text: string): string {
  if (allAscii.test(text)) return text.toLowerCase()
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
