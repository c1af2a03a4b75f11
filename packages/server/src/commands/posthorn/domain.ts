import type { Command } from 'commander'
import { asciiDomain } from '../../services/account-options.ts'
import { CommandError } from '../shell.ts'
import { withSite } from '../site.ts'
import { formatColumns } from './columns.ts'
import type { CommandContext } from './context.ts'

/** `posthorn domain …`: local domains beside those of mydestination. */
export function addDomainCommands(program: Command, { shell, site }: CommandContext): void {
  const domain = program.command('domain').description('local domains: add, list, remove')
  domain
    .command('add <domain>')
    .description('accept mail for a domain and accounts in it')
    .action((name: string) =>
      withSite(shell, site(), async ({ accounts }) => {
        shell.out((await accounts.addDomain(name)) ? `${name}: added\n` : `${name}: local already\n`)
      }),
    )
  domain
    .command('list')
    .description('every local domain and where it comes from')
    .action(() =>
      withSite(shell, site(), async ({ accounts, store, config }) => {
        const added = new Set(await store.accounts.domains())
        const all = [...(await accounts.list())]
        const rows = (await accounts.localDomains()).map((name) => {
          const source = added.has(name)
            ? 'added'
            : name === asciiDomain(config.values.auth_default_realm)
              ? 'auth_default_realm'
              : 'mydestination'
          return [
            name,
            source,
            `${all.filter(({ address }) => address.endsWith(`@${name}`)).length} accounts`,
          ]
        })
        shell.out(formatColumns(rows))
      }),
    )
  domain
    .command('remove <domain>')
    .description('stop accepting mail for a domain that was added; its accounts stay')
    .action((name: string) =>
      withSite(shell, site(), async ({ accounts }) => {
        if (!(await accounts.removeDomain(name))) {
          throw new CommandError(`${name} was not added by \`posthorn domain add\`; see mydestination`)
        }
        shell.out(`${name}: removed\n`)
      }),
    )
}
