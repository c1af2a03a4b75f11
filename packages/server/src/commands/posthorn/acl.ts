import { aclTarget, identifierOf, rightsChange, rightsText } from '@posthorn/imap'
import { type Account, allRights, type Mailbox, StoreError } from '@posthorn/storage'
import type { Command } from 'commander'
import { CommandError, exit } from '../shell.ts'
import { type OpenSite, withSite } from '../site.ts'
import { accountNamed } from './account-named.ts'
import { formatColumns } from './columns.ts'
import type { CommandContext } from './context.ts'

const identifierHelp = 'who: an address, anyone, authenticated, $group; -who takes away'

/** `posthorn acl …`: who may do what in a mailbox (RFC 4314). */
export function addAclCommands(program: Command, { shell, site }: CommandContext): void {
  const acl = program.command('acl').description('sharing of mailboxes: list, set, delete')
  type Work = (open: OpenSite, owner: Account, mailbox: Mailbox) => Promise<string>
  const forMailbox = (address: string, name: string, work: Work, words?: EntryWords) =>
    withSite(shell, site(), async (open) => {
      const account = await accountNamed(open.accounts, address)
      const mailbox = await open.store.mailboxes.find(account.id, name)
      if (mailbox === undefined)
        throw new CommandError(
          `No such mailbox: ${name} (posthorn mailbox list ${address}, posthorn mailbox create ${address} ${name})`,
        )
      try {
        shell.out(await work(open, account, mailbox))
      } catch (error) {
        throw understandable(error, words)
      }
    })
  acl
    .command('list <address> [mailbox]')
    .description('the lists of all shared mailboxes of an account, or of one')
    .option('--json', 'one object a line')
    .action((address: string, name: string | undefined, options: { json?: boolean }) => {
      const form = options.json ? 'json' : 'columns'
      if (name !== undefined)
        return forMailbox(address, name, (open, _, mailbox) => listing(open, [mailbox], form))
      return forMailbox(address, 'INBOX', async (open, owner) =>
        listing(open, await open.store.mailboxes.list(owner.id), form),
      )
    })
  acl
    .command('set <address> <mailbox> <identifier> <rights>')
    .description(`give rights: letters of ${allRights}, +letters, -letters, all; ${identifierHelp}`)
    .allowUnknownOption()
    .action((address: string, name: string, identifier: string, rights: string) =>
      forMailbox(
        address,
        name,
        async ({ store }, owner, mailbox) => {
          const change = rightsChange(rights === 'all' ? allRights : rights)
          const target = await aclTarget({ store, account: owner }, owner.id, identifier)
          await store.sharing.changeAcl(mailbox.id, { ...target, ...change })
          return `${mailbox.name}: ${identifier} ${rights}\n`
        },
        { identifier, rights },
      ),
    )
  acl
    .command('delete <address> <mailbox> <identifier>')
    .description(`take an entry away; ${identifierHelp}`)
    .allowUnknownOption()
    .action((address: string, name: string, identifier: string) =>
      forMailbox(
        address,
        name,
        async ({ store }, owner, mailbox) => {
          const target = await aclTarget({ store, account: owner }, owner.id, identifier)
          if (!(await store.sharing.removeAclEntry(mailbox.id, target)))
            throw new CommandError(`${mailbox.name}: no entry for ${identifier}`)
          return `${mailbox.name}: ${identifier} deleted\n`
        },
        { identifier, rights: '' },
      ),
    )
}

interface EntryWords {
  readonly identifier: string
  readonly rights: string
}

/** What the protocol would answer NO or BAD is a wrong argument here. */
function understandable(error: unknown, words: EntryWords | undefined): unknown {
  if (error instanceof CommandError || error instanceof StoreError || !(error instanceof Error)) return error
  if (error.name === 'SyntaxFault')
    return new CommandError(
      `"${words?.identifier} ${words?.rights}": ${error.message}; rights are ${allRights}`,
      exit.usage,
    )
  return error.name === 'Refusal'
    ? new CommandError(`${words?.identifier}: ${error.message} (${identifierHelp})`, exit.usage)
    : error
}

async function listing(
  { store }: OpenSite,
  mailboxes: readonly Mailbox[],
  form: 'columns' | 'json',
): Promise<string> {
  const rows: string[][] = []
  let lines = ''
  for (const mailbox of mailboxes) {
    for (const entry of await store.sharing.acl(mailbox.id)) {
      const identifier = (await identifierOf({ store }, entry)) ?? ''
      rows.push([mailbox.name, identifier, rightsText(entry.rights)])
      lines += `${JSON.stringify({ mailbox: mailbox.name, identifier, rights: entry.rights })}\n`
    }
  }
  return form === 'json' ? lines : formatColumns(rows)
}
