/** One folded header field with CRLF. Control characters become blanks; non-ASCII text becomes RFC 2047 words. */
export const formatField = (name: string, value: string): Buffer => Buffer.from(`${name}: ${value}\r\n`)
