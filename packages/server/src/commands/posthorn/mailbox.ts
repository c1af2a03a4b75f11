import type { Account, SpecialUse } from '@posthorn/storage'
import { type Command, Option } from 'commander'
import { type OpenSite, withSite } from '../site.ts'
import { accountNamed } from './account-named.ts'
import { formatColumns, readableSize } from './columns.ts'
import type { CommandContext } from './context.ts'

const specialUses: readonly SpecialUse[] = [
  'All',
  'Archive',
  'Drafts',
  'Flagged',
  'Junk',
  'Sent',
  'Trash',
  'Important',
]

/** `posthorn mailbox …`: the mailboxes of an account. */
export function addMailboxCommands(program: Command, { shell, site }: CommandContext): void {
  const mailbox = program
    .command('mailbox')
    .description('mailboxes of an account: list, create, rename, remove, subscribe, unsubscribe')
  const forAccount = (address: string, work: (open: OpenSite, account: Account) => Promise<string>) =>
    withSite(shell, site(), async (open) => {
      shell.out(await work(open, await accountNamed(open.accounts, address)))
    })
  mailbox
    .command('list <address>')
    .description('names, counts and sizes')
    .action((address: string) => forAccount(address, listMailboxes))
  mailbox
    .command('create <address> <name>')
    .description('`/` separates levels; parents are made too')
    .addOption(new Option('--special-use <use>', 'RFC 6154').choices(specialUses))
    .action((address: string, name: string, options: { specialUse?: SpecialUse }) =>
      forAccount(address, async ({ store }, account) => {
        const made = await store.mailboxes.create(
          account.id,
          name,
          options.specialUse === undefined ? [] : [options.specialUse],
        )
        await store.mailboxes.subscribe(account.id, made.name, 'subscribed')
        return `${made.name}: created\n`
      }),
    )
  mailbox
    .command('rename <address> <from> <to>')
    .description('with its children')
    .action((address: string, from: string, to: string) =>
      forAccount(address, async ({ store }, account) => {
        await store.mailboxes.rename(account.id, from, to)
        return `${from}: renamed to ${to}\n`
      }),
    )
  mailbox
    .command('remove <address> <name>')
    .description('with its messages')
    .action((address: string, name: string) =>
      forAccount(address, async ({ store }, account) => {
        await store.mailboxes.remove(account.id, name)
        await store.mailboxes.subscribe(account.id, name, 'unsubscribed')
        return `${name}: removed\n`
      }),
    )
  for (const [verb, to] of [
    ['subscribe', 'subscribed'],
    ['unsubscribe', 'unsubscribed'],
  ] as const) {
    mailbox
      .command(`${verb} <address> <name>`)
      .description(`${to === 'subscribed' ? 'show' : 'hide'} it in clients that list subscribed mailboxes`)
      .action((address: string, name: string) =>
        forAccount(address, async ({ store }, account) => {
          await store.mailboxes.subscribe(account.id, name, to)
          return `${name}: ${to}\n`
        }),
      )
  }
}

async function listMailboxes({ store }: OpenSite, account: Account): Promise<string> {
  const rows = (await store.mailboxes.list(account.id)).map((one) => [
    one.name,
    `${one.messages} messages`,
    `${one.unseen} unseen`,
    readableSize(one.sizeBytes),
    [
      ...one.specialUse.map((use) => `\\${use}`),
      ...(one.subscribed ? ['subscribed'] : []),
      ...(one.selectable ? [] : ['\\NoSelect']),
    ].join(' '),
  ])
  return formatColumns(rows)
}
