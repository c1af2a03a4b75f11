import { rebuildStore } from '@posthorn/storage'
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
  for (const one of report.lost) shell.err(`lost: ${one}\n`)
  shell.out(
    `${report.mailboxes} mailboxes, ${report.messages} messages, ${report.queueEntries} queued` +
      `${report.redelivered === 0 ? '' : `, ${report.redelivered} delivered again from their frames`}: ` +
      `${report.lost.length === 0 ? 'nothing lost' : `${report.lost.length} lost`}\n`,
  )
  finish(report.lost.length === 0 ? exit.ok : exit.failure)
}
