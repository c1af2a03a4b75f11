import type { Command } from 'commander'
import { asciiDomain } from '../../services/account-options.ts'
import { listedDomains, ownDomainLists } from '../../services/site-domains.ts'
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
      withSite(shell, site(), async ({ accounts, store, config, log }) => {
        const all = [...(await accounts.list())]
        const rows = new Map<string, readonly string[]>()
        const add = (name: string, source: string) => {
          const count = all.filter(({ address }) => address.endsWith(`@${name}`)).length
          if (!rows.has(name)) rows.set(name, [name, source, `${count} accounts`])
        }
        for (const name of await store.accounts.domains()) add(name, 'added')
        if (config.values.mydestination.length > 0)
          add(asciiDomain(config.values.auth_default_realm), 'auth_default_realm')
        for (const list of ownDomainLists) {
          const { names, untold } = listedDomains(config, list, log)
          for (const name of names) add(name, list)
          for (const word of untold) rows.set(`${list} ${word}`, [word, list, 'is asked for each name'])
        }
        shell.out(formatColumns([...rows.values()]))
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
