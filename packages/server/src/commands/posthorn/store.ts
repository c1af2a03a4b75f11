import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RebuildReport, rebuildStore } from '@posthorn/storage'
import type { Command } from 'commander'
import { serverStatus } from '../server-control.ts'
import { CommandError, exit } from '../shell.ts'
import { becomeOwner, locateSite, withSite } from '../site.ts'
import { backUp, restore } from './backup.ts'
import { readableSize } from './columns.ts'
import type { CommandContext } from './context.ts'

/** `posthorn store …`, `posthorn backup`, `posthorn restore`. */
export function addStoreCommands(program: Command, context: CommandContext): void {
  const { shell, site } = context
  const store = program.command('store').description('the message store: check, rebuild, compact')
  store
    .command('check')
    .description('index against messages, every counter and checksum; exit code 1 when something is wrong')
    .action(() => checkStore(context))
  store
    .command('rebuild')
    .description('a new index from the messages and the journal; the server must be stopped')
    .action(() => rebuild(context))
  store
    .command('compact')
    .description('give the space of removed messages back now; the server does so by itself')
    .action(() =>
      withSite(shell, site(), async (open) => {
        const { segmentsRemoved, copiedBytes, freedBytes } = await open.store.compact()
        shell.out(
          `${readableSize(freedBytes)} freed, ${segmentsRemoved} segments removed, ${readableSize(copiedBytes)} copied\n`,
        )
      }),
    )
  program
    .command('backup <folder>')
    .description(
      'a verified copy of mail, accounts, queue, configuration and keys, in a new folder; the server may run',
    )
    .action((folder: string) => backUp(context, folder))
  program
    .command('restore <folder>')
    .description('put a backup where there is no store yet; the server must be stopped')
    .action((folder: string) => restore(context, folder))
}

async function checkStore({ shell, site, finish }: CommandContext): Promise<void> {
  await withSite(shell, site(), async ({ store }) => {
    const { problems, ...found } = await store.check()
    for (const problem of problems) shell.err(`problem: ${problem}\n`)
    for (const note of found.notes ?? []) shell.out(`note: ${note}\n`)
    shell.out(
      `${found.accounts} accounts, ${found.mailboxes} mailboxes, ${found.messages} messages, ${found.queueEntries} queued, ` +
        `${found.segments} segments, ${readableSize(found.verifiedBytes)} verified: ${problems.length === 0 ? 'ok' : `${problems.length} problems`}\n`,
    )
    if (problems.length > 0)
      shell.out('posthorn store rebuild makes a new index; damaged messages come from a backup\n')
    finish(problems.length === 0 ? exit.ok : exit.failure)
  })
}

async function rebuild({ shell, site, finish }: CommandContext): Promise<void> {
  if ((await serverStatus(shell, site())) !== undefined)
    throw new CommandError('stop the server first: posthorn stop')
  const { folder } = locateSite(shell, site())
  becomeOwner(folder.path)
  const report = await rebuildStore(folder.storeFolder, shell.now())
  const { lost, unknown, broughtBack } = report
  const path = writeRebuildReport(folder.storeFolder, report)
  const tell = (what: string, lines: readonly string[]): void => {
    for (const line of lines.slice(0, shownLines)) shell.err(`${what}: ${line}\n`)
    if (lines.length > shownLines)
      shell.err(`${what}: … and ${lines.length - shownLines} more, see ${path ?? ''}\n`)
  }
  tell('unknown', unknown)
  tell('brought back', broughtBack)
  tell('lost', lost)
  shell.out(
    `${report.mailboxes} mailboxes, ${report.messages} messages, ${report.queueEntries} queued` +
      `${broughtBack.length === 0 ? '' : `, ${broughtBack.length} brought back from their frames`}: ${verdict(report)}` +
      `${path === undefined ? '' : `; all of it is in ${path}`}\n`,
  )
  finish(lost.length === 0 && unknown.length === 0 ? exit.ok : exit.failure)
}

/** Lines of a kind that are shown; the file has all of them. */
const shownLines = 20

function verdict({ lost, unknown }: RebuildReport): string {
  if (lost.length > 0) return `${lost.length} lost`
  return unknown.length === 0
    ? 'nothing lost'
    : 'no message found damaged, but not everything is known (see above)'
}

/** Message by message, for the administrator, and for no one else's eyes. Where it is; undefined: nothing to say. */
function writeRebuildReport(storeFolder: string, report: RebuildReport): string | undefined {
  const lines = [
    ...report.unknown.map((line) => `unknown: ${line}`),
    ...report.broughtBack.map((line) => `brought back: ${line}`),
    ...report.lost.map((line) => `lost: ${line}`),
  ]
  if (lines.length === 0) return undefined
  const path = join(storeFolder, 'rebuild-report.txt')
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 })
  return path
}
