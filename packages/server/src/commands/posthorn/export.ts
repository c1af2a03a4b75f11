import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type ExportReport, exportMailboxes, type MailboxWriter } from '../../export/export-mailboxes.ts'
import { createMaildirWriter, writeSubscriptions } from '../../export/maildir-writer.ts'
import { createMboxWriter } from '../../export/mbox-writer.ts'
import { hashOctets } from '../../import/hashing.ts'
import { createMaildirSource } from '../../import/maildir/maildir-source.ts'
import { createMboxSource } from '../../import/mbox/mbox-source.ts'
import { createProgress } from '../../import/progress.ts'
import { sideOf } from '../../import/receipt.ts'
import type { MailSource } from '../../import/source.ts'
import { exit } from '../shell.ts'
import { locateSite, withSite } from '../site.ts'
import { accountNamed } from './account-named.ts'
import { formatColumns, readableSize } from './columns.ts'
import type { CommandContext } from './context.ts'
import { makeTarget, refuseClosed } from './target-folder.ts'

interface ExportOptions {
  readonly only: ReadonlySet<string>
}

/** `posthorn export …`: leaving is as easy as coming. */
export function addExportCommands(program: Command, context: CommandContext): void {
  const command = program
    .command('export')
    .description('write the mail of an account as a Maildir or mbox files')
  for (const [form, description] of [
    ['maildir', 'Maildir++, with flags, keywords, subscriptions and UIDs as Dovecot keeps them'],
    ['mbox', 'one mboxrd file a mailbox'],
  ] as const) {
    command
      .command(`${form} <address> <folder>`)
      .description(`${description}; the folder must be empty or not exist`)
      .option(
        '--only <mailbox>',
        'only this one (again for more)',
        (name: string, before: ReadonlySet<string>) => new Set([...before, name]),
        new Set<string>(),
      )
      .action((address: string, folder: string, options: ExportOptions) =>
        writeOut(context, form, address, folder, options),
      )
  }
}

async function writeOut(
  { shell, site, finish }: CommandContext,
  form: 'maildir' | 'mbox',
  address: string,
  folder: string,
  { only }: ExportOptions,
): Promise<void> {
  const root = resolve(folder)
  makeTarget(root, locateSite(shell, site()).folder.path)
  await withSite(shell, site(), async ({ store, accounts, config }) => {
    refuseClosed(root)
    const account = await accountNamed(accounts, address)
    const progress = createProgress(shell.terminal, shell.err)
    const writerFor = form === 'maildir' ? createMaildirWriter : createMboxWriter
    const reports = await exportMailboxes(store, account, only, progress, {
      uidlFormat: config.values.pop3_uidl_format,
      writerFor: (mailbox): MailboxWriter => writerFor(root, mailbox),
    })
    if (form === 'maildir') writeSubscriptions(root, await store.mailboxes.subscriptions(account.id))
    const { text, same } = await verify(form, root, reports)
    shell.out(text)
    finish(same ? exit.ok : exit.failure)
  })
}

/** What was written is read again as an import would read it, and compared octet for octet. */
async function verify(
  form: 'maildir' | 'mbox',
  root: string,
  reports: readonly ExportReport[],
): Promise<{ text: string; same: boolean }> {
  if (reports.every(({ messages }) => messages === 0))
    return { text: formatColumns(reports.map(({ mailbox }) => [mailbox, '0 messages'])), same: true }
  const written = await hashesOf(
    form === 'maildir' ? createMaildirSource(root) : createMboxSource(root, undefined),
  )
  let same = true
  const rows = reports.map(({ mailbox, messages, sizeBytes, hashes }) => {
    const there = sideOf(written.get(mailbox) ?? [])
    const here = sideOf(hashes)
    const equal = there.hash === here.hash
    same &&= equal
    return [
      mailbox,
      `${messages} messages`,
      readableSize(sizeBytes),
      `here ${here.hash}`,
      `there ${there.hash}`,
      equal ? 'same' : 'DIFFERENT (line ends that are not CRLF cannot be kept in this form)',
    ]
  })
  return { text: formatColumns(rows), same }
}

async function hashesOf(source: MailSource): Promise<Map<string, string[]>> {
  const hashes = new Map<string, string[]>()
  for (const mailbox of await source.mailboxes()) {
    const found: string[] = []
    for await (const { octets } of mailbox.read(await mailbox.list())) found.push(hashOctets(octets))
    hashes.set(mailbox.name, found)
  }
  return hashes
}
