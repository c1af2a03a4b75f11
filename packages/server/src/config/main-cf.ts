/** One parameter setting of main.cf. `value` is in one line: continuation lines joined, blanks made single. */
export interface MainCfEntry {
  readonly name: string
  readonly value: string
  /** Of the name; 1 is the first. */
  readonly line: number
}

export interface MainCf {
  readonly entries: readonly MainCfEntry[]
  readonly problems: readonly { readonly line: number; readonly message: string }[]
}

interface LogicalLine {
  text: string
  readonly line: number
}

/**
 * Postfix's syntax (postconf(5)): `name = value`; a line that begins with a blank continues the one before;
 * empty lines and lines whose first visible character is `#` are passed over, inside a continuation too.
 */
export function parseMainCf(text: string): MainCf {
  const entries: MainCfEntry[] = []
  const problems: { line: number; message: string }[] = []
  for (const { text: logical, line } of logicalLines(text)) {
    const equals = logical.indexOf('=')
    const name = (equals === -1 ? logical : logical.slice(0, equals)).trim()
    if (/[{}]/.test(name)) {
      problems.push({ line, message: 'blocks in braces are not read; write each setting as `name = value`' })
    } else if (equals === -1) {
      problems.push({ line, message: `missing '=' after attribute name: "${name}"` })
    } else if (name === '') {
      problems.push({ line, message: `missing attribute name: "${logical.trim()}"` })
    } else if (/\s/.test(name)) {
      problems.push({ line, message: `missing '=' after attribute name: "${name}"` })
    } else {
      entries.push({ name, value: oneLine(logical.slice(equals + 1)), line })
    }
  }
  return { entries, problems }
}

/** As `postconf` prints a value. */
export function oneLine(value: string): string {
  return value.trim().replace(/[ \t\r\n\f\v]+/g, ' ')
}

function logicalLines(text: string): LogicalLine[] {
  const lines: LogicalLine[] = []
  for (const [index, physical] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const visible = physical.trim()
    if (visible === '' || visible.startsWith('#')) continue
    const last = lines.at(-1)
    if (/^[ \t]/.test(physical) && last !== undefined) last.text += ` ${visible}`
    else lines.push({ text: visible, line: index + 1 })
  }
  return lines
}
