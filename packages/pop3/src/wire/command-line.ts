/** One command as it stood on the line. RFC 1939 §3, RFC 2449 §4. */
export interface CommandLine {
  /** Upper case; '' for an empty line. At most 255 octets of printable ASCII, else ''. */
  readonly keyword: string
  /** What followed the keyword's one space, untouched: passwords may hold and begin with spaces. */
  readonly rest: Buffer
}

const space = 32
const nothing = Buffer.alloc(0)

/** Total: every line is a command, perhaps one that nobody knows. */
export function parseCommandLine(given: Buffer): CommandLine {
  // RFC 854: telnet sends CR NUL for the CR that a script gave it.
  const line = given.at(-1) === 0 && given.at(-2) === 13 ? given.subarray(0, -2) : given
  const end = line.indexOf(space)
  const keyword = end < 0 ? line : line.subarray(0, end)
  return { keyword: readKeyword(keyword), rest: end < 0 ? nothing : line.subarray(end + 1) }
}

function readKeyword(bytes: Buffer): string {
  if (bytes.length > 255) return ''
  for (const byte of bytes) if (byte <= space || byte > 126) return ''
  return bytes.toString('latin1').toUpperCase()
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Strict UTF-8 without NUL, or undefined. RFC 6856 §2.2. */
export function decodeArgument(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
