import { CommandError, exit } from '../shell.ts'

/** Rows with their columns aligned by two blanks. */
export function formatColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

export function readableSize(octets: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = octets
  let unit = 0
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** `500M`, `2G`, `1048576`. Throws CommandError. */
export function parseSize(text: string): number {
  const match = /^(\d{1,12})([kKmMgGtT]?)[bB]?$/.exec(text)
  if (match === null) throw new CommandError(`not a size: ${text} (500M, 2G, 1048576)`, exit.usage)
  return Number(match[1]) * 1024 ** ' kmgt'.indexOf((match[2] || ' ').toLowerCase())
}
