import type { GreylistRow } from '@posthorn/storage'
import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { printable } from '../postfix/queue-listing.ts'
import { exit } from '../shell.ts'
import { withSite } from '../site.ts'
import { formatColumns } from './columns.ts'
import type { CommandContext } from './context.ts'

/** `posthorn greylist …`: who waits, who has passed, who never waits. */
export function addGreylistCommands(program: Command, { shell, site, finish }: CommandContext): void {
  const greylist = program.command('greylist').description('greylisting: list, whitelist, expire')
  greylist
    .command('list')
    .description('triplets with how often they passed (counted once a minute at most)')
    .option('-n, --limit <count>', 'at most so many', '1000')
    .option('--waiting', 'only those that have not passed')
    .action((options: { limit: string; waiting?: boolean }) =>
      withSite(shell, site(), async ({ store, config }) => {
        const limit = Math.max(1, Number.parseInt(options.limit, 10) || 1000)
        const rows = (await store.greylist.list(limit)).filter((row) => !options.waiting || row.passed === 0)
        shell.out(
          rows.length === 0
            ? 'No triplets\n'
            : formatColumns(rows.map((row) => tripletCells(row, config, shell.now()))),
        )
      }),
    )
  greylist
    .command('whitelist')
    .description('the networks that have earned it, and the files of the configuration')
    .action(() =>
      withSite(shell, site(), async ({ store, config }) => {
        const passes = config.values.greylist_auto_whitelist_clients
        const counts = new Map<string, number>()
        for (const row of await store.greylist.list()) {
          if (row.passed > 0) counts.set(row.network, (counts.get(row.network) ?? 0) + 1)
        }
        const earned = passes === 0 ? [] : [...counts].filter(([, count]) => count >= passes)
        for (const [network, count] of earned) shell.out(`${network}  ${count} triplets passed\n`)
        for (const name of ['greylist_whitelist_clients', 'greylist_whitelist_recipients'] as const) {
          shell.out(`${name} = ${config.values[name].join(' ')}`.trimEnd().concat('\n'))
        }
      }),
    )
  greylist
    .command('expire')
    .description('forget what is too old now; the server does so by itself')
    .action(() =>
      withSite(shell, site(), async ({ store, config }) => {
        const { greylist_retry_window, greylist_max_age } = config.values
        const count = await store.greylist.expire(shell.now(), greylist_retry_window, greylist_max_age)
        shell.out(`${count} triplets forgotten\n`)
        finish(exit.ok)
      }),
    )
}

function tripletCells(row: GreylistRow, config: Config, nowMs: number): readonly string[] {
  const waitMs = row.firstSeenMs + config.values.greylist_delay - nowMs
  const state =
    row.passed > 0 ? `passed ${row.passed}` : waitMs > 0 ? `waits ${Math.ceil(waitMs / 1000)} s` : 'may pass'
  return [
    row.network,
    printable(row.sender === '' ? '<>' : row.sender),
    printable(row.recipient),
    state,
    isoTime(row.lastSeenMs),
  ]
}

const isoTime = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
