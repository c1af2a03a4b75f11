import { formatColumns, readableSize } from './columns.ts'

/** What the server tells of itself, as text; unknown parts are shown as they are. */
export function formatStatus(status: unknown): string {
  if (typeof status !== 'object' || status === null) return `${JSON.stringify(status)}\n`
  const rows: string[][] = []
  for (const [name, value] of Object.entries(status)) {
    if (name === 'processes' && Array.isArray(value))
      for (const one of value) rows.push(['process', describe(one)])
    else rows.push([name, describe(value)])
  }
  return formatColumns(rows)
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([name, one]) => `${shortName(name)} ${shown(name, one)}`)
    .join(', ')
}

const shortName = (name: string) => name.replace(/(Bytes|Seconds)$/, '')

function shown(name: string, value: unknown): string {
  if (name.endsWith('Bytes') && typeof value === 'number') return readableSize(value)
  if (name.endsWith('Seconds') && typeof value === 'number') return `${Math.round(value)} s`
  return typeof value === 'object' && value !== null ? `(${describe(value)})` : String(value)
}
