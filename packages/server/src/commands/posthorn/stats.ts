import type { Command } from 'commander'
import { formatSummary } from '../../metrics/summary.ts'
import type { SiteStats } from '../../start/watching.ts'
import { askServer, successful } from '../control-client.ts'
import { CommandError } from '../shell.ts'
import { locateSiteAnyhow } from '../site.ts'
import { formatColumns } from './columns.ts'
import type { CommandContext } from './context.ts'

/** `posthorn stats`: what the server has done since it was started, all processes together. */
export function addStatsCommand(program: Command, { shell, site }: CommandContext): void {
  program
    .command('stats')
    .description('counts since the server was started')
    .option('--json', 'as the server tells them')
    .action(async (options: { json?: boolean }) => {
      const { folder } = locateSiteAnyhow(shell, site())
      const answer = await askServer(folder.controlSocket, { cmd: 'stats' })
      if (answer === undefined)
        throw new CommandError('the server is not running; `mailstats` counts what the log tells')
      const stats = successful(answer)['stats'] as SiteStats
      shell.out(options.json ? `${JSON.stringify(stats)}\n` : formatStats(stats))
    })
}

export function formatStats({ summary, queued, connections, deliveries, rejects }: SiteStats): string {
  const table = (title: string, rows: readonly (readonly [string, string, number])[]): string =>
    rows.length === 0
      ? ''
      : `\n${title}\n${formatColumns(rows.map(([one, two, count]) => ['', String(count), one, two]))}`
  const open = Object.entries(connections).map(([name, count]) => `${name} ${count}`)
  return [
    formatSummary(summary),
    `\nin the queue now: ${queued}; connections: ${open.join(', ')}\n`,
    table('deliveries by agent', deliveries),
    table('refusals by stage', rejects),
  ].join('')
}
