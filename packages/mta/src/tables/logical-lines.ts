export interface LogicalLine {
  readonly text: string
  /** Where it starts, from 1. */
  readonly number: number
}

/**
 * Postfix's lines: blank ones and those whose first visible character is `#` are skipped, a line that
 * starts with blanks continues the one before. postconf(5), access(5).
 */
export function* logicalLines(text: string): Generator<LogicalLine> {
  let logical = ''
  let started = 0
  let number = 0
  for (let start = 0; start < text.length; ) {
    const lf = text.indexOf('\n', start)
    const end = lf === -1 ? text.length : lf
    const line = text.charCodeAt(end - 1) === 0x0d ? text.slice(start, end - 1) : text.slice(start, end)
    start = end + 1
    number++
    const visible = firstVisible(line)
    if (visible === -1 || line[visible] === '#') continue
    if (visible > 0 && started > 0) {
      logical += line
      continue
    }
    if (started > 0) yield { text: logical.trimEnd(), number: started }
    logical = line
    started = number
  }
  if (started > 0) yield { text: logical.trimEnd(), number: started }
}

function firstVisible(line: string): number {
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if (code !== 0x20 && code !== 0x09) return i
  }
  return -1
}

/** Lines parsed between two pauses, so that a reload of 100,000 lines holds up no session. */
export const linesPerSlice = 500
