import type { Command } from 'commander'
import { type OpenSite, withSite } from '../site.ts'
import { accountNamed } from './account-named.ts'
import { formatColumns } from './columns.ts'
import type { CommandContext } from './context.ts'

/** `posthorn group …`: groups that mailboxes may be shared with, as `$name`. */
export function addGroupCommands(program: Command, { shell, site }: CommandContext): void {
  const group = program
    .command('group')
    .description('groups to share mailboxes with: add, remove, join, leave, list')
  const open = (work: (open: OpenSite) => Promise<string>) =>
    withSite(shell, site(), async (opened) => {
      shell.out(await work(opened))
    })
  const membership = (verb: 'join' | 'leave', description: string, to: 'member' | 'stranger') =>
    group
      .command(`${verb} <name> <addresses...>`)
      .description(description)
      .action((name: string, addresses: readonly string[]) =>
        open(async ({ store, accounts }) => {
          let text = ''
          for (const address of addresses) {
            const account = await accountNamed(accounts, address)
            await store.sharing.changeMembership(name, account.id, to)
            text += `${name}: ${account.address} ${to === 'member' ? 'joined' : 'left'}\n`
          }
          return text
        }),
      )
  group
    .command('add <name>')
    .description('letters, digits, `.`, `_`, `-`')
    .action((name: string) =>
      open(async ({ store }) => {
        await store.sharing.createGroup(name)
        return `${name.toLowerCase()}: added\n`
      }),
    )
  group
    .command('remove <name>')
    .description('with all that was shared with it')
    .action((name: string) =>
      open(async ({ store }) => {
        await store.sharing.removeGroup(name)
        return `${name.toLowerCase()}: removed\n`
      }),
    )
  membership('join', 'make accounts members', 'member')
  membership('leave', 'members no more', 'stranger')
  group
    .command('list')
    .description('groups and their members')
    .action(() =>
      open(async ({ store }) => {
        const rows: string[][] = []
        for (const { name, members } of await store.sharing.groups()) {
          const accounts = await Promise.all(members.map((id) => store.accounts.get(id)))
          rows.push([name, accounts.map((account) => account?.address ?? '').join(' ')])
        }
        return formatColumns(rows)
      }),
    )
}
