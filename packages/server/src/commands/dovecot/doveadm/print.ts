import { CommandError, exit, type Shell } from '../../shell.ts'

/** Dovecot: doveadm -f. */
export type Format = 'flow' | 'json' | 'pager' | 'tab' | 'table'

export interface Column {
  readonly title: string
  /** Without its title where it stands in a line. */
  readonly bare?: true
}

/** @throws CommandError */
export function formatNamed(name: string): Format {
  if (name === 'flow' || name === 'json' || name === 'pager' || name === 'tab' || name === 'table')
    return name
  throw new CommandError(`Unknown formatter: ${name}`, exit.usage)
}

/** Rows, in one of doveadm's formats. */
export class Printer {
  readonly #shell: Shell
  readonly #format: Format
  readonly #columns: readonly Column[]
  #rows: (readonly string[])[] = []
  #count = 0

  constructor(shell: Shell, format: Format, columns: readonly Column[]) {
    this.#shell = shell
    this.#format = format
    this.#columns = columns
    const isTitled = columns.some(({ bare }) => !bare)
    if (format === 'tab' && isTitled) shell.out(`${columns.map(({ title }) => title).join('\t')}\n`)
    if (format === 'table' && isTitled) this.#rows.push(columns.map(({ title }) => title))
    if (format === 'json') shell.out('[')
  }

  row(values: readonly string[]): void {
    if (this.#format === 'table') this.#rows.push(values)
    else this.#shell.out(this.#text(values))
    this.#count++
  }

  #text(values: readonly string[]): string {
    const named = this.#columns.map((column, at) => ({ ...column, value: values[at] ?? '' }))
    switch (this.#format) {
      case 'json':
        return `${this.#count === 0 ? '' : ','}${JSON.stringify(
          Object.fromEntries(named.map(({ title, value }) => [title, value])),
        )}`
      case 'pager':
        return `${this.#count === 0 ? '' : '\f\n'}${named.map(pagerField).join('')}`
      case 'tab':
        return `${values.map((value) => value.replace(/[\t\r\n]+/g, ' ')).join('\t')}\n`
      default:
        return `${named.map(({ title, bare, value }) => (bare ? value : `${title}=${value}`)).join(' ')}\n`
    }
  }

  end(): void {
    if (this.#format === 'json') this.#shell.out(']')
    const widths = this.#columns.map((_, at) => Math.max(0, ...this.#rows.map((row) => row[at]?.length ?? 0)))
    for (const row of this.#rows)
      this.#shell.out(
        `${row
          .map((value, at) => value.padEnd(widths[at] ?? 0))
          .join(' ')
          .trimEnd()}\n`,
      )
  }
}

const pagerField = ({ title, bare, value }: Column & { readonly value: string }): string => {
  if (bare) return `${value}\n`
  return value.includes('\n') ? `${title}:\n${value}\n` : `${title}: ${value}\n`
}
